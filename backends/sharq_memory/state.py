"""All queues of one type, as a pure state machine: time is handed in, nothing is awaited."""

import secrets
from collections import OrderedDict

from sortedcontainers import SortedDict, SortedList

from sharq_memory.dead import DeadLetter, DeadLetters
from sharq_memory.garbage import Garbage
from sharq_memory.queue import RETURNED, Job, Queue
from sharq_memory.tally import Tally
from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    MAX_RECEIPTS,
    Cleared,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    QueueMetrics,
    Reclaimed,
)

TOKEN_BYTES = 12
REQUEUES_EXHAUSTED = "requeues_exhausted"

Attempt = tuple[int, list[LeaseRef]]
"""Until when (ms) a dequeue may be repeated, and what it took."""


class TypeState:
    """Every verb of the store for one queue type, one item at a time at an instant `now` (ms)."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.queues = SortedDict()  # queue id -> Queue, those that exist
        self.line = SortedList()  # (ready since, place number, queue id), queues where jobs wait
        self.expiring = SortedList()  # (first expiry, queue id), queues that have leases
        self.idle: dict[str, Queue] = {}  # queues without jobs that are still remembered
        self.forgetting = SortedList()  # (forgotten from, queue id), the idle ones
        self.dead: dict[str, DeadLetters] = {}
        self.receipts: OrderedDict[str, tuple[int, str, str]] = OrderedDict()
        self.attempts: OrderedDict[str, Attempt] = OrderedDict()
        self.garbage = Garbage()
        self._number = 0

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Put one job into its queue."""
        queue = self.queues.get(job.queue_id)
        waiting = 0 if queue is None else queue.waiting
        length = None if job.max_queued_length is None else waiting
        if queue is not None and job.job_id in queue.jobs:
            self._set_interval(queue, job.interval, now)
            return EnqueueResult(EnqueueOutcome.DUPLICATE, length)
        if job.max_queued_length is not None and waiting >= job.max_queued_length:
            return EnqueueResult(EnqueueOutcome.QUEUE_FULL, length)
        if queue is None:
            queue = self._bring_into_being(job.queue_id, now)
        self._set_interval(queue, job.interval, now)
        new = Job(job.job_id, job.payload, job.requeue_limit, self._next_number())
        self._add_waiting(queue, new, now)
        queue.tally.add(now, enqueues=1)
        self.tally.add(now, enqueues=1)
        return EnqueueResult(EnqueueOutcome.QUEUED, length)

    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        """Lease up to `count` jobs, the first of the first ready queue each time."""
        jobs: list[LeasedJob] = []
        size = 0
        while len(jobs) < count and self.line and self.line[0][0] <= now:
            queue = self.queues[self.line[0][2]]
            size += len(queue.head.payload)
            if jobs and size > MAX_DEQUEUE_BYTES:
                break
            jobs.append(self._serve(queue, lease, now))
        self.tally.add(now, dequeues=len(jobs))
        return Dequeued(tuple(jobs), None if jobs else self._next_ready_at(now))

    def remember(self, attempt_id: str, jobs: tuple[LeasedJob, ...], until: int) -> None:
        """Let a dequeue that got jobs be repeated until their leases expire."""
        self.attempts.pop(attempt_id, None)
        if jobs:
            refs = [LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs]
            self.attempts[attempt_id] = (until, refs)

    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        """Return the jobs of an earlier dequeue whose leases still stand."""
        until, refs = self.attempts.get(attempt_id, (0, []))
        if until <= now:
            return ()
        claims = (self._claimed(ref) for ref in refs)
        return tuple(_leased(*claim) for claim in claims if isinstance(claim, tuple))

    def finish(self, ref: LeaseRef, receipt_time: int, now: int) -> LeaseOutcome:
        """End a lease, its job done."""
        match self._claimed(ref):
            case queue, job:
                queue.end_lease(job)
                del queue.jobs[job.job_id]
                self._left(queue, now)
                self._keep_receipt(ref, now + receipt_time)
                return LeaseOutcome.ENDED
            case outcome if self._has_receipt(ref, now):
                return LeaseOutcome.ENDED
            case outcome:
                return outcome

    def release(self, ref: LeaseRef, now: int) -> LeaseOutcome:
        """Hand a leased job back."""
        match self._claimed(ref):
            case queue, job:
                queue.end_lease(job)
                self._come_back(queue, job, now)
                return LeaseOutcome.ENDED
            case outcome:
                return outcome

    def reclaim(self, limit: int, now: int) -> Reclaimed:
        """End expired leases, and forget what is done with, up to `limit` each."""
        requeued = dead = 0
        while requeued + dead < limit and self.expiring and self.expiring[0][0] <= now:
            queue = self.queues[self.expiring[0][1]]
            job = queue.first_lease()
            queue.end_lease(job)
            if job.requeues == 0:
                self._die(queue, job, now)
                dead += 1
            else:
                job.requeues -= job.requeues > 0
                self._come_back(queue, job, now)
                requeued += 1
        more = bool(self.expiring) and self.expiring[0][0] <= now
        return Reclaimed(requeued, dead, self._forget(limit, now) or more)

    def set_interval(self, queue_id: str, interval: int, now: int) -> bool:
        """Change the interval of a queue that exists."""
        queue = self.queues.get(queue_id)
        if queue is None:
            return False
        self._set_interval(queue, interval, now)
        return True

    def clear(self, queue_id: str, now: int, *, purge: bool) -> Cleared:
        """Remove a queue's jobs, with `purge` all but its unpaid rate."""
        waiting = leased = 0
        queue = self.queues.get(queue_id)
        if queue is not None:
            waiting, leased = queue.waiting, queue.leased
            self._leave_line(queue)
            self.garbage.add(queue.jobs, queue.rest, queue.leases)
            queue.jobs, queue.head, queue.rest, queue.leases = {}, None, None, None
        queue = queue or self.idle.get(queue_id)
        if queue is not None:
            if purge:
                queue.tally = Tally()
            self._left(queue, now)
        dead = self.dead.pop(queue_id, ()) if purge else ()
        return Cleared(waiting, leased, len(dead))

    def metrics(self, queue_id: str, now: int) -> QueueMetrics:
        """Return what there is in one queue."""
        queue = self.queues.get(queue_id) or self.idle.get(queue_id) or Queue(queue_id)
        dead = len(self.dead.get(queue_id, ()))
        return QueueMetrics(queue.waiting, queue.leased, dead, queue.tally.counts(now))

    def is_empty(self, now: int) -> bool:
        """Whether this type need not be remembered."""
        kept = (self.queues, self.idle, self.dead, self.receipts, self.attempts, self.garbage)
        return not any(kept) and self.tally.counts_until() <= now

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _bring_into_being(self, queue_id: str, now: int) -> Queue:
        queue = self.idle.get(queue_id)
        if queue is None:
            queue = Queue(queue_id)
        else:
            self._drop_idle(queue)
            if queue.allowed_at <= now:
                queue.last = None
        self.queues[queue_id] = queue
        return queue

    def _left(self, queue: Queue, now: int) -> None:
        """Note that jobs or counts left `queue`: it may have ceased to exist, or be done with."""
        self._note_expiry(queue)
        if queue.jobs:
            return
        self.queues.pop(queue.queue_id, None)
        if queue.queue_id in self.idle:
            self._drop_idle(queue)
        queue.forgotten_from = max(queue.allowed_at, queue.tally.counts_until())
        if queue.forgotten_from > now:
            self.idle[queue.queue_id] = queue
            self.forgetting.add((queue.forgotten_from, queue.queue_id))

    def _drop_idle(self, queue: Queue) -> None:
        del self.idle[queue.queue_id]
        self.forgetting.remove((queue.forgotten_from, queue.queue_id))

    def _forget(self, limit: int, now: int) -> bool:
        """Forget up to `limit` of each kind of thing; whether there is more."""
        for _ in range(limit):
            if not self.forgetting or self.forgetting[0][0] > now:
                break
            self._drop_idle(self.idle[self.forgetting[0][1]])
        for _ in range(limit):
            if not self.receipts or next(iter(self.receipts.values()))[0] >= now:
                break
            self.receipts.popitem(last=False)
        for _ in range(limit):
            if not self.attempts or next(iter(self.attempts.values()))[0] > now:
                break
            self.attempts.popitem(last=False)
        self.garbage.free(limit)
        return bool(self.garbage) or bool(self.forgetting and self.forgetting[0][0] <= now)

    def _set_interval(self, queue: Queue, interval: int, now: int) -> None:
        if interval == queue.interval:
            return
        queue.interval = interval
        if queue.ready_since is None:
            return
        if queue.allowed_at > now:
            self._leave_line(queue)
            self._enter_line(queue, queue.allowed_at, queue.place_number)
        elif queue.ready_since > now:
            self._leave_line(queue)
            self._enter_line(queue, now, self._next_number())

    def _add_waiting(self, queue: Queue, job: Job, now: int) -> None:
        queue.add_waiting(job)
        if queue.ready_since is None:
            self._enter_line(queue, max(now, queue.allowed_at), self._next_number())

    def _enter_line(self, queue: Queue, ready_since: int, number: int) -> None:
        queue.ready_since, queue.place_number = ready_since, number
        self.line.add((ready_since, number, queue.queue_id))

    def _leave_line(self, queue: Queue) -> None:
        if queue.ready_since is not None:
            self.line.remove((queue.ready_since, queue.place_number, queue.queue_id))
            queue.ready_since = None

    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        self._leave_line(queue)
        job = queue.pop_waiting()
        job.token = secrets.token_urlsafe(TOKEN_BYTES)
        job.attempt += 1
        job.expires_at = now + lease
        queue.add_lease(job)
        self._note_expiry(queue)
        queue.last = now
        if queue.head is not None:
            self._enter_line(queue, max(now, queue.allowed_at), self._next_number())
        queue.tally.add(now, dequeues=1)
        return _leased(queue, job)

    def _next_ready_at(self, now: int) -> int | None:
        instants = [entries[0][0] for entries in (self.line, self.expiring) if entries]
        return max(now, min(instants)) if instants else None

    def _claimed(self, ref: LeaseRef) -> tuple[Queue, Job] | LeaseOutcome:
        """Return whose lease `ref` is, or how the claim fails."""
        queue: Queue | None = self.queues.get(ref.queue_id)
        job = None if queue is None else queue.jobs.get(ref.job_id)
        is_leased = job is not None and job.token is not None
        if queue is not None and job is not None and is_leased and ref.token in {None, job.token}:
            return queue, job
        known = job is not None or ref.job_id in self.dead.get(ref.queue_id, ())
        return LeaseOutcome.STALE if known and ref.token is not None else LeaseOutcome.UNKNOWN

    def _keep_receipt(self, ref: LeaseRef, until: int) -> None:
        if ref.token is not None:
            self.receipts[ref.token] = (until, ref.queue_id, ref.job_id)
            if len(self.receipts) > MAX_RECEIPTS:
                self.receipts.popitem(last=False)

    def _has_receipt(self, ref: LeaseRef, now: int) -> bool:
        until, *finished = self.receipts.get(ref.token or "", (0, "", ""))
        return until >= now and finished == [ref.queue_id, ref.job_id]

    def _come_back(self, queue: Queue, job: Job, now: int) -> None:
        job.place = job.number - RETURNED
        self._note_expiry(queue)
        self._add_waiting(queue, job, now)

    def _die(self, queue: Queue, job: Job, now: int) -> None:
        letter = DeadLetter(
            job_id=job.job_id,
            payload=job.payload,
            reason=REQUEUES_EXHAUSTED,
            died_at=now,
            attempts=job.attempt,
            interval=queue.interval,
        )
        self.dead.setdefault(queue.queue_id, DeadLetters()).add(letter)
        del queue.jobs[job.job_id]
        self._left(queue, now)

    def _note_expiry(self, queue: Queue) -> None:
        """List `queue` under its first expiry."""
        first = None if queue.leases is None else queue.leases[0][0]
        if first != queue.expiring:
            if queue.expiring is not None:
                self.expiring.remove((queue.expiring, queue.queue_id))
            if first is not None:
                self.expiring.add((first, queue.queue_id))
            queue.expiring = first


def _leased(queue: Queue, job: Job) -> LeasedJob:
    return LeasedJob(
        queue_id=queue.queue_id,
        job_id=job.job_id,
        payload=job.payload,
        token=job.token or "",
        attempt=job.attempt,
        expires_at=job.expires_at,
        requeues_remaining=job.requeues,
        queue_length=queue.waiting,
    )
