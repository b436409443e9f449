"""All queues of one type, as a pure state machine: time is handed in, nothing is awaited."""

from sortedcontainers import SortedDict, SortedList

from sharq_memory.ahead import PlacesAhead
from sharq_memory.dead import DeadLetters
from sharq_memory.forgetting import Forgetting
from sharq_memory.garbage import Garbage
from sharq_memory.queue import RETURNED, Job, Queue
from sharq_memory.repeatable import Attempts, Receipts
from sharq_memory.tally import Tally
from sharq_memory.tokens import tokens
from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
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

_results = {outcome: EnqueueResult(outcome) for outcome in EnqueueOutcome}


class TypeState:
    """Every verb of the store for one queue type, one item at a time at an instant `now` (ms).

    A queue that ceases to exist stays among the `queues` until it can be forgotten, for its rate
    and its counts; mostly it is back before.
    """

    def __init__(self) -> None:
        self.tally = Tally()
        self.queues = SortedDict()  # queue id -> Queue
        self.existing = 0  # how many of them exist
        self.line = SortedList()  # (ready since, place number, Queue), queues where jobs wait
        self.expiring = SortedList()  # (first expiry, queue id, Queue), queues that have leases
        self.forgetting = Forgetting()
        self.dead: dict[str, DeadLetters] = {}
        self.receipts = Receipts()
        self.attempts = Attempts()
        self.garbage = Garbage()
        self._tokens = tokens()
        self._number = 0
        self._soonest: int | None = None  # of the places given, see `places_given`
        self.ahead = PlacesAhead()

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Put one job into its queue."""
        queue = self.queues.get(job.queue_id)
        waiting = 0 if queue is None else queue.waiting
        length = None if job.max_queued_length is None else waiting
        if queue is not None and job.job_id in queue.jobs:
            queue.bring_last_back(now)
            self._set_interval(queue, job.interval, now)
            return _result(EnqueueOutcome.DUPLICATE, length)
        if job.max_queued_length is not None and waiting >= job.max_queued_length:
            return _result(EnqueueOutcome.QUEUE_FULL, length)
        if queue is None or not queue.jobs:
            queue = self._bring_into_being(job.queue_id, now)
        queue.bring_last_back(now)
        self._set_interval(queue, job.interval, now)
        new = Job(job.job_id, job.payload, job.requeue_limit, self._next_number())
        self._add_waiting(queue, new, now)
        queue.tally.add(now, enqueues=1)
        return _result(EnqueueOutcome.QUEUED, length)

    def dequeue(self, count: int, lease: int, now: int) -> Dequeued:
        """Lease up to `count` jobs, the first of the first ready queue each time."""
        jobs: list[LeasedJob] = []
        size = 0
        while len(jobs) < count and self.line:
            ready_since, _, queue = self.line[0]
            size += len(queue.head.payload)
            if ready_since > now or (jobs and size > MAX_DEQUEUE_BYTES):
                break
            self.line.pop(0)
            jobs.append(self._serve(queue, lease, now))
        ready_at = self._next_ready_at(now) if len(jobs) < count else None
        return Dequeued(tuple(jobs), ready_at, now=now)

    def repeat(self, attempt_id: str, now: int) -> tuple[LeasedJob, ...]:
        """Return the jobs of an earlier dequeue whose leases still stand."""
        claims = (self._claimed(ref) for ref in self.attempts.of(attempt_id, now))
        return tuple(_leased(*claim) for claim in claims if isinstance(claim, tuple))

    def finish(self, ref: LeaseRef, receipt_time: int, now: int) -> LeaseOutcome:
        """End a lease, its job done."""
        match self._claimed(ref):
            case queue, job:
                queue.end_lease(job)
                del queue.jobs[job.job_id]
                if not queue.jobs:
                    queue.settle(now)
                self._left(queue)
                self.receipts.keep(ref, now + receipt_time)
                return LeaseOutcome.ENDED
            case _ if self.receipts.has(ref, now):
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
            queue = self.expiring[0][2]
            job = queue.first_lease()
            queue.end_lease(job)
            if job.requeues == 0:
                self._die(queue, job, now)
                dead += 1
            else:
                job.requeues -= job.requeues > 0
                self._come_back(queue, job, now)
                requeued += 1
        self._set_places_anew(limit, now)
        more = bool(self.expiring) and self.expiring[0][0] <= now
        more = more or self.ahead.are_doubtful
        return Reclaimed(requeued, dead, self._forget(limit, now) or more)

    def set_interval(self, queue_id: str, interval: int, now: int) -> bool:
        """Change the interval of a queue that exists."""
        queue = self.queues.get(queue_id)
        if queue is None or not queue.jobs:
            return False
        queue.bring_last_back(now)
        queue.interval = interval
        self._set_place_anew(queue, now)
        return True

    def settle(self, queue_id: str, now: int) -> None:
        """Bring the rate of a queue that is to be cleared up to `now` (ms)."""
        queue = self.queues.get(queue_id)
        if queue is not None:
            queue.settle(now)

    def clear(self, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's jobs, with `purge` all but its unpaid rate."""
        waiting = leased = 0
        queue = self.queues.get(queue_id)
        if queue is not None:
            waiting, leased = queue.waiting, queue.leased
            if queue.jobs:
                self._leave_line(queue)
                self.garbage.add(queue.jobs, queue.rest, queue.leases)
                queue.jobs, queue.head, queue.rest, queue.leases = {}, None, None, None
                self._left(queue)
            if purge:
                queue.tally = Tally()
            self.forgetting.add(queue)
        dead = self.dead.pop(queue_id, ()) if purge else ()
        return Cleared(waiting, leased, len(dead))

    def metrics(self, queue_id: str, now: int) -> QueueMetrics:
        """Return what there is in one queue."""
        queue = self.queues.get(queue_id) or Queue(queue_id)
        dead = len(self.dead.get(queue_id, ()))
        return QueueMetrics(queue.waiting, queue.leased, dead, queue.tally.counts(now))

    def is_empty(self, now: int) -> bool:
        """Whether this type need not be remembered."""
        kept = (self.queues, self.dead, self.receipts, self.attempts, self.garbage)
        return not any(kept) and self.tally.counts_until <= now

    def places_given(self, now: int) -> int | None:
        """Return the first ready since (ms) of the places given, at `now`, since the last call.

        Those that a dequeue gave do not count; None if there are no others.
        """
        soonest, self._soonest = self._soonest, None
        if soonest is not None:
            self.ahead.note_place(now)
        return soonest

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _bring_into_being(self, queue_id: str, now: int) -> Queue:
        queue: Queue | None = self.queues.get(queue_id)
        if queue is None:
            queue = self.queues[queue_id] = Queue(queue_id)
        else:
            queue.settle(now)
        self.existing += 1
        return queue

    def _left(self, queue: Queue) -> None:
        """Note that jobs left `queue`: it may have ceased to exist."""
        self._note_expiry(queue)
        if queue.jobs:
            return
        self.existing -= 1
        self.forgetting.add(queue)

    def _forget(self, limit: int, now: int) -> bool:
        """Forget up to `limit` of each kind of thing; whether there is more."""
        for _ in range(limit):
            if not self.forgetting.is_due(now):
                break
            queue = self.forgetting.next(now)
            if queue is not None:
                del self.queues[queue.queue_id]
        self.receipts.forget(limit, now)
        self.attempts.forget(limit, now)
        self.garbage.free(limit)
        return (
            bool(self.garbage)
            or self.forgetting.is_due(now)
            or self.receipts.is_due(now)
            or self.attempts.is_due(now)
        )

    def _set_interval(self, queue: Queue, interval: int, now: int) -> None:
        if interval == queue.interval:
            return
        queue.interval = interval
        self._set_place_anew(queue, now)

    def _set_place_anew(self, queue: Queue, now: int) -> None:
        """Let the place of `queue` in line be what its rate says, if a job waits."""
        if queue.ready_since is None:
            return
        if queue.allowed_at > now:
            if queue.ready_since != queue.allowed_at:
                self._leave_line(queue)
                self._give_place(queue, queue.allowed_at, queue.place_number)
        elif queue.ready_since > now:
            self._leave_line(queue)
            self._give_place(queue, now, self._next_number())

    def _set_places_anew(self, limit: int, now: int) -> None:
        """Look at up to `limit` places that lie ahead, if the clock has stepped back."""
        self.ahead.note_look(now)
        for _, _, queue in self.ahead.next_places(self.line, limit):
            queue.bring_last_back(now)
            if queue.ready_since > max(now, queue.allowed_at):
                self._set_place_anew(queue, now)

    def _add_waiting(self, queue: Queue, job: Job, now: int) -> None:
        queue.add_waiting(job)
        if queue.ready_since is None:
            self._give_place(queue, max(now, queue.allowed_at), self._next_number())

    def _give_place(self, queue: Queue, ready_since: int, number: int) -> None:
        if self._soonest is None or ready_since < self._soonest:
            self._soonest = ready_since
        self._enter_line(queue, ready_since, number)

    def _enter_line(self, queue: Queue, ready_since: int, number: int) -> None:
        queue.ready_since, queue.place_number = ready_since, number
        self.line.add((ready_since, number, queue))

    def _leave_line(self, queue: Queue) -> None:
        if queue.ready_since is not None:
            self.line.remove((queue.ready_since, queue.place_number, queue))
            queue.ready_since = None

    def _serve(self, queue: Queue, lease: int, now: int) -> LeasedJob:
        """Lease the next job of `queue`, which has just left the line."""
        job = queue.pop_waiting()
        job.token = next(self._tokens)
        job.attempt += 1
        job.expires_at = now + lease
        queue.add_lease(job)
        self._note_expiry(queue)
        queue.last = now
        if queue.head is None:
            queue.ready_since = None
        else:
            self._enter_line(queue, now + queue.interval, self._next_number())
            self.ahead.note_place(now)
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

    def _come_back(self, queue: Queue, job: Job, now: int) -> None:
        job.place = job.number - RETURNED
        queue.bring_last_back(now)
        self._note_expiry(queue)
        self._add_waiting(queue, job, now)

    def _die(self, queue: Queue, job: Job, now: int) -> None:
        letters = self.dead.setdefault(queue.queue_id, DeadLetters())
        letters.add(job, interval=queue.interval, now=now)
        del queue.jobs[job.job_id]
        if not queue.jobs:
            queue.settle(now)
        self._left(queue)

    def _note_expiry(self, queue: Queue) -> None:
        """List `queue` under its first expiry."""
        first = None if queue.leases is None else queue.leases[0][0]
        if first != queue.expiring:
            if queue.expiring is not None:
                self.expiring.remove((queue.expiring, queue.queue_id, queue))
            if first is not None:
                self.expiring.add((first, queue.queue_id, queue))
            queue.expiring = first


def _result(outcome: EnqueueOutcome, queue_length: int | None) -> EnqueueResult:
    return _results[outcome] if queue_length is None else EnqueueResult(outcome, queue_length)


def _leased(queue: Queue, job: Job) -> LeasedJob:
    return LeasedJob(
        queue.queue_id,
        job.job_id,
        job.payload,
        job.token or "",
        job.attempt,
        job.expires_at,
        job.requeues,
        queue.waiting,
    )
