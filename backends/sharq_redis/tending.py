"""Tending: which types have something due, and places that a clock left too far ahead."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sharq_plug.model import MAX_DROPS, EndedLease, Retention, Tended
from sharq_redis.buckets import BUCKETS, Buckets
from sharq_redis.link import Link
from sharq_redis.replies import ended_leases, log_all_broken, names_of
from sharq_redis.wire import Command

TYPES_A_STEP = 64
"""Types that are tended in one call, and that each bucket may name."""

PLACES_A_STEP = 100
"""Queues that one script run lets take up changed defaults. That takes Redis about 2 ms."""

Run: TypeAlias = Callable[..., Awaitable[Any]]
"""Runs a verb on a type with these arguments."""


class Tender:
    """Tend the types where something is due; idle types cost nothing."""

    def __init__(self, link: Link, buckets: Buckets, run: Run, *, tolerance: int) -> None:
        self._link = link
        self._buckets = buckets
        self._run = run
        self._first = 0  # the number of the bucket to begin with
        self._realignment = Realignment(link, buckets, run, tolerance=tolerance)

    def note(self, now: int) -> None:
        """Note the instant (ms) of a call."""
        self._realignment.note(now)

    async def tend(self, now: int | str, limit: int, retention: Retention) -> Tended:
        """Do what is due at `now` (ms; '': Redis's own time)."""
        now, latest = await self._realignment.read_clock(now)
        buckets = [*self._buckets.all[self._first :], *self._buckets.all[: self._first]]
        commands: list[Command] = [
            ("ZRANGE", bucket.due, "-inf", now, "BYSCORE", "LIMIT", 0, TYPES_A_STEP)
            for bucket in buckets
        ]
        found = await self._link.call_all(commands)
        due = [(at, name) for at, names in enumerate(found) for name in names_of(names)]
        ended: list[EndedLease] = []
        more = len(due) > TYPES_A_STEP
        if more:  # types that stay due must not hold up those that are left out
            left_out_at, _ = due[TYPES_A_STEP]
            self._first = (self._first + max(1, left_out_at)) % BUCKETS
        asked = (limit, min(limit, MAX_DROPS), retention.max_age, retention.max_count)
        for _, queue_type in due[:TYPES_A_STEP]:
            requeued, dead, is_more, broken, spreads = await self._run("tend", queue_type, *asked)
            log_all_broken(broken, queue_type=queue_type)
            ended += ended_leases(queue_type, requeued, dead)
            more = more or bool(is_more)
            if spreads:
                await self._spread(queue_type, limit)
        more = await self._realignment.step(now, latest, limit) or more
        return Tended(tuple(ended), more)

    async def _spread(self, queue_type: str, limit: int) -> None:
        """Let up to `limit` queues take up changed defaults, a few in each step."""
        more, left = True, limit
        while more and left > 0:
            asked = ("spread", queue_type, min(left, PLACES_A_STEP))
            looked_at, more, broken = await self._run(*asked)
            log_all_broken(broken, queue_type=queue_type)
            left -= looked_at


class Realignment:
    """Set places anew after the clock has stepped back, a few in each step.

    Each pass keeps the latest instant in Redis, so that a step back shows after a restart too.
    A step of up to `tolerance` ms is left alone: it delays nothing for longer than that.
    """

    def __init__(self, link: Link, buckets: Buckets, run: Run, *, tolerance: int) -> None:
        self._link = link
        self._keys = (buckets.all[0].never, buckets.all[0].clock)
        self._buckets = buckets
        self._run = run
        self._tolerance = tolerance
        self._latest = 0
        self._walk: _Walk | None = None

    def note(self, now: int) -> None:
        """Note the instant (ms) of a call."""
        self._latest = max(self._latest, now)

    async def read_clock(self, now: int | str, *, reset: bool = False) -> tuple[int, int]:
        """Return the time and the latest instant that any server's pass has seen before."""
        asked = (now, "reset" if reset else "")
        told, latest = await self._link.run("clock", self._keys, *asked)
        return int(told), int(latest)

    async def step(self, now: int, latest: int, limit: int) -> bool:
        """Look at up to `limit` places if need be; return whether there are more."""
        latest = max(self._latest, latest)
        if now + self._tolerance < (self._walk.began_at if self._walk else latest):
            self._walk = _Walk(now)
        if self._walk is None:
            self._latest = max(latest, now)
            return False
        if await self._go_on(self._walk, limit):
            return True
        self._walk, self._latest = None, now
        await self.read_clock(now, reset=True)
        return False

    async def _go_on(self, walk: "_Walk", limit: int) -> bool:
        while not walk.types:
            if walk.bucket >= BUCKETS:
                return False
            types = self._buckets.all[walk.bucket].types
            after, found = await self._link.call("SSCAN", types, walk.scan, "COUNT", limit)
            walk.types, walk.scan = list(names_of(found)), after.decode()
            walk.bucket += walk.scan == "0"
        *reached, broken = await self._run("realign", walk.types[0], limit, *walk.last)
        log_all_broken(broken, queue_type=walk.types[0])
        walk.last = reached
        if not any(reached):
            walk.types.pop(0)
        return True


@dataclass(slots=True)
class _Walk:
    """How far a walk over all types has come: the bucket, its scan, the types to look at next."""

    began_at: int
    bucket: int = 0
    scan: str = "0"
    types: list[str] = field(default_factory=list)
    last: Sequence[Any] = ("", "", "")
