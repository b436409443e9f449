"""Redriving and discarding: single dead letters, and ranges."""

from collections.abc import Callable
from itertools import islice

from msgspec.structs import replace

from sharq_memory.dead import DeadLetter
from sharq_memory.enqueueing import Enqueueing
from sharq_memory.queue import NO_EXTRAS, PRIORITY, Job, Rare
from sharq_memory.terms import Names
from sharq_plug.model import (
    AmendOutcome,
    JobRef,
    LetterRange,
    LetterRef,
    LettersMoved,
)


class Redriving(Enqueueing):
    """What is done with dead letters by their numbers."""

    def redrive(self, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        """Redrive up to `limit` letters of a range."""
        return self._move(letters, limit, now, self._redrive)

    def discard(self, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        """Remove up to `limit` letters of a range."""
        return self._move(letters, limit, now, self._discard)

    def _move(
        self,
        letters: LetterRange,
        limit: int,
        now: int,
        move: Callable[[int, int], AmendOutcome],
    ) -> LettersMoved:
        """Move up to `limit` letters of a range; return where to go on."""
        found = self.dead.numbers(letters.queue_id, after=letters.after)
        numbers = list(islice(found, limit + 1))
        outcomes = [move(number, now) for number in numbers[:limit]]
        return LettersMoved(
            count=outcomes.count(AmendOutcome.DONE),
            duplicates=outcomes.count(AmendOutcome.DUPLICATE),
            after=numbers[limit - 1] if len(numbers) > limit else None,
        )

    def _move_one(
        self, ref: LetterRef | JobRef, now: int, move: Callable[[int, int], AmendOutcome]
    ) -> AmendOutcome:
        """Move one letter, if there is such a letter."""
        number = self._number_of(ref)
        return AmendOutcome.UNKNOWN if number is None else move(number, now)

    def _number_of(self, ref: LetterRef | JobRef) -> int | None:
        """Return the number of a letter, None if there is no such letter."""
        if isinstance(ref, JobRef):
            return self.dead.newest(ref.queue_id, ref.job_id)
        letter = self.dead.by_number.get(ref.number)
        is_meant = letter is not None and ref.queue_id in {None, letter.queue_id}
        return ref.number if is_meant else None

    def _discard(self, number: int, now: int) -> AmendOutcome:
        """Remove a letter."""
        self._drop_letter(number, now)
        self.totals.discarded += 1
        return AmendOutcome.DONE

    def _redrive(self, number: int, now: int) -> AmendOutcome:
        """Let a dead letter wait again, as a new job that keeps its `enqueued_at`."""
        letter: DeadLetter = self.dead.by_number[number]
        queue, interval = self.queues.get(letter.queue_id), letter.interval
        brought: Names | None = tuple(name for name in letter.brought if name in self.limits)
        if queue is not None and letter.job_id in queue.jobs:
            return AmendOutcome.DUPLICATE
        if queue is None or not queue.jobs:
            queue = self._bring_into_being(letter.queue_id, now)
        else:
            interval, brought = queue.interval, None
        self._put(queue, self._job_of(letter, now), now, now)
        self._bring(queue, interval, brought, now)
        self._drop_letter(number, now)
        self.totals.redriven += 1
        return AmendOutcome.DONE

    def _job_of(self, letter: DeadLetter, now: int) -> Job:
        """Return the job that a letter becomes at `now` (ms)."""
        place = self.line.next_number() - letter.priority * PRIORITY
        job = Job(letter.job_id, letter.payload, letter.requeue_limit, place, letter.enqueued_at)
        extras = replace(letter.extras or NO_EXTRAS, delay=None, at=None, deduplicate=None)
        ends_at = None if extras.ttl is None else now + extras.ttl
        job.rare = Rare(extras, ends_at=ends_at, due_at=now)
        return job
