"""What is done when its time has come: leases end, and what nobody asks for is forgotten."""

from sharq_memory.dead import DeadLetters
from sharq_memory.kept import Kept
from sharq_memory.queue import Job, Queue
from sharq_plug.model import EndedLease


class Tending(Kept):
    """How a type is kept in order."""

    def tend(self, limit: int, now: int) -> list[EndedLease]:
        """Do what is due, up to `limit` of each kind; `due` then says when there is more."""
        ended = self._end_leases(limit, now)
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
        kept = (self.expiring, self.forgetting, self.receipts, self.attempts)
        return min(entries.due() for entries in kept)

    def is_empty(self, now: int) -> bool:
        """Return whether nothing of this type need be remembered."""
        return not self._keeps_anything() and self.tally.counts_until <= now

    def _keeps_anything(self) -> bool:
        return any((self.queues, self.dead, self.receipts, self.attempts, self.garbage))

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
