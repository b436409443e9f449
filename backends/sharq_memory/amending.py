"""Single jobs by their ids: how they are looked at and changed."""

from typing import assert_never

from sharq_memory.explaining import explained
from sharq_memory.queue import NO_EXTRAS, Job, Queue, Rare
from sharq_memory.redriving import Redriving
from sharq_memory.showing import show_dead, show_job
from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    Discard,
    JobRef,
    JobView,
    Redrive,
    Reschedule,
)


class Amending(Redriving):
    """Changes of one job or letter; each kind of amendment is a case and a method here."""

    def amend(self, change: Amendment, now: int) -> AmendOutcome:
        """Change one job or one dead letter."""
        match change:
            case Cancel():
                return self._cancel(change, now)
            case Reschedule():
                return self._reschedule(change, now)
            case Redrive():
                return self._move_one(change.letter, now, self._redrive)
            case Discard():
                return self._move_one(change.letter, now, self._discard)
            case _:
                assert_never(change)

    def find(self, ref: JobRef, now: int, *, payloads: bool) -> JobView | Absence:
        """Return what is known of one job."""
        found = self._living(ref)
        if found is not None:
            view = show_job(*found, now, payloads=payloads)
            queue, job = found
            shared = self.shared_holds(queue, now) + self.gate_holds(now)
            return explained(queue, job, view, shared, now)
        number = self.dead.newest(ref.queue_id, ref.job_id)
        if number is None:
            return Absence.UNKNOWN
        return show_dead(self.dead.by_number[number], payloads=payloads)

    def _living(self, ref: JobRef) -> tuple[Queue, Job] | None:
        """Return the living job of this id and its queue, None if there is none."""
        queue = self.queues.get(ref.queue_id)
        job = None if queue is None else queue.jobs.get(ref.job_id)
        return None if queue is None or job is None else (queue, job)

    def _cancel(self, change: Cancel, now: int) -> AmendOutcome:
        """Remove a job that lives, or the newest dead letter of its id."""
        found = self._living(change.job)
        if found is None:
            return self._move_one(change.job, now, self._discard)
        queue, job = found
        if job.token is not None and not change.leased:
            return AmendOutcome.LEASED
        self._remove(queue, job)
        self._changed(queue, now)
        return AmendOutcome.DONE

    def _reschedule(self, change: Reschedule, now: int) -> AmendOutcome:
        """Give a job that waits or is delayed another priority or time."""
        found = self._living(change.job)
        if found is None:
            is_dead = self._number_of(change.job) is not None
            return AmendOutcome.DEAD if is_dead else AmendOutcome.UNKNOWN
        queue, job = found
        if job.token is not None:
            return AmendOutcome.LEASED
        rare = job.rare or Rare(NO_EXTRAS)
        at = rare.at if rare.at is not None else now
        self._take_out(queue, job)
        job.rare = rare
        if change.priority is not None:
            job.prioritize(change.priority)
        if change.at is not None:
            at = change.at
        elif change.delay is not None:
            at = now + change.delay
        if change.at is not None or change.delay is not None:
            rare.due_at = max(at, now)
        self._put(queue, job, now, at)
        self._changed(queue, now)
        return AmendOutcome.DONE
