"""What a key's token looks like, `sq_<id>_<secret>`, so that none is shown where it got by mistake.

People put tokens into URLs, headers and messages where they do not belong. In a URL any letter may
be percent-encoded.
"""

import re

__all__ = ["has_token", "masked"]

_BYTE = "%[0-9A-Fa-f]{2}"
_SEPARATOR = "(?:_|%5[Ff])"
_find_token = re.compile(
    rf"(?:s|%73)(?:q|%71){_SEPARATOR}((?:[a-z0-9-]|{_BYTE}){{1,32}}?){_SEPARATOR}"
    rf"(?:[A-Za-z0-9_-]|{_BYTE}){{43,}}"
)


def has_token(text: str) -> bool:
    """Return whether a text contains what looks like a token."""
    return _may_have(text) and _find_token.search(text) is not None


def masked(text: str) -> str:
    """Return a text without the secrets of the tokens in it."""
    return _find_token.sub(r"sq_\1_(hidden)", text) if _may_have(text) else text


def _may_have(text: str) -> bool:
    return "sq_" in text or "%" in text
