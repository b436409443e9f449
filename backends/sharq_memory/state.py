"""All queues of one type: what the verbs of the contract do, item by item."""

from math import inf

from sortedcontainers import SortedDict

from sharq_memory.call import DequeueCall, result_of
from sharq_memory.dead import DeadLetters
from sharq_memory.expiring import Expiring
from sharq_memory.forgetting import Forgetting
from sharq_memory.garbage import Garbage
from sharq_memory.limits import forget_if_paid, paid_at, pay, take_up
from sharq_memory.line import Line
from sharq_memory.queue import RETURNED, Job, Queue
from sharq_memory.repeatable import Attempts, Receipts
from sharq_memory.tally import Tally
from sharq_plug.model import (
    ChangeOutcome,
    Cleared,
    Delivery,
    Dequeued,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Finish,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    Release,
    Setting,
    Take,
    View,
)


class TypeState:
    """Every verb for one queue type, one item at a time at an instant `now` (ms).

    Each step that changes a queue ends with `_changed`. A queue that ceases to exist stays among
    the `queues` until it can be forgotten, for its rate and its counts; mostly it is back before.
    """

    def __init__(self, queue_type: str) -> None:
        self.queue_type = queue_type
        self.tally = Tally()
        self.queues = SortedDict()  # queue id -> Queue
        self.existing = 0  # how many of them exist
        self.line = Line()
        self.expiring = Expiring()
        self.forgetting = Forgetting()
        self.dead: dict[str, DeadLetters] = {}
        self.receipts = Receipts()
        self.attempts = Attempts()
        self.garbage = Garbage()
        self.due: float = inf  # from when on `tend` may have something to do
        self.noted_due: float = inf  # what the machine knows of that

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Put one job into its queue."""
        queue = self.queues.get(job.queue_id)
        waiting = 0 if queue is None else queue.waiting
        length = None if job.max_queued_length is None else waiting
        if queue is not None and job.job_id in queue.jobs:
            self._bring(queue, job.interval, now)
            return result_of(EnqueueOutcome.DUPLICATE, length)
        if job.max_queued_length is not None and waiting >= job.max_queued_length:
            return result_of(EnqueueOutcome.QUEUE_FULL, length)
        if queue is None or not queue.jobs:
            queue = self._bring_into_being(job.queue_id, now)
        number = self.line.next_number()
        queue.add_waiting(Job(job.job_id, job.payload, job.requeue_limit, number))
        queue.tally.add(now, enqueues=1)
        self._bring(queue, job.interval, now)
        return result_of(EnqueueOutcome.QUEUED, length)

    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        """Lease ready jobs for one take of a call."""
        if take.attempt_id is not None:
            repeated = self._repeat(take.attempt_id, call.now)
            if repeated:
                return Dequeued(repeated, now=call.now, is_repeated=True)
        jobs: list[Delivery] = []
        ended: list[EndedLease] = []
        self._serve_ready(jobs, take, call)
        if len(jobs) < take.count and not call.is_full:
            ended = self._end_leases(call.leases, call.now)
            call.leases -= len(ended)
            if ended:
                self._serve_ready(jobs, take, call)
        if take.attempt_id is not None:
            refs = tuple(LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs)
            self.attempts.keep(take.attempt_id, refs, call.now + take.lease_time)
            self.due = min(self.due, self.attempts.due())
        ready_at = self._next_ready_at(call.now) if len(jobs) < take.count else None
        return Dequeued(tuple(jobs), call.now, ready_at, tuple(ended))

    def finish(self, item: Finish, now: int) -> LeaseOutcome:
        """End a lease, its job done."""
        leased = self._leased(item.lease)
        if leased is None:
            if self.receipts.has(item.lease, now):
                return LeaseOutcome.ENDED
            return self._refusal(item.lease)
        queue, job = leased
        queue.end_lease(job)
        del queue.jobs[job.job_id]
        self._changed(queue, now)
        until = now + item.receipt_time
        self.receipts.keep(item.lease, until)
        if until < self.due:
            self.due = until + 1
        return LeaseOutcome.ENDED

    def release(self, item: Release, now: int) -> LeaseOutcome:
        """Hand a leased job back."""
        leased = self._leased(item.lease)
        if leased is None:
            return self._refusal(item.lease)
        queue, job = leased
        queue.end_lease(job)
        self._come_back(queue, job, now)
        return LeaseOutcome.ENDED

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        """Change the interval of a queue that exists."""
        queue = self.queues.get(change.queue_id)
        if queue is None or not queue.jobs:
            return ChangeOutcome.UNKNOWN
        before = max(paid_at(queue), queue.ready_since or 0)
        queue.interval = change.interval
        self._changed(queue, now, before)
        return ChangeOutcome.CHANGED

    def tend(self, limit: int, now: int) -> list[EndedLease]:
        """Do what is due, up to `limit` of each kind; `due` then says when there is more."""
        ended = self._end_leases(limit, now)
        self.line.set_anew(limit, now)
        self._forget(limit, now)
        self.due = self.next_due()
        return ended

    def clear(self, queue_id: str, now: int, *, purge: bool) -> Cleared:
        """Remove a queue's jobs, with `purge` all but its unpaid rate."""
        waiting = leased = 0
        queue = self.queues.get(queue_id)
        if queue is not None:
            waiting, leased = queue.waiting, queue.leased
            if purge:
                queue.tally = Tally()
            if queue.jobs:
                self.garbage.add(queue.jobs, queue.rest, queue.leases)
                queue.jobs, queue.head, queue.rest, queue.leases = {}, None, None, None
                self._changed(queue, now)
            else:
                self._leave_behind(queue, now)
        dead = self.dead.pop(queue_id, ()) if purge else ()
        if dead or queue is not None:
            self.due = 0
        return Cleared(waiting, leased, len(dead))

    def look(self, queue_id: str, now: int) -> View:
        """Return what there is in one queue."""
        queue = self.queues.get(queue_id) or Queue(queue_id)
        dead = len(self.dead.get(queue_id, ()))
        return View(queue.tally.counts(now), queue.waiting, queue.leased, dead)

    def _bring(self, queue: Queue, interval: int, now: int) -> None:
        """End an enqueue, which brings its interval to `queue`."""
        before = None if interval == queue.interval else paid_at(queue)
        queue.interval = interval
        self._changed(queue, now, before)

    def _changed(
        self, queue: Queue, now: int, before: int | None = None, *, served: bool = False
    ) -> None:
        """End a step that changed `queue`: list it where its jobs and its rate now put it.

        `before` is when its holds ended (ms), if the step changed that.
        """
        if queue.last is not None and queue.last > now:
            before = before or paid_at(queue)
            take_up(queue, now)
        first = None if queue.leases is None else queue.leases[0][0]
        if first != queue.expiring:
            self.expiring.list(queue, first)
            if first is not None and first < self.due:
                self.due = first
        self.line.take_place(queue, now, before, served=served)
        if not queue.jobs:
            self.existing -= 1
            self._leave_behind(queue, now)

    def _bring_into_being(self, queue_id: str, now: int) -> Queue:
        queue: Queue | None = self.queues.get(queue_id)
        if queue is None:
            queue = self.queues[queue_id] = Queue(queue_id)
        else:
            forget_if_paid(queue, now)
        self.existing += 1
        return queue

    def _leave_behind(self, queue: Queue, now: int) -> None:
        """Keep of a queue without jobs what may still be asked for."""
        forget_if_paid(queue, now)
        looked_at = self.forgetting.add(queue)
        if looked_at < self.due:
            self.due = looked_at

    def _serve_ready(self, jobs: list[Delivery], take: Take, call: DequeueCall) -> None:
        """Add deliveries to `jobs`, the first of the first ready queue each time."""
        line = self.line
        while len(jobs) < take.count:
            queue = line.first(call.now)
            if queue is None or queue.head is None or not call.admit(len(queue.head.payload)):
                break
            jobs.append(self._serve(queue, take.lease_time, call))

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        """Lease the next job of `queue`, which is the first in line."""
        now = call.now
        self.line.leave(queue)
        job = queue.pop_waiting()
        job.token = next(call.tokens)
        job.attempt += 1
        job.expires_at = now + lease_time
        queue.add_lease(job)
        pay(queue, now)
        queue.tally.add(now, dequeues=1)
        self._changed(queue, now, served=True)
        return queue.delivery(job)

    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        """Return the jobs of an earlier take whose leases still stand."""
        found = (self._leased(ref) for ref in self.attempts.of(attempt_id, now))
        return tuple(leased[0].delivery(leased[1]) for leased in found if leased is not None)

    def _next_ready_at(self, now: int) -> int | None:
        instant = min(self.line.ready_at(), self.expiring.due())
        return max(now, int(instant)) if instant < inf else None

    def _leased(self, ref: LeaseRef) -> tuple[Queue, Job] | None:
        """Return the leased job that `ref` means, and its queue."""
        queue: Queue | None = self.queues.get(ref.queue_id)
        job = None if queue is None else queue.jobs.get(ref.job_id)
        if queue is None or job is None or job.token is None:
            return None
        return (queue, job) if ref.token is None or ref.token == job.token else None

    def _refusal(self, ref: LeaseRef) -> LeaseOutcome:
        """Return why `ref` means no leased job."""
        queue = self.queues.get(ref.queue_id)
        lives = queue is not None and ref.job_id in queue.jobs
        known = lives or ref.job_id in self.dead.get(ref.queue_id, ())
        return LeaseOutcome.STALE if known and ref.token is not None else LeaseOutcome.UNKNOWN

    def _end_leases(self, limit: int, now: int) -> list[EndedLease]:
        """End up to `limit` expired leases."""
        ended: list[EndedLease] = []
        while len(ended) < limit and (queue := self.expiring.first_expired(now)):
            job = queue.first_lease()
            token, is_dead = job.token or "", job.requeues == 0
            queue.end_lease(job)
            if is_dead:
                self._die(queue, job, now)
            else:
                job.requeues -= job.requeues > 0
                self._come_back(queue, job, now)
            ended.append(EndedLease(self.queue_type, queue.queue_id, job.job_id, token, is_dead))
        return ended

    def _come_back(self, queue: Queue, job: Job, now: int) -> None:
        """Let `job`, whose lease was ended, wait again."""
        job.place = job.number - RETURNED
        queue.add_waiting(job)
        self._changed(queue, now)

    def _die(self, queue: Queue, job: Job, now: int) -> None:
        """Keep `job`, whose lease was ended, as a dead letter."""
        letters = self.dead.setdefault(queue.queue_id, DeadLetters())
        letters.add(job, interval=queue.interval, now=now)
        del queue.jobs[job.job_id]
        self._changed(queue, now)

    def _forget(self, limit: int, now: int) -> None:
        """Forget up to `limit` of each kind of thing that nobody will ask for again."""
        for _ in range(limit):
            if self.forgetting.due() > now:
                break
            queue = self.forgetting.next(now)
            if queue is not None:
                del self.queues[queue.queue_id]
        self.receipts.forget(limit, now)
        self.attempts.forget(limit, now)
        self.garbage.free(limit)

    def next_due(self) -> float:
        """Return the instant (ms) from which on `tend` has something to do."""
        if self.garbage or self.line.doubtful:
            return 0
        if not self._keeps_anything():
            return self.tally.counts_until
        kept = (self.expiring, self.forgetting, self.receipts, self.attempts)
        return min(entries.due() for entries in kept)

    def is_empty(self, now: int) -> bool:
        """Return whether nothing of this type need be remembered."""
        return not self._keeps_anything() and self.tally.counts_until <= now

    def _keeps_anything(self) -> bool:
        return any((self.queues, self.dead, self.receipts, self.attempts, self.garbage))
