"""Keys as values, and the ring that finds the caller of a token."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest

from sharq_plug.keys.tokens import digest, id_of, token_of
from sharq_plug.model import Caller, Only, Scope

MAX_KNOWN = 1024
"""Headers that are remembered."""
Now = Callable[[], float]
"""Reads a clock in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key. `hashes` are the digests of its tokens: one, or two while it is rotated.

    `types` and `queues` are names, or prefixes that end in `*`; None is all. It `expires` at an
    instant in seconds since the epoch.
    """

    id: str
    hashes: tuple[bytes, ...] = field(repr=False)
    scopes: frozenset[Scope]
    types: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    expires: float | None = None

    def callers(self) -> tuple[Caller, ...]:
        """Return the caller that the key stands for, once for each of its tokens."""
        types = None if self.types is None else Only.of(self.types)
        queues = None if self.queues is None else Only.of(self.queues)
        return tuple(Caller(self.id, self.scopes, types, queues, seal) for seal in self.hashes)


_NOBODY = (Caller("", frozenset(), seal=secrets.token_bytes(32)),)
"""Compared with the tokens of unknown keys, which so take as long as others."""


class Keyring:
    """The keys of a server. `session_secret` signs sessions; None: there are none."""

    def __init__(self, keys: Iterable[Key] = (), session_secret: bytes | None = None) -> None:
        self.session_secret = session_secret
        self._keys = {key.id: (key.callers(), key.expires) for key in keys}
        self._known: dict[int, tuple[str, Caller, float | None]] = {}
        """Headers that were right, by their hashes: workers send the same one again and again.

        Python's hash is seeded at random, so it tells nobody how near a guess was. The header
        itself is compared in constant time.
        """

    def __len__(self) -> int:
        return len(self._keys)

    def recall(self, authorization: str, now: Now) -> Caller | None:
        """Return the caller of a header that was right before; None if it is not remembered."""
        known = self._known.get(hash(authorization))
        if known is None:
            return None
        header, caller, expires = known
        try:
            is_same = compare_digest(header, authorization)
        except TypeError:  # it is not ASCII
            return None
        return caller if is_same and (expires is None or expires > now()) else None

    def caller_of(self, authorization: str, now: Now) -> Caller | None:
        """Return the caller of a header `Authorization`; None if it has no key that is good now."""
        recalled = self.recall(authorization, now)
        if recalled is not None:
            return recalled
        token = token_of(authorization)
        found = None if token is None else self.find(token, now)
        if found is not None and len(self._known) < MAX_KNOWN:
            self._known[hash(authorization)] = (authorization, found, self._keys[found.id][1])
        return found

    def find(self, token: str, now: Now) -> Caller | None:
        """Return the caller of a token; None if its key is unknown or has expired."""
        key_id = id_of(token)
        if key_id is None:
            return None
        callers, expires = self._keys.get(key_id, (_NOBODY, 0.0))
        seal, found = digest(token), None
        for caller in callers:
            if compare_digest(caller.seal, seal):
                found = caller
        return None if expires is not None and expires <= now() else found

    def callers(self, key_id: str, now: Now) -> Sequence[Caller]:
        """Return the callers of a key, one for each token; none if it is unknown or expired."""
        callers, expires = self._keys.get(key_id, ((), None))
        return () if expires is not None and expires <= now() else callers
