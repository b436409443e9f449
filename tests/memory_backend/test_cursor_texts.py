"""Cursors: text for clients, of which a listing takes only its own."""

import re
from base64 import urlsafe_b64encode

import pytest

from sharq_memory.cursors import read_cursor, write_cursor
from sharq_plug.errors import InvalidRequest


@pytest.mark.parametrize("position", [("q",), ("@+~.:-_" * 14,), (0, -(2**53), 10**15), ()])
def test_a_cursor_comes_back_as_it_was_written(position: tuple[int | str, ...]) -> None:
    cursor = write_cursor("waiting", *position)
    assert re.fullmatch(r"[A-Za-z0-9_.:~-]{1,500}", cursor)
    assert read_cursor(cursor, "waiting", *map(type, position)) == position


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "\u00fc",
        "not one",
        "AAA=",
        "q" * 1000,
        urlsafe_b64encode(b"\x91" * 6000).decode(),  # a list in a list in a list, and so on
        write_cursor("waiting", 1),
        write_cursor("leased", "a"),
        write_cursor("leased", 1, 2),
        write_cursor("leased"),
        write_cursor("leased", 1) + "A",
        write_cursor("leased", 1)[:-2],
    ],
)
def test_any_other_text_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        read_cursor(cursor, "leased", int)
