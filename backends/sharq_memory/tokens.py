"""Tokens of leases."""

import secrets
from collections.abc import Iterator

TOKEN_BYTES = 12
TOKEN_LENGTH = 16
"""What 12 bytes are in base64, without padding, so that many can be made in one go."""
MADE_AT_ONCE = 256


def tokens() -> Iterator[str]:
    """Yield tokens of 96 random bits, for ever."""
    while True:
        made = secrets.token_urlsafe(TOKEN_BYTES * MADE_AT_ONCE)
        for at in range(0, len(made), TOKEN_LENGTH):
            yield made[at : at + TOKEN_LENGTH]
