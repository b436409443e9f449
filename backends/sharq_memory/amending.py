"""Single jobs by their ids: how they are looked at and changed."""

from typing import assert_never

from sharq_memory.queue import NO_EXTRAS, Job, Queue, Rare
from sharq_memory.timing import Timing
from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    JobRef,
    JobState,
    JobView,
    Reschedule,
)


class Amending(Timing):
    """What is said of a job by its id; a kind of amendment is a case and a method here."""

    def amend(self, change: Amendment, now: int) -> AmendOutcome:
        """Change one job."""
        queue = self.queues.get(change.job.queue_id)
        job = None if queue is None else queue.jobs.get(change.job.job_id)
        match change:
            case Cancel():
                if queue is None or job is None:
                    return self._cancel_dead(change.job)
                return self._cancel(queue, job, now, leased=change.leased)
            case Reschedule():
                if queue is None or job is None:
                    is_dead = change.job.job_id in self.dead.get(change.job.queue_id, ())
                    return AmendOutcome.DEAD if is_dead else AmendOutcome.UNKNOWN
                return self._reschedule(queue, job, change, now)
            case _:
                assert_never(change)

    def find(self, ref: JobRef, now: int, *, payloads: bool) -> JobView | Absence:
        """Return what is known of one job."""
        queue = self.queues.get(ref.queue_id)
        job = None if queue is None else queue.jobs.get(ref.job_id)
        if queue is not None and job is not None:
            return _view(queue, job, now, payload=job.payload if payloads else None)
        letters = self.dead.get(ref.queue_id)
        letter = None if letters is None else letters.newest(ref.job_id)
        if letter is None:
            return Absence.UNKNOWN
        extras = letter.extras or NO_EXTRAS
        return JobView(
            state=JobState.DEAD,
            attempt=letter.attempts,
            requeues_remaining=letter.requeues,
            enqueued_at=letter.enqueued_at,
            priority=letter.priority,
            last_error=letter.error,
            cost=extras.cost,
            headers=extras.headers,
            payload=letter.payload if payloads else None,
        )

    def _cancel(self, queue: Queue, job: Job, now: int, *, leased: bool) -> AmendOutcome:
        """Remove a job that lives."""
        if job.token is None:
            self._take_out(queue, job)
        elif leased:
            queue.end_lease(job)
        else:
            return AmendOutcome.LEASED
        self.keys.forget_job(queue, job)
        del queue.jobs[job.job_id]
        self._changed(queue, now)
        return AmendOutcome.DONE

    def _cancel_dead(self, ref: JobRef) -> AmendOutcome:
        """Remove the newest dead letter of a job."""
        letters = self.dead.get(ref.queue_id)
        if letters is None or ref.job_id not in letters:
            return AmendOutcome.UNKNOWN
        letters.remove_newest(ref.job_id)
        if not letters:
            del self.dead[ref.queue_id]
            self.due = 0
        return AmendOutcome.DONE

    def _reschedule(self, queue: Queue, job: Job, change: Reschedule, now: int) -> AmendOutcome:
        """Give a job that waits or is delayed another priority or time."""
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
        self._put(queue, job, now, at)
        self._changed(queue, now)
        return AmendOutcome.DONE


def _view(queue: Queue, job: Job, now: int, *, payload: bytes | None) -> JobView:
    rare = job.rare or Rare(NO_EXTRAS)
    at, state = None, JobState.WAITING
    if job.token is not None:
        state = JobState.LEASED
    elif rare.at is not None and rare.at > now:
        at, state = rare.at, JobState.DELAYED
    is_leased = state is JobState.LEASED
    return JobView(
        state=state,
        attempt=job.attempt,
        requeues_remaining=job.requeues,
        enqueued_at=job.enqueued_at,
        priority=job.priority,
        at=at,
        expires_at=job.expires_at if is_leased else None,
        position=None if is_leased else queue.position(job),
        last_error=rare.last_error,
        cost=rare.extras.cost,
        headers=rare.extras.headers,
        payload=payload,
    )
