"""The commands `sharq-server keys add | rotate | retire | list`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from sharq_plug.errors import ConfigError
from sharq_plug.keys.checks import BadKeys
from sharq_plug.keys.keyring import Key
from sharq_plug.keys.writing import add_key, list_keys, retire_key, rotate_key
from sharq_plug.model import Scope
from sharq_plug.server.logs import say

COMMAND = "keys"
"""The first word of these commands."""
SHOWN_ONCE = "This token is shown once, and is kept nowhere: store it now."


def run_keys(keys_file: str | None, words: Sequence[str]) -> int:
    """Run the command that `words` are, without the first; return the exit status.

    Raises ConfigError.
    """
    arguments = _parser().parse_args(words)
    if keys_file is None:
        raise ConfigError("no keys file is named: set [sharq-server] keys_file")
    run: Callable[[Path, argparse.Namespace], None] = arguments.run
    try:
        run(Path(keys_file), arguments)
    except BadKeys as error:
        raise ConfigError(f"keys: {error}") from error
    return 0


def _add(path: Path, arguments: argparse.Namespace) -> None:
    token = add_key(
        path,
        arguments.id,
        scopes=arguments.scopes,
        types=arguments.types,
        queues=arguments.queues,
        expires=arguments.expires,
    )
    _show(token)


def _rotate(path: Path, arguments: argparse.Namespace) -> None:
    _show(rotate_key(path, arguments.id))


def _retire(path: Path, arguments: argparse.Namespace) -> None:
    retire_key(path, arguments.id, only_old=arguments.old)


def _list(path: Path, _arguments: argparse.Namespace) -> None:
    for key in list_keys(path):
        sys.stdout.write(f"{_line(key)}\n")


def _show(token: str) -> None:
    sys.stdout.write(f"{token}\n")
    sys.stdout.flush()
    say(SHOWN_ONCE)


def _line(key: Key) -> str:
    """Return all that may be shown of a key."""
    parts = [key.id, f"scopes={','.join(scope for scope in Scope if scope in key.scopes)}"]
    for name, patterns in (("types", key.types), ("queues", key.queues)):
        if patterns is not None:
            parts.append(f"{name}={','.join(patterns)}")
    if key.expires is not None:
        instant = datetime.fromtimestamp(key.expires, UTC)
        state = "expired" if instant <= datetime.now(UTC) else "expires"
        parts.append(f"{state}={instant.isoformat().replace('+00:00', 'Z')}")
    if len(key.hashes) > 1:
        parts.append("rotating")
    return "  ".join(parts)


class _Parser(argparse.ArgumentParser):
    """Report a wrong argument in one line. It shows no argument: one may be a secret."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sharq-server keys",
        description="Change the keys file that [sharq-server] keys_file names. A running server "
        "reads it again by itself.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="add a key, and show its token once", allow_abbrev=False)
    _takes_id(add, _add)
    add.add_argument(
        "--scopes",
        metavar="LIST",
        type=_listed,
        required=True,
        help=f"what the key may do, with commas between: {', '.join(Scope)}",
    )
    for field in ("types", "queues"):
        add.add_argument(
            f"--{field}",
            metavar="LIST",
            type=_listed,
            help=f"the only {field} that it may use, with commas between: names, or prefixes that "
            "end in * (default: all)",
        )
    add.add_argument(
        "--expires",
        metavar="TIME",
        type=_instant,
        help="when it expires, as in 2027-01-31T00:00:00Z (default: never)",
    )
    help_text = "give a key a second token, and show it once; the first goes on"
    _takes_id(commands.add_parser("rotate", help=help_text, allow_abbrev=False), _rotate)
    retire = commands.add_parser(
        "retire", help="remove a key, or one token of it", allow_abbrev=False
    )
    _takes_id(retire, _retire)
    retire.add_argument(
        "--old", action="store_true", help="after a rotation: remove the older token only"
    )
    listing = commands.add_parser("list", help="list the keys, without secrets", allow_abbrev=False)
    listing.set_defaults(run=_list)
    return parser


def _takes_id(
    parser: argparse.ArgumentParser, run: Callable[[Path, argparse.Namespace], None]
) -> None:
    parser.add_argument("id", metavar="ID", help="the id of the key: 1 to 32 of a-z 0-9 -")
    parser.set_defaults(run=run)


def _listed(text: str) -> list[str]:
    return text.split(",")


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant


_instant.__name__ = "time"  # argparse names a type by it
_listed.__name__ = "list"
