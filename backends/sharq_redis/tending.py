"""Tending: which types have something due, and places that a clock left too far ahead."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import MAX_DROPS, EndedLease, Retention, Tended
from sharq_redis.buckets import Bucket, Buckets
from sharq_redis.replies import ended_leases, log_all_broken, names_of
from sharq_redis.routing.route import Route
from sharq_redis.wire import Command

TYPES_A_STEP = 64
"""Types that are tended in one call, and that each bucket may name."""

PLACES_A_STEP = 100
"""Queues that one script run lets take up changed defaults. That takes Redis about 2 ms."""

PART_PATIENCE = 2.0
"""If there are several parts: seconds that a pass waits for one that was on time before."""

Run: TypeAlias = Callable[..., Awaitable[Any]]
"""Runs a verb on a type with these arguments."""


class Tender:
    """Tend the types where something is due; idle types cost nothing.

    In a cluster, the buckets on each server are a part, which is tended separately. A part that
    does not answer delays the others once, for up to `PART_PATIENCE`.
    """

    def __init__(self, route: Route, buckets: Buckets, run: Run, *, tolerance: int) -> None:
        self._route = route
        self._buckets = buckets
        self._due = [bucket.due for bucket in buckets.all]
        self._run = run
        self._tolerance = tolerance
        self._noted = 0
        self._parts: dict[int, _Part] = {}
        self._late: dict[int, asyncio.Task[Tended]] = {}
        self._slow: set[int] = set()

    def note(self, now: int) -> None:
        """Note the instant (ms) of a call."""
        self._noted = max(self._noted, now)

    async def tend(self, now: int | str, limit: int, retention: Retention) -> Tended:
        """Do what is due at `now` (ms; '': Redis's own time). Raises StoreUnavailable.

        What a late part has done is returned by a later call.
        """
        groups = await self._route.parts(self._due)
        parts = {numbers[0]: self._part(numbers) for numbers in groups}
        if len(parts) == 1 or not self._tolerance:  # else each server has its own clock
            for part in parts.values():
                part.realignment.note(self._noted)
            self._noted = 0
        if len(parts) == 1:
            return await parts[groups[0][0]].tend(now, limit, retention)
        return await self._tend_all(parts, now, limit, retention)

    async def close(self) -> None:
        """Stop waiting for late parts."""
        for task in self._late.values():
            task.cancel()
        await asyncio.gather(*self._late.values(), return_exceptions=True)

    async def _tend_all(
        self, parts: Mapping[int, "_Part"], now: int | str, limit: int, retention: Retention
    ) -> Tended:
        tasks = dict(self._late)
        awaited = []
        for first, part in parts.items():
            if first not in tasks:
                task = asyncio.create_task(part.tend(now, limit, retention), context=Context())
                tasks[first] = task
                if first not in self._slow:
                    awaited.append(task)
        try:
            await asyncio.wait(awaited or tasks.values(), timeout=PART_PATIENCE)
        finally:
            self._late = {first: task for first, task in tasks.items() if not task.done()}
        self._slow = {first for first, task in tasks.items() if not _is_good(task)}
        return _added_up([task for task in tasks.values() if task.done()])

    def _part(self, numbers: Sequence[int]) -> "_Part":
        part = self._parts.get(numbers[0])
        if part is None or part.numbers != numbers:
            part = self._parts[numbers[0]] = _Part(
                self._route, self._buckets, self._run, numbers, tolerance=self._tolerance
            )
        return part


def _is_good(task: asyncio.Task[Tended]) -> bool:
    return task.done() and task.exception() is None


def _added_up(tasks: Sequence[asyncio.Task[Tended]]) -> Tended:
    """Return what parts have done. Raises StoreUnavailable if all have failed."""
    done = [task.result() for task in tasks if task.exception() is None]
    failed = [task.exception() for task in tasks if task.exception() is not None]
    for error in failed:
        if error is not None and not (done and isinstance(error, StoreUnavailable)):
            raise error
    ended = [lease for tended in done for lease in tended.ended]
    return Tended(tuple(ended), any(tended.more for tended in done))


class _Part:
    """The buckets with these numbers, all on one server."""

    def __init__(
        self,
        route: Route,
        buckets: Buckets,
        run: Run,
        numbers: Sequence[int],
        *,
        tolerance: int,
    ) -> None:
        self._route = route
        self._run = run
        self.numbers = numbers
        self._buckets = [buckets.all[number] for number in numbers]
        self._due = [bucket.due for bucket in self._buckets]
        self._first = 0  # which of them to begin with
        self.realignment = Realignment(route, self._buckets, run, tolerance=tolerance)

    async def tend(self, now: int | str, limit: int, retention: Retention) -> Tended:
        """Do what is due at `now` (ms; '': Redis's own time)."""
        now, latest = await self.realignment.read_clock(now)
        first = self._first
        commands: list[Command] = [
            ("ZRANGE", key, "-inf", now, "BYSCORE", "LIMIT", 0, TYPES_A_STEP)
            for key in (*self._due[first:], *self._due[:first])
        ]
        found = await self._route.call_all(commands)
        due = [(at, name) for at, names in enumerate(found) for name in names_of(names)]
        ended: list[EndedLease] = []
        more = len(due) > TYPES_A_STEP
        if more:  # types that stay due must not hold up those that are left out
            left_out_at, _ = due[TYPES_A_STEP]
            self._first = (first + max(1, left_out_at)) % len(self._due)
        asked = (limit, min(limit, MAX_DROPS), retention.max_age, retention.max_count)
        for at, queue_type in due[:TYPES_A_STEP]:
            try:
                reply = await self._run("tend", queue_type, *asked)
                requeued, dead, is_more, broken, spreads = reply
                log_all_broken(broken, queue_type=queue_type)
                ended += ended_leases(queue_type, requeued, dead)
                more = more or bool(is_more)
                if spreads:
                    await self._spread(queue_type, limit)
            except StoreUnavailable:  # its slot may be moving: next time the others go first
                self._first = (first + at + 1) % len(self._due)
                if ended:
                    return Tended(tuple(ended), more=False)
                raise
        more = await self.realignment.step(now, latest, limit) or more
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

    The clock is that of the server that has `buckets`. Each pass keeps the latest instant there, so
    that a step back shows after a restart too. A step of up to `tolerance` ms is left alone: it
    delays nothing for longer than that.
    """

    def __init__(
        self, route: Route, buckets: Sequence[Bucket], run: Run, *, tolerance: int
    ) -> None:
        self._route = route
        self._keys = (buckets[0].never, buckets[0].clock)
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
        told, latest = await self._route.run("clock", self._keys, *asked)
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
            if walk.bucket >= len(self._buckets):
                return False
            types = self._buckets[walk.bucket].types
            after, found = await self._route.call("SSCAN", types, walk.scan, "COUNT", limit)
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
