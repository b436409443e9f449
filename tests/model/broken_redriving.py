"""Memory stores and states that are broken on purpose, one fault each: redrives and discards."""

from collections.abc import Sequence
from itertools import islice

from model.broken_watching import Silent
from msgspec.structs import replace

from sharq_memory.dead import DeadLetter
from sharq_memory.queue import Job, Queue, Rare
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Amendment,
    AmendOutcome,
    Discard,
    Extras,
    Finish,
    JobRef,
    LetterRange,
    LetterRef,
    LettersMoved,
)


class RedriveDoublesALivingId(TypeState):
    """The second job of the id waits when the first is finished."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._kept: dict[tuple[str, str], DeadLetter] = {}

    def _redrive(self, number: int, now: int) -> AmendOutcome:
        letter: DeadLetter = self.dead.by_number[number]
        outcome = super()._redrive(number, now)
        if outcome is AmendOutcome.DUPLICATE:
            self._kept[letter.queue_id, letter.job_id] = letter
            self._drop_letter(number, now)
            self.totals.redriven += 1
            return AmendOutcome.DONE
        return outcome

    def _finish(self, queue: Queue, job: Job, item: Finish, now: int) -> None:
        super()._finish(queue, job, item, now)
        kept = self._kept.pop((queue.queue_id, job.job_id), None)
        if kept is not None:
            if not queue.jobs:
                self._bring_into_being(queue.queue_id, now)
            self._put(queue, self._job_of(kept, now), now, now)
            self._changed(queue, now)


class RedriveKeepsTheAttempt(TypeState):
    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        job = super()._job_of(letter, now)
        job.attempt = letter.attempts
        return job


class RedriveKeepsSpentRequeues(TypeState):
    """A redriven job has the requeues that were left when it died."""

    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        job = super()._job_of(letter, now)
        job.requeues = letter.requeues
        return job


class RedriveKeepsTheOldTtl(TypeState):
    """It counts from the enqueue."""

    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        job = super()._job_of(letter, now)
        if job.rare is not None and job.rare.extras.ttl is not None:
            job.rare.ends_at = letter.enqueued_at + job.rare.extras.ttl
        return job


class RedriveKeepsTheError(TypeState):
    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        job = super()._job_of(letter, now)
        if letter.error is not None:
            job.rare = job.rare or Rare(Extras())
            job.rare.last_error = letter.error
        return job


class RedriveLosesThePriority(TypeState):
    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        return super()._job_of(replace(letter, priority=0), now)


class RedriveTakesTheTimeOfTheEnqueue(TypeState):
    """A redriven job is shown as enqueued when it was redriven."""

    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        return super()._job_of(replace(letter, enqueued_at=now), now)


class RedrivenJobStandsFirst(TypeState):
    """Among those of its priority, as one that came back."""

    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        job = super()._job_of(letter, now)
        job.come_back()
        return job


class RedriveFreesTheKey(TypeState):
    """That the job was enqueued with."""

    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        if letter.extras is not None and letter.extras.deduplicate is not None:
            self.keys.drop((letter.queue_id, letter.extras.deduplicate.key))
        return super()._job_of(letter, now)


class RedriveForgetsTheInterval(TypeState):
    """A queue that a redrive brings into being has none."""

    def _redrive(self, number: int, now: int) -> AmendOutcome:
        letter: DeadLetter = self.dead.by_number[number]
        self.dead.by_number[number] = replace(letter, interval=0)
        outcome = super()._redrive(number, now)
        if outcome is not AmendOutcome.DONE:
            self.dead.by_number[number] = letter
        return outcome


class RedriveBringsItsInterval(TypeState):
    """Also to a queue that exists."""

    def _redrive(self, number: int, now: int) -> AmendOutcome:
        letter: DeadLetter = self.dead.by_number[number]
        outcome = super()._redrive(number, now)
        if outcome is AmendOutcome.DONE:
            self._bring(self.queues[letter.queue_id], letter.interval, None, now)
        return outcome


class RedrivePaysOffTheRate(TypeState):
    """Of a queue that it brings into being."""

    def _redrive(self, number: int, now: int) -> AmendOutcome:
        queue = self.queues.get(self.dead.by_number[number].queue_id)
        if queue is not None and not queue.jobs:
            queue.last = None
        return super()._redrive(number, now)


class RedriveIsCountedAsAnEnqueue(TypeState):
    def _redrive(self, number: int, now: int) -> AmendOutcome:
        queue_id = self.dead.by_number[number].queue_id
        outcome = super()._redrive(number, now)
        if outcome is AmendOutcome.DONE:
            self.queues[queue_id].tally.add_enqueues(now, 1)
        return outcome


class RedriveLeavesItsLetter(TypeState):
    """It can be redriven again when the job is gone."""

    def _redrive(self, number: int, now: int) -> AmendOutcome:
        letter = self.dead.by_number[number]
        outcome = super()._redrive(number, now)
        if outcome is AmendOutcome.DONE:
            self.keep_letter(number, letter, now)
            self.totals.redriven -= 1
            self.totals.enqueued += 1
        return outcome


class RedriveWakesNobody(Silent):
    async def amend(self, queue_type: str, changes: Sequence[Amendment]) -> list[AmendOutcome]:
        self.is_silent = True
        outcomes = await super().amend(queue_type, changes)
        self.is_silent = False
        return outcomes

    async def redrive(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        self.is_silent = True
        moved = await super().redrive(queue_type, letters, limit=limit)
        self.is_silent = False
        return moved


class LetterByJobIsTheOldest(TypeState):
    """A redrive or discard by a job means its first letter."""

    def _number_of(self, ref: LetterRef | JobRef) -> int | None:
        if isinstance(ref, JobRef):
            numbers = self.dead.numbers(ref.queue_id)
            those = (one for one in numbers if self.dead.by_number[one].job_id == ref.job_id)
            return next(those, None)
        return super()._number_of(ref)


class QueueOfALetterDoesNotMatter(TypeState):
    """A number that is asked for in one queue means a letter of any."""

    def _number_of(self, ref: LetterRef | JobRef) -> int | None:
        return super()._number_of(LetterRef(ref.number) if isinstance(ref, LetterRef) else ref)


class DiscardByNumberTakesTheNewest(TypeState):
    """Of the letters of that job."""

    def amend(self, change: Amendment, now: int) -> AmendOutcome:
        if isinstance(change, Discard) and isinstance(change.letter, LetterRef):
            number = self._number_of(change.letter)
            if number is not None:
                letter = self.dead.by_number[number]
                change = Discard(JobRef(letter.queue_id, letter.job_id))
        return super().amend(change, now)


class DiscardLeavesItsLetter(TypeState):
    """It says that a letter of a range went, and the last one stays."""

    def discard(self, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        numbers = list(islice(self.dead.numbers(letters.queue_id, after=letters.after), limit))
        kept = self.dead.by_number[numbers[-1]] if len(numbers) > 1 else None
        moved = super().discard(letters, limit, now)
        if kept is not None:
            self.keep_letter(numbers[-1], kept, now)
            self.totals.discarded -= 1
        return moved


class RangeGoesToTheNewestFirst(TypeState):
    def discard(self, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        numbers = list(self.dead.numbers(letters.queue_id, after=letters.after))
        for number in numbers[-limit:]:
            self._discard(number, now)
        after = numbers[limit - 1] if len(numbers) > limit else None
        return LettersMoved(len(numbers[:limit]), after=after)


class RangeOfAQueueIsOfItsType(TypeState):
    def discard(self, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        return super().discard(replace(letters, queue_id=None), limit, now)


class DuplicatesDoNotCountToTheLimit(TypeState):
    """A redrive of a range looks at more letters than it may."""

    def redrive(self, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        moved = super().redrive(letters, limit, now)
        if moved.duplicates and moved.after is not None:
            rest = replace(letters, after=moved.after)
            further = super().redrive(rest, moved.duplicates, now)
            return LettersMoved(
                moved.count + further.count,
                moved.duplicates + further.duplicates,
                after=further.after,
            )
        return moved


class RangeForgetsToSayWhereToGoOn(TypeState):
    def redrive(self, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        return replace(super().redrive(letters, limit, now), after=None)
