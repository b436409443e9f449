"""Random histories of several queues behind a gate with limits, and the bound that follows."""

from random import Random

import pytest

from sharq_plug.model import Delivery, Finish, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.accounts import Account, counted
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import patch_type, set_limits
from sharq_plug.testing.conformance.vocabulary import (
    RECEIPT_TIME,
    TYPE,
    claim,
    enqueue,
    settle,
)
from sharq_plug.testing.conformance.walking import Payments

STEPS = 120
LONG = 10**12
GATES = [
    (Limit(1, 40, 3),),
    (Limit(7, 10, 5, "token"), Limit(1, 25)),
    (Limit(3, 100), Limit(2, 300, 9), Limit(1, 5, 2, "token")),
]
OWN = [(), (Limit(1, 60),), (Limit(1, 90, 2), Limit(1, 20, 4, "token"))]


class GateWalk:
    """Enqueue, dequeue and finish at random; the queues and the gate must be as reckoned."""

    def __init__(self, store: QueueStore, clock: ManualClock, seed: int) -> None:
        self._store, self._clock = store, clock
        self._random = Random(seed)  # noqa: S311  # a walk that can be repeated
        self._gate = Account()
        self._own = {queue_id: Account() for queue_id in "abc"}
        self._waiting = dict.fromkeys("abc", 0)
        self._leased: list[Delivery] = []
        self._jobs = 0

    async def run(self) -> None:
        """Take so many steps."""
        limits = self._random.choice(GATES)
        await patch_type(self._store, limits=limits)
        self._gate.change(limits)
        self._payments = [Payments(limit) for limit in limits]
        for queue_id, account in self._own.items():
            own = self._random.choice(OWN)
            await set_limits(self._store, *own, queue_id=queue_id)
            account.change(own)
            await self._enqueue(queue_id)
        for _ in range(STEPS):
            if self._random.random() < 0.4:
                await self._enqueue(self._random.choice("abc"))
            await self._dequeue()
            if self._leased and self._random.random() < 0.5:
                await self._finish()
            self._clock.advance(self._random.choice([0, 1, 9, 30, 100]))

    async def _enqueue(self, queue_id: str) -> None:
        for _ in range(self._random.randint(1, 4)):
            cost = self._random.choice([None, None, {"job": 2}, {"token": 9}, {"token": 1}])
            await enqueue(self._store, queue_id, f"j{self._jobs}", cost=cost)
            self._jobs += 1
            self._waiting[queue_id] += 1

    def _ready_at(self) -> int | None:
        now = self._clock.now()
        places = [self._own[name].ready_at(now) for name, jobs in self._waiting.items() if jobs]
        return max(min(places), self._gate.ready_at(now)) if places else None

    async def _dequeue(self) -> None:
        now, count = self._clock.now(), self._random.randint(1, 3)
        answer = await dequeue_for_one(self._store, TYPE, count=count, lease_time=LONG)
        for job in answer.jobs:
            assert self._gate.ready_at(now) == self._own[job.queue_id].ready_at(now) == now
            for payments, limit in zip(self._payments, self._gate.limits, strict=True):
                payments.check_bound(now)
                payments.add(now, counted(limit, job.cost))
            self._gate.pay(job.cost, now)
            self._own[job.queue_id].pay(job.cost, now)
            self._waiting[job.queue_id] -= 1
        self._leased += answer.jobs
        ready_at = self._ready_at()
        if len(answer.jobs) < count and ready_at is not None:
            assert answer.next_ready_at == ready_at > now

    async def _finish(self) -> None:
        job = self._leased.pop(self._random.randrange(len(self._leased)))
        actual = self._random.choice([{"job": 1}, {"token": 5}, {"job": 3, "token": 0}])
        now = self._clock.now()
        await settle(self._store, Finish(claim(job), RECEIPT_TIME, actual))
        for payments, limit in zip(self._payments, self._gate.limits, strict=True):
            if limit.unit in actual:
                payments.add(now, counted(limit, actual) - counted(limit, job.cost))
        self._gate.correct(job.cost, actual, now)
        self._own[job.queue_id].correct(job.cost, actual, now)
        for queue_id, jobs in self._waiting.items():
            if not jobs and all(lease.queue_id != queue_id for lease in self._leased):
                self._own[queue_id].forget_if_paid(now)


class GateWalkConformance(Conformance):
    """Random histories of several queues behind a gate."""

    @pytest.mark.parametrize("seed", range(12))
    async def test_jobs_go_when_their_queue_and_the_gate_allow(
        self, store: QueueStore, clock: ManualClock, seed: int
    ) -> None:
        await GateWalk(store, clock, seed).run()
