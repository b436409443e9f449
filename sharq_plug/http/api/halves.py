r"""Half surrogate pairs: `\ud83d` alone, which JSON allows and Unicode text cannot hold.

JavaScript's `slice` and Python's `json.dumps` write them, a payload may hold them, and msgspec
refuses them. So a text with halves is decoded in a marked form of the same length: each escape that
may be a half begins with two bytes that UTF-8 never uses. Whole pairs and the letters from
`\ud000` on are marked too. That does no harm: payloads are unmarked again, and no name holds any.
"""

import re

MARK = b"\xfd\xfd"
r"""Stands for the `\u` of an escape: bytes that are in no UTF-8 text."""
MARKED = 0xFD
"""A text that holds this byte is marked: looking for one byte costs next to nothing."""
_BACKSLASH = b"\xff\xff"
_LETTER = "¿".encode()

_is_broken = re.compile(MARK + rb"(?![dD][0-9a-fA-F]{3})").search


def mark(text: bytes) -> bytes:
    r"""Return UTF-8 JSON with the `\u` of each escape from `\ud000` to `\udfff` replaced."""
    if rb"\ud" not in text and rb"\uD" not in text:
        return text
    marked = text.replace(rb"\\", _BACKSLASH)  # a u after an escaped backslash is a letter
    marked = marked.replace(rb"\ud", MARK + b"d").replace(rb"\uD", MARK + b"D")
    return text if _is_broken(marked) else marked.replace(_BACKSLASH, rb"\\")


def unmark(text: bytes) -> bytes:
    """Return a text, or a part of it, as it was before `mark`."""
    return text.replace(MARK, rb"\u")


def legible(marked: bytes) -> bytes:
    """Return a marked text as UTF-8: its marked escapes are other letters, beyond ASCII too."""
    return marked.replace(MARK, _LETTER)
