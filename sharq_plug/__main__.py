"""Run the server: `python -m sharq_plug` is `sharq-server`."""

import sys

from sharq_plug.cli import main

if __name__ == "__main__":
    sys.exit(main())
