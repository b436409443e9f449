"""Dequeues: one take of a call at a time."""

from math import inf

from sharq_memory.call import DequeueCall
from sharq_memory.limits import pay
from sharq_memory.queue import Queue
from sharq_memory.tending import Tending
from sharq_plug.model import Delivery, Dequeued, EndedLease, LeaseRef, Take


class Dequeuing(Tending):
    """How a take gets its jobs: those of its earlier attempt, or the next in line."""

    def dequeue(self, take: Take, call: DequeueCall) -> Dequeued:
        """Lease ready jobs for one take of a call."""
        if call.is_over:
            return Dequeued((), call.now, next_ready_at=call.now)
        if take.attempt_id is not None:
            repeated = self._repeat(take.attempt_id, call.now)
            if repeated:
                call.hold(sum(len(job.payload) for job in repeated))
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

    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        """Return the jobs of an earlier take whose leases still stand."""
        found = (self._leased(ref) for ref in self.attempts.of(attempt_id, now))
        return tuple(leased[0].delivery(leased[1]) for leased in found if leased is not None)

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
        queue.tally.add_dequeues(now, 1)
        soonest = self.line.soonest
        self._changed(queue, now)
        self.line.soonest = soonest  # nobody is woken for the place of a queue that was served
        return queue.delivery(job)

    def _next_ready_at(self, now: int) -> int | None:
        instant = min(self.line.ready_at(), self.expiring.due())
        return max(now, int(instant)) if instant < inf else None
