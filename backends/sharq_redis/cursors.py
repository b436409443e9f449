"""Cursors as text, parts with dots between them: a letter for the listing, then the position."""

import re
from dataclasses import dataclass
from typing import Self

from sharq_plug.model import MAX_INTEGER, invalid, is_name

MAX_SCAN = 2**64 - 1
"""The largest cursor of a Redis scan."""

_is_integer = re.compile(r"-?[0-9]{1,20}").fullmatch
_is_hex = re.compile(r"(?:[0-9a-f]{2})*").fullmatch


@dataclass(frozen=True, slots=True)
class Position:
    """Where a scan of a set or a hash goes on: at the Redis cursor `start`.

    If a step from there returned more than a page holds, `behind` is the last name of it that was
    listed, in sorted order, and `end` is the Redis cursor that the step returned.
    """

    start: int = 0
    end: int = 0
    behind: str = ""


BEGINNING = Position()


@dataclass(frozen=True, slots=True)
class Cursor:
    """A parsed cursor."""

    letter: str
    parts: tuple[str, ...]

    @classmethod
    def read(cls, text: str, letters: str) -> Self:
        """Parse a cursor that begins with one of these letters. Raises InvalidRequest."""
        letter, *parts = text.split(".")
        if len(letter) != 1 or letter not in letters:
            raise invalid("cursor")
        return cls(letter, tuple(parts))

    def integers(self, *counts: int) -> tuple[int, ...]:
        """Return the parts as integers; one of `counts` is their number. Raises InvalidRequest."""
        if len(self.parts) not in counts:
            raise invalid("cursor")
        return tuple(_integer(part, -MAX_INTEGER, MAX_INTEGER) for part in self.parts)

    def scan(self) -> int:
        """Return the only part, a Redis cursor. Raises InvalidRequest."""
        if len(self.parts) != 1:
            raise invalid("cursor")
        return _integer(self.parts[0], 0, MAX_SCAN)

    def position(self, *, buckets: int = 1) -> tuple[int, Position]:
        """Return the bucket, below `buckets`, and the position in it. Raises InvalidRequest."""
        if len(self.parts) != 4:  # noqa: PLR2004  # as many as `position_text` joins
            raise invalid("cursor")
        bucket, start, end, name = self.parts
        behind = bytes.fromhex(name).decode("ascii", "replace") if _is_hex(name) else None
        if behind is None or (behind and not is_name(behind)):
            raise invalid("cursor")
        return (
            _integer(bucket, 0, buckets - 1),
            Position(_integer(start, 0, MAX_SCAN), _integer(end, 0, MAX_SCAN), behind),
        )


def cursor_text(letter: str, *integers: int) -> str:
    """Return a cursor of integers."""
    return ".".join((letter, *map(str, integers)))


def position_text(letter: str, position: Position, bucket: int = 0) -> str:
    """Return a cursor of a position."""
    numbers = cursor_text(letter, bucket, position.start, position.end)
    return f"{numbers}.{position.behind.encode().hex()}"


def _integer(text: str, least: int, most: int) -> int:
    """Return a part as an integer. Raises InvalidRequest."""
    if not _is_integer(text) or not least <= (value := int(text)) <= most:
        raise invalid("cursor")
    return value
