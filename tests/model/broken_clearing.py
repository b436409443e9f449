"""Memory states that are broken on purpose, one fault each: what a clearing removes."""

from collections.abc import Iterator, Set
from itertools import islice

from msgspec.structs import replace

from sharq_memory.clearing import Step
from sharq_memory.keys import Keys
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_memory.totals import Counters
from sharq_plug.model import ALL_STATES, Clear, Cleared, JobState


class ClearTakesAnotherStateToo(TypeState):
    """With the jobs that wait go those that are leased."""

    def _clear_queue(self, queue_id: str, what: Clear, step: Step, now: int) -> bool:
        if JobState.WAITING in what.states:
            what = replace(what, states=what.states | {JobState.LEASED})
        return super()._clear_queue(queue_id, what, step, now)


class ClearOfWaitingLeavesDueJobs(TypeState):
    """Those that have not joined."""

    def _remove_some(self, queue: Queue, states: Set[JobState], step: Step, now: int) -> bool:
        due = [entry[-1] for entry in queue.delayed or () if entry[0] <= now]
        if JobState.DELAYED in states or not due:
            return super()._remove_some(queue, states, step, now)
        jobs = [*islice(queue.waiting_jobs(), step.left)] if JobState.WAITING in states else []
        for job in jobs:
            self._remove(queue, job)
            step.count(JobState.WAITING)
        if jobs:
            self._changed(queue, now)
        return super()._remove_some(queue, states - {JobState.WAITING}, step, now)


class HoldingKeys(Keys):
    is_holding = False

    def forget_job(self, queue: Queue, job: Job) -> None:
        if self.is_holding:
            self.outlive(queue, job)
        else:
            super().forget_job(queue, job)


class ClearByStatesKeepsTheKeys(TypeState):
    """What it removes one by one is remembered as if it had finished."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.keys: HoldingKeys = HoldingKeys()

    def _remove_some(self, queue: Queue, states: Set[JobState], step: Step, now: int) -> bool:
        self.keys.is_holding = True
        is_done = super()._remove_some(queue, states, step, now)
        self.keys.is_holding = False
        return is_done


class ClearOfATypeForgetsAQueue(TypeState):
    """The last one, if there are several."""

    def _names_from(self, start: str) -> Iterator[str]:
        names = list(super()._names_from(start))
        return iter(names[:-1] if len(names) > 1 and self._clears else names)

    _clears = False

    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        self._clears = True
        cleared = super().clear(what, cursor, limit, now)
        self._clears = False
        return cleared


class ClearGoesPastItsLimit(TypeState):
    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        return super().clear(what, cursor, limit + 1, now)


class ClearSaysTooSoonThatItIsDone(TypeState):
    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        return replace(super().clear(what, cursor, limit, now), cursor=None)


class ClearedLettersAreNotTold(TypeState):
    """They go, and are not counted in the answer."""

    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        return replace(super().clear(what, cursor, limit, now), dead=0)


class ClearLeavesALetter(TypeState):
    """The newest one of a queue, though it says that it went."""

    def _clear_queue(self, queue_id: str, what: Clear, step: Step, now: int) -> bool:
        numbers = list(self.dead.numbers(queue_id))
        newest = self.dead.by_number[numbers[-1]] if len(numbers) > 1 else None
        is_done = super()._clear_queue(queue_id, what, step, now)
        if is_done and newest is not None and JobState.DEAD in what.states:
            self.keep_letter(numbers[-1], newest, now)
            self.totals.discarded -= 1
            self.totals.kept_until = None
        return is_done


class ClearForgetsTheTotals(TypeState):
    """Of a type from which everything was removed."""

    def clear(self, what: Clear, cursor: str | None, limit: int, now: int) -> Cleared:
        cleared = super().clear(what, cursor, limit, now)
        if what.states >= ALL_STATES and not self.existing and not self.dead:
            self.totals = Counters(kept_until=self.totals.kept_until)
        return cleared
