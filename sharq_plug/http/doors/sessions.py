"""Sessions: a cookie that stands for a key for some hours, signed so that nobody else can make one.

Nothing is kept of a session. The cookie is `<key id>.<expires>.<signature>`, the signature an
HMAC-SHA256 by the authenticator's session secret of the rest and the seal of the key's token. All
processes agree, and a session ends with its key, with the token that began it, or with the secret.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable

from sharq_plug.authenticator import Authenticator
from sharq_plug.model import Caller

COOKIE_NAME = "sharq_session"
LIFETIME = 12 * 60 * 60
"""Seconds."""

_value = re.compile(r"([A-Za-z0-9_@+-]{1,64})\.([0-9]{1,12})\.([0-9a-f]{64})", re.ASCII).fullmatch


class Sessions:
    """Begin sessions, and know them again. `now` reads a clock in seconds since the epoch."""

    def __init__(self, authenticator: Authenticator, now: Callable[[], float] = time.time) -> None:
        self._authenticator = authenticator
        self._now = now

    def begin(self, caller: Caller) -> str | None:
        """Return the value of a cookie that stands for a caller; None if there are no sessions."""
        secret = self._authenticator.session_secret
        if secret is None or not caller.seal:
            return None
        said = f"{caller.id}.{int(self._now()) + LIFETIME}"
        value = f"{said}.{_signature(secret, said, caller)}"
        return value if _value(value) else None

    def caller(self, cookies: str) -> Caller | None:
        """Return whom a header `Cookie` stands for; None if it holds no session that goes on."""
        secret = self._authenticator.session_secret
        match = _value(_cookie(cookies))
        if secret is None or match is None:
            return None
        key_id, expires, signature = match.groups()
        found = None
        for caller in self._authenticator.callers(key_id):
            expected = _signature(secret, f"{key_id}.{expires}", caller)
            if hmac.compare_digest(signature, expected):
                found = caller
        return found if self._now() < int(expires) else None


def set_cookie(value: str, *, lifetime: int, is_secure: bool) -> str:
    """Return a header `Set-Cookie` (RFC 6265, section 4.1) that no script and no other site sees.

    It has the path `/`, since a proxy may put any path before that of this server.
    """
    secure = "; Secure" if is_secure else ""
    return f"{COOKIE_NAME}={value}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Strict{secure}"


def _cookie(header: str) -> str:
    """Return the value of our cookie; "" if there is none, or more than one."""
    values = [
        value
        for name, _, value in (pair.strip(" \t").partition("=") for pair in header.split(";"))
        if name == COOKIE_NAME
    ]
    return values[0] if len(values) == 1 else ""


def _signature(secret: bytes, said: str, caller: Caller) -> str:
    return hmac.new(secret, said.encode() + b"\0" + caller.seal, hashlib.sha256).hexdigest()
