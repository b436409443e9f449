"""Tokens, `sq_<id>_<secret>`: how they are made, read and recognized."""

import base64
import binascii
import hashlib
import re
import secrets

SECRET_BYTES = 32
"""256 random bits: no one can guess a secret, so a plain hash of it needs no salt."""

is_key_id = re.compile(r"[a-z0-9-]{1,32}").fullmatch
_token = re.compile(r"sq_([a-z0-9-]{1,32})_[A-Za-z0-9_-]{43}").fullmatch
_MAX_BASIC = 200
"""Characters of the base64 of an id and a secret, at most."""


def new_token(key_id: str) -> str:
    """Return a token with a new random secret."""
    return f"sq_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"


def id_of(token: str) -> str | None:
    """Return the id of a token's key; None if the text is no token."""
    match = _token(token)
    return match[1] if match else None


def digest(token: str) -> bytes:
    """Return the SHA-256 of a whole token, by which the server knows it."""
    return hashlib.sha256(token.encode()).digest()


def token_of(authorization: str) -> str | None:
    """Return the token in a header `Authorization`, Bearer or Basic; None if it has none."""
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip(" ")
        case "basic":
            return _basic_token(value.strip(" "))
    return None


def _basic_token(value: str) -> str | None:
    """Return the token whose id and secret are a Basic user and password.

    The secret may also be the whole token.
    """
    if len(value) > _MAX_BASIC:
        return None
    try:
        key_id, _, secret = base64.b64decode(value, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    whole = f"sq_{key_id}_"
    return secret if secret.startswith(whole) else whole + secret
