"""The contract, read as plainly as possible: one queue type in dicts, lists and `min`.

It looks at everything to find anything, and serves as the yardstick of a random walk.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sharq_plug.model import (
    Cleared,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    Reclaimed,
)


@dataclass
class PlainJob:
    """A job that waits (no token) or is leased."""

    new: NewJob
    number: int
    requeues: int
    attempt: int = 0
    returned: bool = False
    token: str | None = None
    expires_at: int = 0


@dataclass
class PlainQueue:
    """A queue, or what is remembered of it. `place` is (ready since, place number)."""

    interval: int = 0
    last: int | None = None
    place: tuple[int, int] = (0, 0)
    jobs: dict[str, PlainJob] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)

    @property
    def allowed_at(self) -> int:
        """Return the instant from which the rate allows a dequeue."""
        return 0 if self.last is None else self.last + self.interval

    @property
    def waiting(self) -> list[PlainJob]:
        """Return the jobs that wait, the next one first."""
        jobs = [job for job in self.jobs.values() if job.token is None]
        return sorted(jobs, key=lambda job: (not job.returned, job.number))


class PlainType:
    """Answer for one queue type as a store must."""

    def __init__(self, receipt_time: int) -> None:
        self._receipt_time = receipt_time
        self._queues: dict[str, PlainQueue] = {}
        self._receipts: dict[LeaseRef, int] = {}
        self._attempts: dict[str, list[LeasedJob]] = {}
        self._numbers: Iterator[int] = iter(range(1, 10**9))

    def enqueue(self, now: int, new: NewJob) -> EnqueueResult:
        """Put a job into its queue."""
        queue = self._queue(now, new.queue_id)
        length = len(queue.waiting)
        told = None if new.max_queued_length is None else length
        if new.job_id in queue.jobs:
            self._change_interval(now, queue, new.interval)
            return EnqueueResult(EnqueueOutcome.DUPLICATE, told)
        if new.max_queued_length is not None and length >= new.max_queued_length:
            return EnqueueResult(EnqueueOutcome.QUEUE_FULL, told)
        self._change_interval(now, queue, new.interval)
        queue.jobs[new.job_id] = PlainJob(new, next(self._numbers), new.requeue_limit)
        if length == 0:
            self._line_up(now, queue)
        return EnqueueResult(EnqueueOutcome.QUEUED, told)

    def dequeue(self, now: int, *, lease: int, token: str) -> LeasedJob | None:
        """Lease the next job under a token that the store has drawn."""
        ready = [queue for queue in self._lined_up() if queue.place[0] <= now]
        if not ready:
            return None
        queue = min(ready, key=lambda queue: queue.place)
        job = queue.waiting[0]
        job.token, job.expires_at, job.attempt = token, now + lease, job.attempt + 1
        queue.last = now
        if queue.waiting:
            self._line_up(now, queue)
        return LeasedJob(
            queue_id=job.new.queue_id,
            job_id=job.new.job_id,
            payload=job.new.payload,
            token=token,
            attempt=job.attempt,
            expires_at=job.expires_at,
            requeues_remaining=job.requeues,
            queue_length=len(queue.waiting),
        )

    def repeat(self, now: int, attempt_id: str) -> list[LeasedJob]:
        """Return what an earlier attempt got and still has; else the attempt is a new one."""
        again = []
        for job in self._attempts.get(attempt_id, []):
            queue = self._queues[job.queue_id]
            lease = LeaseRef(job.queue_id, job.job_id, job.token)
            if now < job.expires_at and self._judge(queue, lease) is LeaseOutcome.ENDED:
                again.append(replace(job, queue_length=len(queue.waiting)))
        return again

    def remember(self, attempt_id: str, jobs: Sequence[LeasedJob]) -> None:
        """Note what a new attempt got."""
        self._attempts[attempt_id] = list(jobs)

    def next_ready_at(self, now: int) -> int | None:
        """Return when to come back, after nothing was ready."""
        instants = [queue.place[0] for queue in self._lined_up()]
        instants += [max(now, job.expires_at) for job in self._leased()]
        return min(instants, default=None)

    def finish(self, now: int, ref: LeaseRef) -> LeaseOutcome:
        """End a lease, its job done."""
        queue = self._queue(now, ref.queue_id)
        outcome = self._judge(queue, ref)
        if outcome is LeaseOutcome.ENDED:
            del queue.jobs[ref.job_id]
            if ref.token is not None:
                self._receipts[ref] = now
        elif now - self._receipts.get(ref, -1) <= self._receipt_time:
            return LeaseOutcome.ENDED
        return outcome

    def release(self, now: int, ref: LeaseRef) -> LeaseOutcome:
        """Hand a leased job back."""
        queue = self._queue(now, ref.queue_id)
        outcome = self._judge(queue, ref)
        if outcome is LeaseOutcome.ENDED:
            self._come_back(now, queue, queue.jobs[ref.job_id])
        return outcome

    def reclaim(self, now: int, *, limit: int) -> Reclaimed:
        """End expired leases; `more` says whether some are left."""
        expired = [job for job in self._leased() if job.expires_at <= now]
        expired.sort(key=lambda job: (job.expires_at, job.new.queue_id, job.number))
        dead = 0
        for job in expired[:limit]:
            queue = self._queues[job.new.queue_id]
            if job.requeues == 0:
                dead += 1
                queue.dead.append(job.new.job_id)
                del queue.jobs[job.new.job_id]
            else:
                job.requeues -= job.requeues > 0
                self._come_back(now, queue, job)
        return Reclaimed(len(expired[:limit]) - dead, dead, more=len(expired) > limit)

    def set_interval(self, now: int, queue_id: str, interval: int) -> bool:
        """Change the interval of a queue that exists."""
        queue = self._queue(now, queue_id)
        if queue.jobs:
            self._change_interval(now, queue, interval)
        return bool(queue.jobs)

    def clear(self, now: int, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs."""
        queue = self._queue(now, queue_id)
        waiting, leased, dead = self.lengths(queue_id)
        queue.jobs.clear()
        if purge:
            queue.dead.clear()
        return Cleared(waiting, leased, dead if purge else 0)

    def lengths(self, queue_id: str) -> tuple[int, int, int]:
        """Return how many jobs of a queue wait, are leased, are dead."""
        queue = self._queues.get(queue_id, PlainQueue())
        waiting = len(queue.waiting)
        return waiting, len(queue.jobs) - waiting, len(queue.dead)

    def queue_ids(self) -> set[str]:
        """Return the queues that exist."""
        return {queue_id for queue_id, queue in self._queues.items() if queue.jobs}

    def _queue(self, now: int, queue_id: str) -> PlainQueue:
        queue = self._queues.setdefault(queue_id, PlainQueue())
        if not queue.jobs and now >= queue.allowed_at:
            queue.last = None
        return queue

    def _lined_up(self) -> list[PlainQueue]:
        return [queue for queue in self._queues.values() if queue.waiting]

    def _leased(self) -> list[PlainJob]:
        jobs = [job for queue in self._queues.values() for job in queue.jobs.values()]
        return [job for job in jobs if job.token is not None]

    def _line_up(self, now: int, queue: PlainQueue) -> None:
        queue.place = (max(now, queue.allowed_at), next(self._numbers))

    def _change_interval(self, now: int, queue: PlainQueue, interval: int) -> None:
        queue.interval = interval
        ready_since, number = queue.place
        if queue.allowed_at > now:
            queue.place = (queue.allowed_at, number)
        elif ready_since > now:
            self._line_up(now, queue)

    def _come_back(self, now: int, queue: PlainQueue, job: PlainJob) -> None:
        if not queue.waiting:
            self._line_up(now, queue)
        job.token, job.returned = None, True

    @staticmethod
    def _judge(queue: PlainQueue, ref: LeaseRef) -> LeaseOutcome:
        job = queue.jobs.get(ref.job_id)
        if job is not None and job.token is not None and ref.token in (None, job.token):
            return LeaseOutcome.ENDED
        if ref.token is not None and (job is not None or ref.job_id in queue.dead):
            return LeaseOutcome.STALE
        return LeaseOutcome.UNKNOWN
