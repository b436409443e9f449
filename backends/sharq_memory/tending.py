"""What is done when its time has come: leases end, and what nobody asks for is forgotten."""

from sharq_memory.dead import REQUEUES_EXHAUSTED
from sharq_memory.timing import Timing
from sharq_plug.model import EndedLease


class Tending(Timing):
    """How a type is kept in order."""

    def tend(self, limit: int, now: int) -> list[EndedLease]:
        """Do what is due, up to `limit` of each kind; `due` then says when there is more."""
        ended = self._end_leases(limit, now)
        self._let_join(limit, now)
        self._let_end(limit, now)
        self.line.set_anew(limit, now)
        self._forget(limit, now)
        self.due = self.next_due()
        return ended

    def next_due(self) -> float:
        """Return the instant (ms) from which on `tend` has something to do."""
        if self.garbage or self.line.doubtful:
            return 0
        if not self._keeps_anything():
            return self.tally.counts_until
        timed = (self.expiring, self.joining, self.ending)
        kept = (self.forgetting, self.receipts, self.attempts, self.keys)
        return min(entries.due() for entries in (*timed, *kept))

    def is_empty(self, now: int) -> bool:
        """Return whether nothing of this type need be remembered."""
        return not self._keeps_anything() and self.tally.counts_until <= now

    def _keeps_anything(self) -> bool:
        return any((self.queues, self.dead, self.receipts, self.attempts, self.keys, self.garbage))

    def _end_leases(self, limit: int, now: int) -> list[EndedLease]:
        """End up to `limit` expired leases."""
        ended: list[EndedLease] = []
        while len(ended) < limit and (queue := self.expiring.first_expired(now)):
            job = queue.first_lease()
            token = job.token or ""
            queue.end_lease(job)
            is_dead = job.requeues == 0
            if is_dead:
                self._die(queue, job, REQUEUES_EXHAUSTED, now)
            else:
                is_dead = not self._come_back(queue, job, now, job.penalize())
            ended.append(EndedLease(self.queue_type, queue.queue_id, job.job_id, token, is_dead))
        return ended

    def _let_join(self, limit: int, now: int) -> None:
        """Let up to `limit` due jobs join those that wait."""
        while limit > 0 and (queue_id := self.joining.first(now)) is not None:
            queue = self.queues[queue_id]
            limit -= self._join_due(queue, limit, now)
            self._changed(queue, now)

    def _let_end(self, limit: int, now: int) -> None:
        """Let up to `limit` jobs die whose ttl has passed."""
        for _ in range(limit):
            queue_id = self.ending.first(now)
            if queue_id is None:
                break
            queue = self.queues[queue_id]
            self._end(queue, queue.ending[0][-1], now)

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
        self.keys.forget(limit, now)
        self.garbage.free(limit)
