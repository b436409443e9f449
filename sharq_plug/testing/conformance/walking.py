"""A walk: random things that happen to one queue, and what it owes by the contract."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from sharq_plug.model import Delivery, Finish, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.accounts import Account, counted
from sharq_plug.testing.conformance.setting import set_limits
from sharq_plug.testing.conformance.vocabulary import (
    RECEIPT_TIME,
    TYPE,
    claim,
    enqueue,
    settle,
)

STEPS = 150
LONG = 10**12
UNITS = ("job", "job", "token")
LIMITS = tuple(
    Limit(rate, per, burst, unit)
    for unit in UNITS[1:]
    for rate, per in ((1, 100), (3, 100), (7, 10), (19, 10), (1, 1000), (999, 1000))
    for burst in (1, 2, 5)
)


@dataclass(slots=True)
class Payment:
    """Units that were paid at an instant to a limit; a correction may make them negative."""

    instant: int
    units: int


class Payments:
    """What was paid to one limit of a queue since it was set."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._paid: list[Payment] = []

    def add(self, instant: int, units: int) -> None:
        """Note a payment."""
        self._paid.append(Payment(instant, units))

    def check_bound(self, instant: int) -> None:
        """Check each window that ends just before a delivery at `instant`."""
        units = 0
        for payment in reversed(self._paid):
            units += payment.units
            earned = (instant - payment.instant) * self._limit.rate // self._limit.per
            assert units <= self._limit.burst - 1 + earned, (self._limit, self._paid)


class Walk:
    """Do random things to queue "q", and hold what it gives to an account of what it owes."""

    def __init__(self, store: QueueStore, clock: ManualClock, seed: int) -> None:
        self._store = store
        self._clock = clock
        self._random = Random(seed)  # noqa: S311  # a walk that can be repeated
        self._account = Account()
        self._payments: list[Payments] = []
        self._costs: list[Mapping[str, int] | None] = []
        self._leased: list[Delivery] = []
        self._ids: Iterator[int] = count()

    async def run(
        self, *, corrects: bool, changes: bool, others: Sequence[Callable[[], Awaitable[None]]] = ()
    ) -> None:
        """Take so many steps; with corrections and changed limits, if they are asked for."""
        await self._set_limits(1)
        steps: list[Callable[[], Awaitable[None]]] = [
            *others,
            self._enqueue,
            self._dequeue,
            self._dequeue,
            self._wait,
            self._finish,
        ]
        steps += [self._correct] * corrects + [self._set_limits] * changes
        for _ in range(STEPS):
            if not self._costs and not self._leased:
                self._forget()
            await self._random.choice(steps)()

    def _forget(self) -> None:
        """Forget what is paid off, since no job lives."""
        self._account.forget_if_paid(self._clock.now())

    def _take_up(self) -> None:
        """Let the queue take up what has been set for its type."""

    async def _enqueue(self) -> None:
        for _ in range(self._random.randrange(1, 4) if len(self._costs) < 3 else 0):
            cost = self._draw_cost()
            await enqueue(self._store, "q", str(next(self._ids)), cost=cost, interval=self._bring())
            self._costs.append(cost)

    def _bring(self) -> int | None:
        """Draw the interval that an enqueue brings, and have the queue change by it."""
        return 0

    def _draw_cost(self) -> dict[str, int] | None:
        units = set(self._random.choices(UNITS, k=self._random.randrange(3)))
        return {unit: self._random.choice([1, 1, 2, 3, 7]) for unit in sorted(units)} or None

    async def _dequeue(self) -> None:
        now = self._clock.now()
        answer = await dequeue_for_one(self._store, TYPE, count=1, lease_time=LONG)
        if not self._costs:
            assert answer.jobs == ()
            return
        if self._account.ready_at(now) <= now:
            self._take_up()
        ready_at = self._account.ready_at(now)
        if ready_at > now:
            assert (answer.jobs, answer.next_ready_at) == ((), ready_at)
            return
        [job] = answer.jobs
        assert job.cost == self._costs.pop(0)
        for payments in self._payments:
            payments.check_bound(now)
        for payments, limit in zip(self._payments, self._account.limits, strict=True):
            payments.add(now, counted(limit, job.cost))
        self._account.pay(job.cost, now)
        self._leased.append(job)

    async def _wait(self) -> None:
        rest = self._account.ready_at(self._clock.now()) - self._clock.now()
        self._clock.advance(
            self._random.choice([1, 7, 40, 300, 3000, rest, rest, max(0, rest - 1)])
        )
        if self._random.random() < 0.2:
            await self._store.tend(limit=100)
            if self._costs:
                self._take_up()

    async def _finish(self) -> None:
        if self._leased:
            job = self._leased.pop(0)
            await settle(self._store, Finish(claim(job), RECEIPT_TIME))
            self._take_up()

    async def _correct(self) -> None:
        if not self._leased:
            return
        job, now = self._leased.pop(self._random.randrange(len(self._leased))), self._clock.now()
        actual = self._draw_cost() or {"token": 0}
        await settle(self._store, Finish(claim(job), RECEIPT_TIME, actual))
        self._take_up()
        for payments, limit in zip(self._payments, self._account.limits, strict=True):
            if limit.unit in actual:
                payments.add(now, counted(limit, actual) - counted(limit, job.cost))
        self._account.correct(job.cost, actual, now)

    async def _set_limits(self, least: int = 0) -> None:
        limits = self._draw_limits(least)
        await set_limits(self._store, *limits)
        self._change(limits)

    def _draw_limits(self, least: int = 0) -> tuple[Limit, ...]:
        limits = tuple(self._random.choices(LIMITS, k=self._random.randrange(least, 4)))
        kept = self._account.limits
        if kept and self._random.random() < 0.5:
            limits = (self._random.choice(kept), *limits)
        return limits

    def _change(self, limits: tuple[Limit, ...]) -> None:
        """Have these limits in effect from now on."""
        if limits != self._account.limits:
            self._account.change(limits)
            self._payments = [Payments(limit) for limit in limits]
