"""Showing: views of jobs and dead letters."""

from sharq_memory.dead import DeadLetter
from sharq_memory.queue import NO_EXTRAS, Job, Queue, Rare
from sharq_plug.model import JobState, JobView, LetterView


def show_job(queue: Queue, job: Job, now: int, *, payloads: bool) -> JobView:
    """Return the view of a living job at `now` (ms)."""
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
        payload=job.payload if payloads else None,
    )


def show_dead(letter: DeadLetter, *, payloads: bool) -> JobView:
    """Return the view of the job in a dead letter."""
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


def show_letter(number: int, letter: DeadLetter) -> LetterView:
    """Return the view of a dead letter."""
    extras = letter.extras or NO_EXTRAS
    return LetterView(
        number=number,
        queue_id=letter.queue_id,
        job_id=letter.job_id,
        payload=letter.payload,
        reason=letter.reason,
        attempts=letter.attempts,
        enqueued_at=letter.enqueued_at,
        died_at=letter.died_at,
        priority=letter.priority,
        last_error=letter.error,
        cost=extras.cost,
        headers=extras.headers,
    )
