"""Long random walks: after any sequence of calls a store answers as the contract reads."""

import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sharq_plug.model import Dequeued, LeaseRef, NewJob
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.plain import PlainType
from sharq_plug.testing.conformance.vocabulary import TYPE, claim, lengths, listing_of, names

STEPS = 400
RECEIPT_TIME = 2000
QUEUE_IDS = ["q", "q-", "p", "10", "9"]
JOB_IDS = ["j1", "j2", "j3", "j4", "j5", "j6"]
INTERVALS = [0, 0, 1, 50, 300, 2000]
LEASES = [1, 100, 250, 1000]
PAUSES = [0, 0, 0, 1, 49, 50, 100, 250, 1000]


class Walk:
    """Do the same at random to a store and to the plain reading, and compare the answers."""

    def __init__(self, store: QueueStore, clock: ManualClock, seed: int) -> None:
        self._store = store
        self._clock = clock
        self._plain = PlainType(RECEIPT_TIME)
        self._random = random.Random(seed)  # noqa: S311  # repeatable, not secret
        self._refs = [LeaseRef("q", "j1", "no-such-token")]

    async def run(self) -> None:
        """Take all the steps."""
        steps: list[Callable[[], Coroutine[Any, Any, None]]] = [
            *(self._enqueue, self._enqueue, self._enqueue),
            *(self._dequeue, self._dequeue, self._dequeue),
            *(self._finish, self._release, self._reclaim),
            *(self._set_interval, self._clear, self._look),
        ]
        weights = [1.0] * (len(steps) - 2) + [0.3, 1.0]
        for step in self._random.choices(steps, weights, k=STEPS):
            await step()
            self._clock.advance(self._random.choice(PAUSES))
        await self._look()

    async def _enqueue(self) -> None:
        pick = self._random.choice
        jobs = [
            NewJob(
                queue_id=pick(QUEUE_IDS),
                job_id=pick(JOB_IDS),
                payload=self._random.randbytes(3),
                interval=pick(INTERVALS),
                requeue_limit=pick([-1, 0, 1, 2]),
                max_queued_length=pick([None, None, 0, 2, 4]),
            )
            for _ in range(pick([1, 2, 5]))
        ]
        expected = [self._plain.enqueue(self._clock.now(), job) for job in jobs]
        assert await self._store.enqueue(TYPE, jobs) == expected

    async def _dequeue(self) -> None:
        count, lease = self._random.choice([1, 2, 4]), self._random.choice(LEASES)
        attempt_id = self._random.choice([None, None, None, "one", "two"])
        now = self._clock.now()
        again = [] if attempt_id is None else self._plain.repeat(now, attempt_id)
        answer = await self._store.dequeue(TYPE, count=count, lease=lease, attempt_id=attempt_id)
        if again:
            assert answer == Dequeued(tuple(again))
            return
        for job in answer.jobs:
            assert self._plain.dequeue(now, lease=lease, token=job.token) == job
            self._refs.append(claim(job))
        if len(answer.jobs) < count:
            assert self._plain.dequeue(now, lease=lease, token="") is None
        if not answer.jobs:
            assert answer.next_ready_at == self._plain.next_ready_at(now)
        if attempt_id is not None:
            self._plain.remember(attempt_id, answer.jobs)

    async def _finish(self) -> None:
        refs = self._some_refs()
        expected = [self._plain.finish(self._clock.now(), ref) for ref in refs]
        assert await self._store.finish(TYPE, refs, receipt_time=RECEIPT_TIME) == expected

    async def _release(self) -> None:
        refs = self._some_refs()
        expected = [self._plain.release(self._clock.now(), ref) for ref in refs]
        assert await self._store.release(TYPE, refs) == expected

    async def _reclaim(self) -> None:
        limit = self._random.choice([1, 2, 100])
        expected = self._plain.reclaim(self._clock.now(), limit=limit)
        answer = await self._store.reclaim(TYPE, limit=limit)
        assert (answer.requeued, answer.dead) == (expected.requeued, expected.dead)
        assert answer.more or not expected.more

    async def _set_interval(self) -> None:
        queue_id, interval = self._random.choice(QUEUE_IDS), self._random.choice(INTERVALS)
        expected = self._plain.set_interval(self._clock.now(), queue_id, interval)
        assert await self._store.set_interval(TYPE, queue_id, interval) == expected

    async def _clear(self) -> None:
        queue_id, purge = self._random.choice(QUEUE_IDS), self._random.random() < 0.5
        expected = self._plain.clear(self._clock.now(), queue_id, purge=purge)
        assert await self._store.clear(TYPE, queue_id, purge=purge) == expected

    async def _look(self) -> None:
        for queue_id in QUEUE_IDS:
            assert await lengths(self._store, queue_id) == self._plain.lengths(queue_id)
        existing = self._plain.queue_ids()
        assert await names(listing_of(self._store)) == existing
        assert await names(self._store.queue_types) == ({TYPE} if existing else set())

    def _some_refs(self) -> list[LeaseRef]:
        recent = self._refs[-12:]
        refs = self._random.choices(recent, k=self._random.choice([1, 2, 4]))
        if self._random.random() < 0.3:
            refs = [LeaseRef(ref.queue_id, ref.job_id) for ref in refs]
        return refs


class WalkConformance(Conformance):
    """Everything at once, in any order."""

    @pytest.mark.parametrize("seed", range(12))
    async def test_a_random_walk_is_answered_as_the_contract_reads(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await Walk(store, clock, seed).run()
