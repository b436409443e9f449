"""Moves of several calls around dead letters, clearings, listings and totals."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from msgspec.structs import replace

from sharq_plug.model import (
    ALL_STATES,
    Clear,
    Deduplicate,
    Discard,
    Extras,
    Fail,
    JobRef,
    Jobs,
    JobState,
    LeaseRef,
    LetterRange,
    LetterRef,
    Listing,
    NewJob,
    Redrive,
    Take,
)
from sharq_plug.testing.model_check.exact.letters import TOTALS_KEPT
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME
from sharq_plug.testing.model_check.operations import (
    DiscardRange,
    Look,
    PageStep,
    RedriveRange,
)
from sharq_plug.testing.model_check.steps import Step
from sharq_plug.testing.model_check.walk import JOB_IDS, Walk

FIRST = JOB_IDS[0]
PAUSE = 20
"""ms between a death and its redrive."""


async def kill(walk: Walk, queue_type: str, queue_id: str, job_ids: Sequence[str]) -> None:
    """Let jobs of a queue without a rate die one after the other, 1 ms apart."""
    take = Take(1, LONG_LEASE_TIME, queues=(queue_id,))
    for job_id in job_ids:
        extras = Extras(priority=9)
        await walk.ask(queue_type, [NewJob(queue_id, job_id, b"", 0, 0, extras=extras)])
        leases = await walk.take(queue_type, take)
        await walk.ask(queue_type, [Fail(lease, job_id, dead=True) for lease in leases])
        await walk.advance(1)


@dataclass(frozen=True, slots=True)
class RedriveOne:
    """Let a job spend a requeue and die, redrive it, and do the same with it again.

    If it has a key, another job comes with that once it is redriven. `how` says what the redrive
    names: its job, a number, a number in another queue, or a range. With `lives` another job of its
    id lives by then, with `beside` one of another id. With `empties` its queue is forgotten by
    then. At the end its new ttl has passed, but for `early` ms.
    """

    queue_type: str
    queue_ids: Sequence[str]
    extras: Extras
    requeue_limit: int
    interval: int
    how: str
    lives: bool
    beside: bool
    empties: bool
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        queue_id, _ = self.queue_ids
        job = NewJob(queue_id, FIRST, b"1", self.interval, self.requeue_limit, extras=self.extras)
        await walk.clear(self.queue_type, Clear(queue_id, ALL_STATES))
        await walk.ask(self.queue_type, [job])
        await self._fail_and_die(walk)
        await walk.advance(PAUSE)
        if self.empties:
            await walk.tend()
        if self.lives:
            await walk.ask(self.queue_type, [job])
        if self.beside:
            await walk.ask(self.queue_type, [NewJob(queue_id, JOB_IDS[1], b"", 0)])
        await self._redrive(walk)
        if self.extras.deduplicate is not None:
            await walk.ask(self.queue_type, [replace(job, job_id=JOB_IDS[2])])
        await walk.ask(self.queue_type, [Look(queue_id)])
        await walk.ask(self.queue_type, [JobRef(queue_id, FIRST)])
        await walk.advance(self.interval)
        await self._fail_and_die(walk)
        await self._redrive(walk)
        await walk.advance(max(0, (self.extras.ttl or 0) - self.early))
        await walk.tend()
        await walk.ask(self.queue_type, [JobRef(queue_id, FIRST)])
        await walk.ask(self.queue_type, [Look()])

    async def _fail_and_die(self, walk: Walk) -> None:
        take = Take(1, LONG_LEASE_TIME, queues=(self.queue_ids[0],))
        leases: list[LeaseRef] = []
        if self.requeue_limit > 0:
            leases = await walk.take(self.queue_type, take)
            await walk.ask(self.queue_type, [Fail(lease, "first", 0) for lease in leases])
            await walk.advance(self.interval)
        leases = await walk.take(self.queue_type, take)
        await walk.ask(self.queue_type, [Fail(lease, "last", dead=True) for lease in leases])

    async def _redrive(self, walk: Walk) -> None:
        queue_id, other = self.queue_ids
        if self.how == "range":
            await walk.ask(self.queue_type, [RedriveRange(LetterRange(queue_id), 1)])
            return
        letters = await walk.letters(self.queue_type)
        numbers = [letter.number for letter in letters] or [1]
        named: Mapping[str, Sequence[JobRef | LetterRef]] = {
            "job": [JobRef(queue_id, FIRST)],
            "number": [LetterRef(numbers[0]), LetterRef(numbers[0])],
            "oldest": [LetterRef(numbers[-1]), LetterRef(numbers[-1], queue_id)],
            "elsewhere": [LetterRef(numbers[0], other), LetterRef(numbers[0], queue_id)],
        }
        await walk.ask(self.queue_type, [Redrive(letter) for letter in named[self.how]])


@dataclass(frozen=True, slots=True)
class MoveLetters:
    """Let jobs die in two queues in turn, and redrive or discard them in steps of `limit`.

    Some of them are of a job that lives. At the end the type is looked at.
    """

    queue_type: str
    queue_ids: Sequence[str]
    redrives: bool
    of_one: bool
    limit: int
    lives: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        first, second = self.queue_ids
        for job_id in (*JOB_IDS[:2], FIRST):
            for queue_id in self.queue_ids:
                await kill(walk, self.queue_type, queue_id, [job_id])
        if self.lives:
            await walk.ask(self.queue_type, [NewJob(first, FIRST, b"", 0)])
        verb = RedriveRange if self.redrives else DiscardRange
        of = second if self.of_one else None
        await walk.move_letters(self.queue_type, of, verb, self.limit)
        await walk.ask(self.queue_type, [JobRef(each, FIRST) for each in self.queue_ids])
        await walk.letters(self.queue_type)
        await walk.ask(self.queue_type, [Look()])


@dataclass(frozen=True, slots=True)
class DieTwice:
    """Let a job id die twice, and remove one letter after the other: by its job, or by number."""

    queue_type: str
    queue_id: str
    by_number: bool

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id, ALL_STATES))
        await kill(walk, self.queue_type, self.queue_id, [FIRST, FIRST])
        ref = JobRef(self.queue_id, FIRST)
        for _ in range(3):
            letters = await walk.letters(self.queue_type)
            letter = letters[-1] if self.by_number and letters else ref
            await walk.ask(self.queue_type, [Discard(letter), Redrive(letter)])
            await walk.ask(self.queue_type, [ref])


@dataclass(frozen=True, slots=True)
class GrowOld:
    """Let `count` jobs die 1 ms apart, and tend `early` ms before the oldest is too old a letter.

    Some tending is in steps of `limit`.
    """

    queue_type: str
    queue_id: str
    count: int
    limit: int
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id, ALL_STATES))
        begun = walk.now
        await kill(walk, self.queue_type, self.queue_id, JOB_IDS[: self.count])
        await walk.tend(self.limit)
        await walk.ask(self.queue_type, [Look()])
        until = begun + walk.twins.retention.max_age - self.early
        await walk.advance(max(0, until - walk.now))
        for _ in range(2):
            await walk.tend(self.limit)
            await walk.letters(self.queue_type)
            await walk.advance(1)
        await walk.ask(self.queue_type, [Look()])


@dataclass(frozen=True, slots=True)
class ClearStates:
    """Have jobs of a queue in every state, clear some of these states, and look at what is left.

    With `of_type` those of all queues go.
    """

    queue_type: str
    queue_id: str
    states: Set[JobState]
    of_type: bool
    limit: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await walk.clear(self.queue_type, Clear(self.queue_id, ALL_STATES))
        await kill(walk, self.queue_type, self.queue_id, JOB_IDS[:2])
        delayed = [
            NewJob(self.queue_id, job_id, b"", 0, extras=Extras(delay=delay))
            for job_id, delay in zip(JOB_IDS[2:4], [5, 1000], strict=True)
        ]
        others = [NewJob(self.queue_id, job_id, b"", 0) for job_id in (FIRST, JOB_IDS[4])]
        await walk.ask(self.queue_type, [*others, self._keyed(JOB_IDS[5])])
        await walk.take(self.queue_type, Take(1, LONG_LEASE_TIME, queues=(self.queue_id,)))
        await walk.ask(self.queue_type, delayed)
        await walk.advance(5)
        queue_id = None if self.of_type else self.queue_id
        await walk.clear(self.queue_type, Clear(queue_id, self.states), limit=self.limit)
        await walk.ask(self.queue_type, [Look(self.queue_id)])
        await walk.ask(self.queue_type, [Look()])
        await walk.ask(self.queue_type, [JobRef(self.queue_id, job_id) for job_id in JOB_IDS])
        for state in JobState:
            await walk.twins.follow(self.queue_type, Jobs(self.queue_id, state), limit=2)
        await walk.ask(self.queue_type, [self._keyed(JOB_IDS[2])])
        await walk.take(self.queue_type, Take(5, LONG_LEASE_TIME, queues=(self.queue_id,)))

    def _keyed(self, job_id: str) -> NewJob:
        extras = Extras(deduplicate=Deduplicate("k", 1000))
        return NewJob(self.queue_id, job_id, b"", 0, extras=extras)


@dataclass(frozen=True, slots=True)
class ForgetType:
    """Clear a whole type, and let a job die in it `early` ms before its totals are forgotten."""

    queue_type: str
    queue_id: str
    early: int

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await kill(walk, self.queue_type, self.queue_id, [FIRST])
        await walk.clear(self.queue_type, Clear(states=ALL_STATES))
        await walk.advance(TOTALS_KEPT - self.early)
        await walk.ask(self.queue_type, [Look()])
        await kill(walk, self.queue_type, self.queue_id, [FIRST])
        await walk.letters(self.queue_type)
        await walk.ask(self.queue_type, [Look()])


@dataclass(frozen=True, slots=True)
class ListMeanwhile:
    """List something in steps of `limit`, and do something else between the steps.

    By then a queue has some jobs.
    """

    queue_type: str | None
    filling: Step
    listing: Listing
    limit: int
    meanwhile: Sequence[Step]

    async def take(self, walk: Walk) -> None:
        """Do it."""
        await self.filling.take(walk)
        steps = iter(self.meanwhile)
        cursor: str | None = None
        for _ in range(100):
            page = PageStep(self.listing, cursor, self.limit)
            cursor = await walk.twins.page(self.queue_type, page)
            if cursor is None:
                return
            step = next(steps, None)
            if step is not None:
                await step.take(walk)
