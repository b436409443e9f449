"""The keys of the hostile tests at the doors, and an oracle that knows what each of them may.

The oracle reads the table of keys below and `support.door_table`, and nothing of the server.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sharq_plug.keys.tokens import new_token
from sharq_plug.keys.writing import add_key, retire_key, rotate_key
from support.door_table import ALL_TYPES, NOTHING, OPEN, QUEUE, READ, TABLE, TYPE

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ALL = ("enqueue", "work", "read", "read_payloads", "admin")
NOT_WORK = ("enqueue", "read", "read_payloads", "admin")


@dataclass(frozen=True)
class Entry:
    """What the keys file says of a key."""

    scopes: tuple[str, ...]
    types: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    expires: datetime | None = None

    def has_type(self, name: str) -> bool:
        return self.types is None or any(_matches(name, pattern) for pattern in self.types)

    def has_queue(self, name: str) -> bool:
        return self.queues is None or any(_matches(name, pattern) for pattern in self.queues)


def _matches(name: str, pattern: str) -> bool:
    return name[: len(pattern) - 1] == pattern[:-1] if pattern[-1] == "*" else name == pattern


KEYS: Mapping[str, Entry] = {
    "root": Entry(ALL),
    "producer": Entry(("enqueue",)),
    "worker": Entry(("work",)),
    "reader": Entry(("read",)),
    "payloads": Entry(("read", "read_payloads")),
    "admin": Entry(("admin",)),
    "sms": Entry(ALL, types=("sms",)),
    "e-types": Entry(ALL, types=("e*", "x")),
    "star": Entry(ALL, types=("*",)),
    "elsewhere": Entry(ALL, types=("elsewhere", "sm", "sms-*")),
    "q-queues": Entry(NOT_WORK, queues=("q*",)),
    "one-queue": Entry(("enqueue", "read"), types=("sms", "default"), queues=("+44.2@q~",)),
    "q-admin": Entry(("admin", "read"), types=("email",), queues=("q1",)),
    "no-queue": Entry(NOT_WORK, queues=("q", "q1-*")),
    "expired": Entry(ALL, expires=LONG_AGO),
    "rotated": Entry(("read", "admin"), types=("sms", "e*")),
}
"""Each key of the file."""


@dataclass(frozen=True)
class Ring:
    """The tokens of a keys file, and the secret of its sessions."""

    tokens: Mapping[str, str]
    second: str
    """The other token of the key `rotated`."""
    gone: str
    """The token of a key that was retired."""
    session_secret: str

    @classmethod
    def make(cls, path: Path) -> "Ring":
        tokens = {
            key_id: add_key(
                path,
                key_id,
                scopes=entry.scopes,
                types=entry.types,
                queues=entry.queues,
                expires=entry.expires,
            )
            for key_id, entry in KEYS.items()
        }
        second = rotate_key(path, "rotated")
        gone = add_key(path, "gone", scopes=ALL)
        retire_key(path, "gone")
        [secret] = re.findall(r'^session_secret = "(.*)"$', path.read_text(), re.MULTILINE)
        return cls(tokens, second, gone, secret)

    def session(self, key_id: str, *, token: str | None = None, left: int = 3600) -> str:
        """Return the value of a session's cookie, as docs and code of the server describe it."""
        said = f"{key_id}.{int(time.time()) + left}"
        seal = hashlib.sha256((token or self.tokens[key_id]).encode()).digest()
        signed = hmac.new(self.session_secret.encode(), said.encode() + b"\0" + seal, "sha256")
        return f"{said}.{signed.hexdigest()}"

    def secrets(self) -> Sequence[str]:
        """Return what no log and no answer may show."""
        tokens = [*self.tokens.values(), self.second, self.gone, new_token("never")]
        digests = [hashlib.sha256(token.encode()).hexdigest() for token in tokens]
        return [*(token[-43:] for token in tokens), *digests, self.session_secret]


@dataclass(frozen=True)
class Visitor:
    """Who a request comes from, by the oracle's reckoning, and which page a browser says it shows.

    `way` is how the key came: bearer, basic or cookie. Without an `entry` nobody sent it.
    """

    entry: Entry | None
    way: str = ""
    fetch_site: str | None = None
    origin: str | None = None

    def is_foreign(self) -> bool:
        """Whether a write may come from another site's page: the browser sent the key by itself."""
        if self.way == "bearer":
            return False
        is_browser = self.way == "cookie" or self.fetch_site is not None or self.origin is not None
        return is_browser and self.fetch_site != "same-origin"


LET_IN, ABSENT, FORBIDDEN, UNAUTHORIZED = "let in", "absent", "forbidden", "unauthorized"


def verdict(visitor: Visitor, told: str, names: Mapping[str, str]) -> str:
    """Return what becomes of a request for a route of `door_table`."""
    scope, reach = TABLE[told]
    entry = visitor.entry
    if scope is OPEN:
        return LET_IN
    if entry is None or entry.expires is not None:
        return UNAUTHORIZED
    is_refused = scope not in entry.scopes or (scope != READ and visitor.is_foreign())
    if is_refused or (entry.queues is not None and reach in {TYPE, ALL_TYPES}):
        return FORBIDDEN
    is_inside = reach in {ALL_TYPES, NOTHING} or entry.has_type(names.get("queue_type", "default"))
    if is_inside and (reach != QUEUE or entry.has_queue(names["queue_id"])):
        return LET_IN
    return ABSENT if scope == READ else FORBIDDEN
