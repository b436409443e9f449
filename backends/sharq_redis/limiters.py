"""Whether gates and shared limits are closed, by what is stored of them.

Verbs find that out themselves (lua/lib/limiter.lua). A monitor asks for hundreds of types at once,
and a verb for each would hold up Redis several times as long as the plain reads that this needs.
"""

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct as Layout
from struct import error as LayoutError  # noqa: N812  # it is an exception
from typing import Self

import msgspec
from msgspec import Struct

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Limit, Settings
from sharq_plug.model.limits import MAX_DEBT
from sharq_redis.settings import settings_in

PLAIN, SHARING = 1, 2
"""Formats of what is set for a type: without and with shared limits."""
RECORD_VERSION = 1
NEVER = -1
MAX_KNOWN = 4000
"""Stored texts that are kept parsed."""

Debts = list[int] | dict[int, int]
"""What is owed to limits, by their positions from 1 on; one unit where nothing is said."""
Counts = list[int] | dict[str, tuple[int, int, int]]
"""Of units: how many are left, until when (ms), and how many there were; [] if there are none."""

_read_set = msgspec.msgpack.Decoder(tuple[int, str, str, int, int]).decode
_read_gate = msgspec.msgpack.Decoder(tuple[int, Debts]).decode
_read_owed = msgspec.msgpack.Decoder(tuple[Debts, Counts]).decode
_FIVE, _TWO = b"\x95", b"\x92"
"""What makes a list of so many packed values that stand one behind the other."""
_RECORD = Layout(">B7s7sI16xI6sH")
"""RECORD of lua/lib/shared.lua, without counts that do not matter here."""
UNREADABLE = (ValueError, TypeError, LayoutError, StoreUnavailable)


class Damaged(Exception):
    """Something is stored that no server writes, or that one of another version wrote."""


class Gate(Struct, frozen=True, gc=False):
    """What is set for a type."""

    rules: Settings = Settings()
    frozen_until: int = 0
    has_shared: bool = False

    @classmethod
    def read(cls, raw: bytes | None) -> Self:
        """Return what is stored as the settings of a type. Raises Damaged."""
        return cls() if raw is None else cls._parsed(raw)

    @classmethod
    @lru_cache(maxsize=MAX_KNOWN)
    def _parsed(cls, raw: bytes) -> Self:
        try:
            version, text, defaults, _, frozen_until = _read_set(_FIVE + raw)
            rules, _ = _rules(text), _rules(defaults)
        except UNREADABLE as error:
            raise Damaged from error
        if version not in (PLAIN, SHARING):
            raise Damaged
        return cls(rules, frozen_until, version == SHARING)

    def is_closed(self, debts: bytes | None, leased: int, now: int) -> bool:
        """Return whether nothing goes through now, with these debts as they are stored."""
        if _is_held(self.rules, self.frozen_until, leased, now):
            return True
        limits = self.rules.limits
        if not limits or debts is None:
            return False
        try:
            latest, owed = _read_gate(_TWO + debts)
            return _allowed_at(limits, owed, latest, now) > now
        except UNREADABLE:  # then it owes one unit of each as of now
            return _allowed_at(limits, [], now, now) > now


class SharedLimit(Struct, frozen=True, gc=False):
    """What matters here of a shared limit.

    `entry` stands for it in the line, None if nothing does. It is ready if the first queue is that
    is on its bench, and it is open: surely if it `is_alone`, and the bench has nothing but the row
    of this name.
    """

    is_closed: bool
    is_alone: bool
    entry: bytes | None

    @classmethod
    def read(cls, name: str, raw: bytes | None, now: int) -> Self:
        """Return a shared limit as it is stored. Raises Damaged, also if there is none."""
        if raw is None:
            raise Damaged
        try:
            version, frozen, latest, leased, benched, entry, length = _RECORD.unpack_from(raw)
            end = _RECORD.size + length
            rules = _rules(raw[_RECORD.size : end].decode())
            owed, counts = _read_owed(_TWO + raw[end:]) if len(raw) > end else ([], [])
            last = int.from_bytes(latest) - 1
            is_closed = (
                _is_held(rules, int.from_bytes(frozen), leased, now)
                or _is_used_up(counts, now)
                or bool(rules.limits and _allowed_at(rules.limits, owed, last, now) > now)
            )
        except UNREADABLE as error:
            raise Damaged from error
        if version != RECORD_VERSION:
            raise Damaged
        number = int.from_bytes(entry) - 1
        member = None if number < 0 else number.to_bytes(6) + b"/" + name.encode()
        return cls(is_closed, benched == 0 and last <= now, member)


@lru_cache(maxsize=MAX_KNOWN)
def _rules(text: str) -> Settings:
    return settings_in(text.encode())


def _is_held(rules: Settings, frozen_until: int, leased: int, now: int) -> bool:
    """Return whether a limiter is closed, whatever it owes."""
    most = rules.concurrency
    return rules.paused or frozen_until > now or (most is not None and leased >= most)


def _is_used_up(counts: Counts, now: int) -> bool:
    """Return whether nothing is left of a unit, as its upstream said."""
    if isinstance(counts, list):
        return False
    return any(left <= 0 and until > now for left, until, _ in counts.values())


def _allowed_at(limits: tuple[Limit, ...], owed: Debts, latest: int, now: int) -> int:
    """Return the instant (ms) from which on all limits allow a dequeue. Raises ValueError.

    This is `allows_at` of lua/lib/limits.lua.
    """
    if latest == NEVER:
        return now
    debts: Mapping[int, int] = dict(enumerate(owed, 1)) if isinstance(owed, list) else owed
    if latest < 0 or not all(0 <= debt <= MAX_DEBT for debt in debts.values()):
        raise ValueError("debts are damaged")
    pause = 0
    for at, limit in enumerate(limits, 1):
        excess = debts.get(at, limit.per) - (limit.burst - 1) * limit.per
        pause = max(pause, -(-excess // limit.rate))
    return min(latest, now) + pause  # the clock may have stepped back
