"""A walk: random things that happen to several queues, and what all that limits them allows."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import inf
from random import Random
from typing import Final

from sharq_plug.model import Delivery, Finish, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.accounts import Account, Cost, counted
from sharq_plug.testing.conformance.setting import set_limits
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
LIMITS: Final[Sequence[tuple[Limit, ...]]] = (
    (Limit(1, 40, 3),),
    (Limit(7, 10, 5, "token"), Limit(1, 25)),
    (Limit(3, 100), Limit(2, 300, 9), Limit(1, 5, 2, "token")),
)
OWN: Final[Sequence[tuple[Limit, ...]]] = (
    (),
    (Limit(1, 60),),
    (Limit(1, 90, 2), Limit(1, 20, 4, "token")),
)


class LimiterAccount:
    """What a limiter is owed, and what was paid to each of its limits."""

    def __init__(self) -> None:
        self._account = Account()
        self._payments: list[Payments] = []

    def change(self, limits: tuple[Limit, ...]) -> None:
        """Have other limits from now on."""
        self._account.change(limits)
        self._payments = [Payments(limit) for limit in limits]

    def ready_at(self, now: int) -> int:
        """Return the first instant, from `now` on, at which all limits allow a dequeue."""
        return self._account.ready_at(now)

    def pay(self, cost: Cost, now: int) -> None:
        """Dequeue a job of this cost, which must be within the bound of each limit."""
        for payments, limit in zip(self._payments, self._account.limits, strict=True):
            payments.check_bound(now)
            payments.add(now, counted(limit, cost))
        self._account.pay(cost, now)

    def correct(self, cost: Cost, actual: Mapping[str, int], now: int) -> None:
        """Finish a job that paid `cost`, and took `actual`."""
        for payments, limit in zip(self._payments, self._account.limits, strict=True):
            if limit.unit in actual:
                payments.add(now, counted(limit, actual) - counted(limit, cost))
        self._account.correct(cost, actual, now)


class LimiterWalk(ABC):
    """Enqueue, dequeue and finish at random; queues and what limits them must be as reckoned.

    `uses` says which limiters a queue uses: their names are letters.
    """

    finishes: float
    """How probable it is that a step finishes a job."""

    def __init__(
        self, store: QueueStore, clock: ManualClock, seed: int, uses: Mapping[str, str]
    ) -> None:
        self._store, self._clock = store, clock
        self._random = Random(seed)  # noqa: S311  # a walk that can be repeated
        self._uses = dict(uses)
        self._limiters = {name: LimiterAccount() for name in sorted(set("".join(uses.values())))}
        self._own = {queue_id: Account() for queue_id in uses}
        self._waiting = dict.fromkeys(uses, 0)
        self._leased: list[tuple[Delivery, str]] = []
        self._jobs = 0

    @abstractmethod
    async def _set_limiter(self, name: str) -> tuple[Limit, ...]:
        """Draw the limits of a limiter, set them and return them."""

    @abstractmethod
    async def _use(self, queue_id: str) -> None:
        """Have a queue use its limiters."""

    def _opens_at(self, name: str, now: int) -> float:
        """Return when a limiter opens if no call comes before."""
        return self._limiters[name].ready_at(now)

    @abstractmethod
    def _check_foreseen(self, foreseen: int | None, ready_at: float) -> None:
        """Check what a dequeue that came short foresees; a job is ready at `ready_at`."""

    async def run(self) -> None:
        """Take so many steps."""
        await self._begin()
        for _ in range(STEPS):
            await self._step()
            self._clock.advance(self._random.choice([0, 1, 9, 30, 100]))

    async def _begin(self) -> None:
        for name, limiter in self._limiters.items():
            limiter.change(await self._set_limiter(name))
        for queue_id, account in self._own.items():
            own = self._random.choice(OWN)
            await set_limits(self._store, *own, queue_id=queue_id)
            account.change(own)
            await self._use(queue_id)
            await self._enqueue(queue_id)

    async def _step(self) -> None:
        if self._random.random() < 0.4:
            await self._enqueue(self._random.choice(list(self._own)))
        await self._dequeue()
        if self._leased and self._random.random() < self.finishes:
            await self._finish()

    async def _enqueue(self, queue_id: str) -> None:
        for _ in range(self._random.randint(1, 4)):
            cost = self._random.choice([None, None, {"job": 2}, {"token": 9}, {"token": 1}])
            await enqueue(self._store, queue_id, f"j{self._jobs}", cost=cost)
            self._jobs += 1
            self._waiting[queue_id] += 1

    def _ready_at(self, queue_id: str, now: int) -> float:
        own = self._own[queue_id].ready_at(now)
        return max([own, *(self._opens_at(name, now) for name in self._uses[queue_id])])

    async def _dequeue(self) -> None:
        now, count = self._clock.now(), self._random.randint(1, 3)
        answer = await dequeue_for_one(self._store, TYPE, count=count, lease_time=LONG)
        for job in answer.jobs:
            assert self._ready_at(job.queue_id, now) == now
            self._pay(job, now)
        if len(answer.jobs) < count:
            places = [self._ready_at(name, now) for name, jobs in self._waiting.items() if jobs]
            ready_at = min(places, default=inf)
            assert ready_at > now
            if ready_at < inf:
                self._check_foreseen(answer.next_ready_at, ready_at)

    def _pay(self, job: Delivery, now: int) -> None:
        uses = self._uses[job.queue_id]
        for name in uses:
            self._limiters[name].pay(job.cost, now)
        self._own[job.queue_id].pay(job.cost, now)
        self._waiting[job.queue_id] -= 1
        self._leased.append((job, uses))

    async def _finish(self) -> None:
        job, charged = self._leased.pop(self._random.randrange(len(self._leased)))
        actual = self._random.choice([{"job": 1}, {"token": 5}, {"job": 3, "token": 0}])
        now = self._clock.now()
        await settle(self._store, Finish(claim(job), RECEIPT_TIME, actual))
        for name in charged:
            self._limiters[name].correct(job.cost, actual, now)
        self._own[job.queue_id].correct(job.cost, actual, now)
        for queue_id, jobs in self._waiting.items():
            if not jobs and all(lease.queue_id != queue_id for lease, _ in self._leased):
                self._own[queue_id].forget_if_paid(now)
