"""`earliest_at` against what then happens, over random histories."""

from collections.abc import Awaitable, Callable
from random import Random

import pytest

from sharq_plug.model import (
    Delivery,
    Fail,
    Finish,
    JobRef,
    Jobs,
    JobState,
    JobView,
    Limit,
    Release,
    Settlement,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, items_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel, reschedule
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import DAY
from sharq_plug.testing.conformance.setting import patch
from sharq_plug.testing.conformance.vocabulary import (
    RECEIPT_TIME,
    TYPE,
    claim,
    enqueue,
    settle,
)

HORIZON = DAY // 2
"""How long (ms) workers come back; until then no lease expires."""
STEPS = 60


class History:
    """Random calls on the queues "q" and "p"; leases stand for a day."""

    def __init__(self, store: QueueStore, clock: ManualClock, random: Random) -> None:
        self._store, self._clock, self._random = store, clock, random
        self._leases: list[Delivery] = []
        self._ttls: list[int | None] = [None]
        if random.random() < 0.5:
            self._ttls = [None] * 5 + [50, DAY]
        self._jobs = 0
        self.with_ttl: set[str] = set()

    async def step(self) -> None:
        """Make one call, after some time."""
        acts: list[Callable[[], Awaitable[object]]] = [
            *[self._enqueue] * 6,
            *[self._take] * 2,
            *[self._end] * 2,
            self._set,
            self._amend,
        ]
        self._clock.advance(self._random.choice([0, 0, 1, 10, 100]))
        await self._random.choice(acts)()

    async def _enqueue(self) -> None:
        random = self._random
        self._jobs += 1
        job_id = f"j{self._jobs}"
        ttl = random.choice(self._ttls)
        if ttl is not None:
            self.with_ttl.add(job_id)
        await enqueue(
            self._store,
            random.choice("qqqp"),
            job_id,
            interval=random.choice([0, 50, 50]),
            priority=random.choice([0, 0, 0, 2]),
            delay=random.choice([None, None, 5, 120]),
            cost=random.choice([None, None, {"job": 2}, {"tokens": 7}, {"tokens": 0, "job": 3}]),
            ttl=ttl,
        )

    async def _take(self) -> None:
        count = self._random.randint(1, 3)
        answer = await dequeue_for_one(self._store, TYPE, count=count, lease_time=DAY)
        self._leases += answer.jobs

    async def _end(self) -> None:
        if self._leases:
            job = self._leases.pop(self._random.randrange(len(self._leases)))
            items: list[Settlement] = [
                Finish(claim(job), RECEIPT_TIME, actual={"job": 2, "tokens": 1}),
                Release(claim(job), freeze=80),
                Fail(claim(job)),
            ]
            await settle(self._store, self._random.choice(items))

    async def _set(self) -> None:
        random = self._random
        limits = random.choice(
            [None, (), (Limit(1, 40),), (Limit(3, 200, 4), Limit(10, 100, 5, "tokens"))]
        )
        concurrency = random.choice([None, None, None, 1, 9, 20])
        freeze = random.choice([None, 0, 60])
        paused = random.random() < 0.03
        await patch(
            self._store, "q", freeze=freeze, limits=limits, concurrency=concurrency, paused=paused
        )

    async def _amend(self) -> None:
        job_id = f"j{self._random.randint(1, self._jobs + 1)}"
        if self._random.random() < 0.5:
            await cancel(self._store, "q", job_id, leased=True)
        else:
            delay = self._random.choice([0, 30])
            await reschedule(self._store, "q", job_id, priority=1, delay=delay)


async def went(store: QueueStore, clock: ManualClock) -> dict[str, int]:
    """Have workers take all that they can as soon as they can; return when each job of "q" went."""
    instants: dict[str, int] = {}
    end = clock.now() + HORIZON
    while True:
        answer = await dequeue_for_one(store, TYPE, count=1000, lease_time=DAY)
        instants |= {job.job_id: clock.now() for job in answer.jobs if job.queue_id == "q"}
        if answer.next_ready_at is None or answer.next_ready_at > end:
            return instants
        clock.advance(answer.next_ready_at - clock.now())


async def waiting(store: QueueStore) -> list[str]:
    """Return the jobs of "q" that wait, all joined, in the order in which they go."""
    await tend_all(store)
    entries = await items_of(store, TYPE, Jobs("q", JobState.WAITING))
    return [entry.job_id for entry in entries]


async def foreseen(store: QueueStore, job_ids: list[str]) -> dict[str, int | None]:
    """Return when each of these jobs can go."""
    found = await store.find(TYPE, [JobRef("q", job_id) for job_id in job_ids])
    views = dict(zip(job_ids, found, strict=True))
    return {job_id: view.earliest_at for job_id, view in views.items() if isinstance(view, JobView)}


class EarliestHistoryConformance(Conformance):
    """No job goes before its instant; at it, if those before it do and none comes between."""

    @pytest.mark.parametrize("seed", range(40))
    async def test_no_job_goes_too_early_and_those_in_order_go_at_their_instant(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        history = History(store, clock, Random(seed))  # noqa: S311 - a repeatable choice
        for _ in range(STEPS):
            await history.step()
        in_line = await waiting(store)
        later = await items_of(store, TYPE, Jobs("q", JobState.DELAYED))
        told = await foreseen(store, in_line + [entry.job_id for entry in later])
        instants = await went(store, clock)
        for job_id, instant in instants.items():
            earliest = told[job_id]
            assert earliest is not None
            assert earliest <= instant
        for job_id, first in zip(instants, in_line, strict=False):
            if job_id != first:
                break
            assert told[job_id] == instants[job_id]
            if job_id in history.with_ttl:
                break
