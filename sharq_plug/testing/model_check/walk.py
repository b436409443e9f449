"""A walk: a sequence of calls, with what must be remembered to make the next ones matter."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from typing import TypeAlias

from sharq_plug.model import Dequeued, LeaseOutcome, LeaseRef, NewJob
from sharq_plug.testing.model_check.twins import Claim, Twins

TYPES = ["t", "pay.load"]
QUEUE_IDS = ["b", "a", "a-", "+10", "9"]
JOB_IDS = ["j1", "j.2", "+3", "4@j", "~5", "j6"]
NOBODYS = "no-such-token"
RECEIPT_TIME = 200
MAX_STEPS = 500
"""What takes more steps than this, has no end."""
LONG_AFTER = 2 * 10**12
"""ms after which the longest interval is paid off."""


class Manner(Enum):
    """How a lease is claimed."""

    OWN = "a lease that stands, with its token"
    LATE = "a lease that has ended, with its token"
    WITHOUT = "a lease that stands, without a token"
    WRONG = "a lease that stands, with a token that nobody was given"
    OTHER_JOB = "a lease that has ended, with its token, but for another job"


Pick: TypeAlias = tuple[Manner, int]
"""How to claim a lease, and which one: so many were given after it."""


class Walk:
    """Call both stores, and remember leases, intervals, and instants at which something is due."""

    def __init__(self, twins: Twins) -> None:
        self.twins = twins
        self._standing: dict[str, list[Claim]] = {queue_type: [] for queue_type in TYPES}
        self._ended: dict[str, list[Claim]] = {queue_type: [] for queue_type in TYPES}
        self._intervals: dict[tuple[str, str], int] = {}
        self._instants: list[int] = []

    @property
    def now(self) -> int:
        """Return the time (ms) by the stores' clock."""
        return self.twins.clock.now()

    async def advance(self, duration: int) -> None:
        """Let so many ms pass."""
        await self.twins.advance(duration)

    async def advance_to(self, which: int, early: int) -> None:
        """Let time pass until so many ms before something is due, if there is anything."""
        ahead = sorted({at - early for at in self._instants if at - early > self.now})
        if ahead:
            await self.advance(ahead[which % len(ahead)] - self.now)

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> None:
        """Enqueue jobs."""
        await self.twins.enqueue(queue_type, jobs)
        for job in jobs:
            self._intervals[queue_type, job.queue_id] = job.interval

    async def dequeue(
        self, queue_type: str, *, count: int, lease: int, attempt_id: str | None = None
    ) -> tuple[Dequeued, list[Claim]]:
        """Dequeue jobs."""
        answer, claims = await self.twins.dequeue(
            queue_type, count=count, lease=lease, attempt_id=attempt_id
        )
        self._standing[queue_type] += claims
        if answer.next_ready_at is not None:
            self._instants.append(answer.next_ready_at)
        for job in answer.jobs:
            interval = self._intervals[queue_type, job.queue_id]
            self._instants += [job.expires_at, self.now + interval]
        return answer, claims

    async def finish(
        self, queue_type: str, claims: Sequence[Claim], *, receipt_time: int = RECEIPT_TIME
    ) -> None:
        """Finish what is claimed, if anything is."""
        if not claims:
            return
        outcomes = await self.twins.finish(queue_type, claims, receipt_time=receipt_time)
        self._note_ended(queue_type, claims, outcomes)
        self._instants.append(self.now + receipt_time)

    async def release(self, queue_type: str, claims: Sequence[Claim]) -> None:
        """Release what is claimed, if anything is."""
        if not claims:
            return
        outcomes = await self.twins.release(queue_type, claims)
        self._note_ended(queue_type, claims, outcomes)

    async def reclaim(self, queue_type: str, *, limit: int) -> None:
        """Reclaim some leases."""
        await self.twins.reclaim(queue_type, limit=limit)
        self._retire(queue_type, lambda claim: claim.expires_at <= self.now)

    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> None:
        """Change an interval."""
        await self.twins.set_interval(queue_type, queue_id, interval)
        self._intervals[queue_type, queue_id] = interval

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> None:
        """Clear a queue."""
        await self.twins.clear(queue_type, queue_id, purge=purge)
        self._retire(queue_type, lambda claim: claim.ref.queue_id == queue_id)

    async def compare_state(self) -> None:
        """Look at all there is."""
        for queue_type in TYPES:
            for queue_id in QUEUE_IDS:
                await self.twins.measure(queue_type, queue_id)
            await self.twins.count(queue_type)
            await self.twins.list_queues(queue_type, limit=100)
        await self.twins.count(None)
        await self.twins.list_types(limit=100)

    async def finish_all(self, queue_type: str) -> None:
        """Serve a type's jobs, each at its time, until there are none."""
        for _ in range(MAX_STEPS):
            await self.twins.reclaim(queue_type, limit=100)
            answer, claims = await self.twins.dequeue(queue_type, count=100, lease=1000)
            if claims:
                await self.twins.finish(queue_type, claims, receipt_time=RECEIPT_TIME)
            elif answer.next_ready_at is None:
                return
            else:
                await self.advance(max(1, answer.next_ready_at - self.now))
        self.twins.check()
        raise AssertionError(f"the jobs of {queue_type} have no end")

    async def purge_all(self) -> None:
        """Remove what is left, and let every rate be paid off and be forgotten."""
        for queue_type in TYPES:
            for queue_id in QUEUE_IDS:
                await self.twins.clear(queue_type, queue_id, purge=True)
        await self.advance(LONG_AFTER)
        for queue_type in TYPES:
            for _ in range(MAX_STEPS):
                if not await self.twins.reclaim(queue_type, limit=100):
                    break
            else:
                raise AssertionError(f"the reclaims of {queue_type} have no end")

    def claims(self, queue_type: str, picks: Sequence[Pick]) -> list[Claim]:
        """Return the claims that are picked; to a lease nobody has, if there is none."""
        return [self._claim(queue_type, manner, back) for manner, back in picks]

    def without_tokens(self, claims: Sequence[Claim]) -> list[Claim]:
        """Return claims to the same jobs, whoever has them now."""
        return [
            replace(
                claim,
                ref=_altered(claim.ref, Manner.WITHOUT, 0),
                reference=_altered(claim.reference, Manner.WITHOUT, 0),
            )
            for claim in claims
        ]

    def _claim(self, queue_type: str, manner: Manner, back: int) -> Claim:
        standing, ended = self._standing[queue_type], self._ended[queue_type]
        late = manner in {Manner.LATE, Manner.OTHER_JOB}
        leases = (ended or standing) if late else (standing or ended)
        if not leases:
            nobodys = LeaseRef(QUEUE_IDS[0], JOB_IDS[0], NOBODYS)
            return Claim(nobodys, nobodys, 0)
        claim = leases[-1 - back % len(leases)]
        return replace(
            claim,
            ref=_altered(claim.ref, manner, back),
            reference=_altered(claim.reference, manner, back),
        )

    def _note_ended(
        self, queue_type: str, claims: Sequence[Claim], outcomes: Sequence[LeaseOutcome]
    ) -> None:
        jobs = {
            (claim.ref.queue_id, claim.ref.job_id)
            for claim, outcome in zip(claims, outcomes, strict=True)
            if outcome is LeaseOutcome.ENDED
        }
        self._retire(queue_type, lambda claim: (claim.ref.queue_id, claim.ref.job_id) in jobs)

    def _retire(self, queue_type: str, has_ended: Callable[[Claim], bool]) -> None:
        standing = self._standing[queue_type]
        self._ended[queue_type] += filter(has_ended, standing)
        self._standing[queue_type] = [claim for claim in standing if not has_ended(claim)]


def _altered(ref: LeaseRef, manner: Manner, back: int) -> LeaseRef:
    match manner:
        case Manner.OWN | Manner.LATE:
            return ref
        case Manner.WITHOUT:
            return replace(ref, token=None)
        case Manner.WRONG:
            return replace(ref, token=NOBODYS)
        case Manner.OTHER_JOB:
            return replace(ref, job_id=JOB_IDS[back % len(JOB_IDS)])
