"""Clearing: remove jobs and dead letters for good, in bounded steps."""

from collections import Counter
from collections.abc import Iterator, Set
from itertools import islice

from sharq_memory.cursors import behind, read_cursor, write_cursor
from sharq_memory.listing import in_state
from sharq_memory.queue import Job, Queue
from sharq_memory.redriving import Redriving
from sharq_memory.tally import Tally
from sharq_plug.model import LIVING, Clear, Cleared, JobState

CLEARING = "clear"
"""The name of a clearing in its cursors."""


class Step:
    """One step of a clearing: how many jobs and letters it may still remove, and what it did."""

    __slots__ = ("left", "removed")

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.removed: Counter[JobState] = Counter()

    def count(self, state: JobState) -> None:
        """Count one job or letter that was removed by itself."""
        self.left -= 1
        self.removed[state] += 1

    def answer(self, cursor: str | None) -> Cleared:
        """Return what the step did."""
        removed = self.removed
        return Cleared(
            waiting=removed[JobState.WAITING],
            leased=removed[JobState.LEASED],
            dead=removed[JobState.DEAD],
            delayed=removed[JobState.DELAYED],
            cursor=cursor,
        )


class Clearing(Redriving):
    """How a queue is cleared, and a type queue by queue."""

    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        """Take one step of a clearing."""
        step = Step(limit)
        if what.queue_id is not None:
            is_done = self._clear_queue(what.queue_id, what, step, now)
            return step.answer(None if is_done else write_cursor(CLEARING))
        [after] = [""] if cursor is None else read_cursor(cursor, CLEARING, str)
        names = list(islice(self._names_from(behind(after)), limit + 1))
        for nth, name in enumerate(names):
            if nth == limit or not step.left or not self._clear_queue(name, what, step, now):
                return step.answer(write_cursor(CLEARING, after))
            after = name
        return step.answer(None)

    def _clear_queue(self, queue_id: str, what: Clear, step: Step, now: int) -> bool:
        """Remove from one queue what `what` names; return whether nothing of it is left."""
        queue = self.queues.get(queue_id)
        is_done = True
        if queue is not None:
            if what.counts and (what.queue_id or queue.jobs or self.dead.of_queue(queue_id)):
                queue.tally = Tally()
            if not queue.jobs:
                self._leave_behind(queue, now)  # without counts it may be forgotten earlier
            elif what.states >= LIVING:
                self._empty(queue, step, now)
            else:
                is_done = self._remove_some(queue, what.states, step, now)
        if JobState.DEAD in what.states:
            numbers = self.dead.numbers(queue_id)
            for number in list(islice(numbers, step.left)):
                self._discard(number, now)
                step.count(JobState.DEAD)
            is_done = is_done and not self.dead.of_queue(queue_id)
        return is_done

    def _empty(self, queue: Queue, step: Step, now: int) -> None:
        """Remove all jobs of `queue` at once, however many there are."""
        waiting, leased = queue.waiting_at(now), queue.leased
        step.removed[JobState.WAITING] += waiting
        step.removed[JobState.LEASED] += leased
        step.removed[JobState.DELAYED] += queue.unleased - waiting
        self.totals.removed += len(queue.jobs)
        self.totals.revoked += leased
        self.totals.delayed -= len(queue.delayed or ())
        self.garbage.add(queue.jobs, queue.rest, queue.leases, queue.delayed, queue.ending)
        for names, leases in () if queue.terms is None else queue.terms.take_back():
            self._give_back(names, leases)
        queue.jobs, queue.head, queue.rest, queue.leases = {}, None, None, None
        queue.delayed = queue.ending = None
        self.due = 0
        self._changed(queue, now)

    def _remove_some(self, queue: Queue, states: Set[JobState], step: Step, now: int) -> bool:
        """Remove jobs of `queue` in some states one by one; return whether none is left."""
        found = list(islice(_in_states(queue, states, now), step.left + 1))
        is_done = len(found) <= step.left
        for state, job in found[: step.left]:
            self._remove(queue, job)
            step.count(state)
        if found:
            self._changed(queue, now)
        return is_done


def _in_states(queue: Queue, states: Set[JobState], now: int) -> Iterator[tuple[JobState, Job]]:
    """Iterate over the living jobs of `queue` in some states, in the order in which they go."""
    for state in (JobState.WAITING, JobState.DELAYED, JobState.LEASED):
        if state in states:
            for _, job in in_state(queue, state, None, now):
                yield state, job
