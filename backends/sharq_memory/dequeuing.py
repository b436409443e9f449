"""Dequeues: one take of a call at a time."""

from collections.abc import Sequence
from math import inf

from sharq_memory.call import DequeueCall
from sharq_memory.gate import Gate
from sharq_memory.holds import pay
from sharq_memory.line import Step
from sharq_memory.looking import at_or_after
from sharq_memory.named import NamedQueues
from sharq_memory.queue import Job, Queue
from sharq_memory.shared import SharedLimit
from sharq_memory.tending import Tending
from sharq_memory.terms import Terms
from sharq_memory.timing import has_ended
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
        if len(jobs) < take.count and not call.is_over:
            ended = self._end_leases(call.leases, call.now)
            call.leases -= len(ended)
            if ended:
                self._serve_ready(jobs, take, call)
        if take.attempt_id is not None:
            refs = tuple(LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs)
            self.attempts.keep(take.attempt_id, refs, call.now + take.lease_time)
            self.due = min(self.due, self.attempts.due())
        ready_at = self._next_ready_at(take, call) if len(jobs) < take.count else None
        return Dequeued(tuple(jobs), call.now, ready_at, tuple(ended))

    def _repeat(self, attempt_id: str, now: int) -> tuple[Delivery, ...]:
        """Return the jobs of an earlier take whose leases still stand."""
        found = (self._leased(ref) for ref in self.attempts.of(attempt_id, now) or ())
        return tuple(leased[0].delivery(leased[1], now) for leased in found if leased is not None)

    def _serve_ready(self, jobs: list[Delivery], take: Take, call: DequeueCall) -> None:
        """Add deliveries to `jobs`, the first of the first ready queue each time."""
        line = self.line if take.queues is None else self._named(take.queues)
        gate = self.gate
        while len(jobs) < take.count and call.moves:
            if gate is not None and not self._is_open(gate, call):
                break
            if take.together and jobs:
                line = self._named((jobs[0].queue_id,))
            found = line.first(call.now)
            if found is None:
                break
            queue = found if isinstance(found, Queue) else self._first_behind(found, call)
            if queue is None:
                break
            if self.defaults is not None and self._take_up(queue):
                self._changed(queue, call.now, Step.HELD)
                call.heads -= 1
                if call.heads:
                    continue
                break
            if queue.is_timed and not self._make_ready(queue, call):
                continue
            if queue.head is None or not call.admit(len(queue.head.payload)):
                break
            job = self._serve(queue, take.lease_time, call)
            jobs.append(job)
            if gate is not None:
                gate.limiter.pay(job.cost, call.now)

    def _first_behind(self, limit: SharedLimit, call: DequeueCall) -> Queue | None:
        """Return the queue to serve where the entry of `limit` is first in line, if there is one.

        There is none if the call may move no more rows, or if they leave nothing that is ready.
        """
        next_queue, now = self.line.benches.next_queue, call.now
        queue = next_queue(limit, now)
        while queue is None:
            call.row_moves -= 1
            found = self.line.first(now) if call.row_moves else None
            queue = next_queue(found, now) if isinstance(found, SharedLimit) else found
            if found is None:
                return None
        return queue

    def _is_open(self, gate: Gate, call: DequeueCall) -> bool:
        """Return whether the gate lets one more job go."""
        gate.limiter.bring_to(call.now)
        return not gate.limiter.holds(self.totals.leased + call.served, call.now)

    def _named(self, names: Sequence[str]) -> NamedQueues:
        """Return the queues of these names, in the order of the line."""
        queues = (self.queues.get(queue_id) for queue_id in dict.fromkeys(names))
        found = [queue for queue in queues if queue is not None]
        return NamedQueues(found, self.line.benches)

    def _make_ready(self, queue: Queue, call: DequeueCall) -> bool:
        """Let due jobs of `queue` join and ended ones die; return whether its first may go."""
        call.moves -= self._join_due(queue, call.moves, call.now)
        call.moves -= self._drop_ended(queue, call.moves, call.now)
        if queue.jobs:
            self._changed(queue, call.now)
        return queue.head is not None and not has_ended(queue.head, call.now)

    def _serve(self, queue: Queue, lease_time: int, call: DequeueCall) -> Delivery:
        """Lease the next job of `queue`, which is the first in line."""
        now = call.now
        terms = queue.terms
        if terms is None:
            self.line.leave(queue)
        job = self._take_first(queue)
        job.token = next(call.tokens)
        job.attempt += 1
        job.leased_at, job.expires_at = now, now + lease_time
        queue.add_lease(job)
        pay(queue, None if job.rare is None else job.rare.extras.cost, now)
        if terms is not None and terms.row:
            self._charge(terms, job, now)
        queue.tally.add_dequeues(now, 1)
        self._changed(queue, now, Step.SERVED)
        return queue.delivery(job, now)

    def _charge(self, terms: Terms, job: Job, now: int) -> None:
        """Let `job`, which is delivered, pay to the shared limits that its queue uses."""
        names = job.charged = terms.row
        terms.charge(names)
        cost, touch = None if job.rare is None else job.rare.extras.cost, self.line.benches.touch
        for name in names:
            limit = touch(name)
            limit.leased += 1
            limit.limiter.pay(cost, now)

    def _take_first(self, queue: Queue) -> Job:
        """Take the first waiting job out of its queue's order."""
        job = queue.head
        if job is None or job.rare is None:
            return queue.pop_waiting()
        self._take_out(queue, job)
        return job

    def _next_ready_at(self, take: Take, call: DequeueCall) -> int | None:
        if call.is_over:
            return call.now
        if take.queues is None:
            instant = min(self.line.ready_at(), self.expiring.due())
        else:
            queues = (self.queues.get(queue_id) for queue_id in take.queues)
            found = (queue for queue in queues if queue is not None)
            instant = min((self.foreseen(queue, call.now) for queue in found), default=inf)
        return at_or_after(call.now, self.gated(instant, call.now, call.served))
