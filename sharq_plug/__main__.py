"""Run the server: `python -m sharq_plug` is `sharq-server`."""

import sys

from sharq_plug.server.signals import watch_start


def main() -> int:
    """Listen to signals, then load and run the command; return its exit status."""
    watch_start()
    from sharq_plug.server import cli  # noqa: PLC0415  # it imports all the rest

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
