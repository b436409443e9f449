"""What is done when its time has come: leases end, and what nobody asks for is forgotten."""

from math import inf

from sharq_memory.dead import LOOKED_AT_EVERY
from sharq_memory.line import Step
from sharq_memory.queue import Queue
from sharq_memory.timing import Timing
from sharq_memory.totals import Counters
from sharq_plug.model import MAX_DROPS, DeathReason, EndedLease, Retention


class Tending(Timing):
    """How a type is kept in order."""

    def tend(self, limit: int, retention: Retention, now: int) -> list[EndedLease]:
        """Do what is due, up to `limit` of each kind; `due` then says when there is more."""
        ended = self._end_leases(limit, now)
        self.moved = len(ended)
        self._serve_timers(limit, now)
        self._drop_letters(limit, retention, now)
        self._settle_doubts(limit, now)
        self._forget(limit, now)
        self.due = self.next_due() or now  # what goes on waits its turn among the types
        return ended

    def next_due(self) -> float:
        """Return the instant (ms) from which on `tend` has something to do."""
        if self.garbage or self.line.is_doubted:
            return 0
        ends_at = self._ends_at()
        if ends_at < inf:
            return ends_at
        timed = (self.expiring, self.timers, self.dead)
        kept = (self.forgetting, self.receipts, self.attempts, self.keys)
        due = min(entries.due() for entries in (*timed, *kept))
        return min(due, self.totals.kept_until or inf)

    def is_empty(self, now: int) -> bool:
        """Return whether nothing of this type need be remembered."""
        return self._ends_at() <= now

    def _ends_at(self) -> float:
        """Return when (ms) nothing need be remembered any more, as far as this is foreseen."""
        if any((self.queues, self.dead, self.receipts, self.attempts, self.keys, self.garbage)):
            return inf
        if self.limits:
            return inf
        if self.defaults is not None and self.defaults.version:
            return inf
        until = max(self.tally.counts_until, self.totals.kept_until or 0)
        return until if self.gate is None else max(until, self.gate.needed_until())

    def _end_leases(self, limit: int, now: int) -> list[EndedLease]:
        """End up to `limit` expired leases."""
        ended: list[EndedLease] = []
        while len(ended) < limit and (queue := self.expiring.first_expired(now)):
            job = queue.first_lease()
            token = job.token or ""
            self._end_lease(queue, job)
            self.totals.expired_leases += 1
            is_dead = job.requeues == 0
            if is_dead:
                self._die(queue, job, DeathReason.REQUEUES_EXHAUSTED, now)
            else:
                is_dead = not self._come_back(queue, job, now, job.penalize())
            ended.append(EndedLease(self.queue_type, queue.queue_id, job.job_id, token, is_dead))
        return ended

    def _serve_timers(self, limit: int, now: int) -> None:
        """Let up to `limit` due jobs join those that wait, and up to `limit` ended ones die.

        This goes queue by queue, in the order of (first instant due there, queue id).
        """
        joins = deaths = limit
        while joins > 0 and deaths > 0 and (queue_id := self.timers.first(now)) is not None:
            queue = self.queues[queue_id]
            joined = self._join_due(queue, joins, now)
            if joined:
                self._changed(queue, now)
            died = self._let_end(queue, deaths, now)
            joins, deaths = joins - joined, deaths - died
            self.moved += joined + died

    def _settle_doubts(self, limit: int, now: int) -> None:
        """Let the queues at up to `limit` doubtful places stand where they are to.

        Bring up to `limit` shared limits to `now` (ms) that may lie ahead.
        """
        doubtful = self.line.next_doubtful(limit)
        for queue in doubtful:
            self._changed(queue, now, Step.DOUBTED)
        self.moved += len(doubtful) + self.line.benches.bring_to(limit, now)

    def _let_end(self, queue: Queue, limit: int, now: int) -> int:
        """Let up to `limit` jobs of `queue` die whose ttl has passed; return how many did."""
        died = 0
        while died < limit and queue.ending is not None and queue.ending[0][0] <= now:
            self._end(queue, queue.ending[0][-1], now)
            died += 1
        return died

    def _drop_letters(self, limit: int, retention: Retention, now: int) -> None:
        """Drop up to `limit` dead letters, the oldest first, that are too old or too many.

        It does so only when it is due by itself. So the effect of a changed retention does not
        depend on what else is due in the type.
        """
        if self.dead.due() > now:
            return
        left = min(limit, MAX_DROPS)
        while left > 0 and self.dead.first_goes_at(retention) <= now:
            self._drop_letter(next(self.dead.numbers()), now)
            self.totals.aged_out += 1
            self.moved += 1
            left -= 1
        if self.dead:
            goes_at = int(self.dead.first_goes_at(retention))
            self.dead.looked_at = min(goes_at, now + LOOKED_AT_EVERY)

    def _forget(self, limit: int, now: int) -> None:
        """Forget up to `limit` of each kind of thing that nobody will ask for again."""
        for _ in range(limit):
            if self.forgetting.due() > now:
                break
            queue = self.forgetting.next(now)
            if queue is not None:
                del self.queues[queue.queue_id]
        if self.totals.has_ended(now):
            self.totals = Counters()
        self.receipts.forget(limit, now)
        self.attempts.forget(limit, now)
        self.keys.forget(limit, now)
        self.garbage.free(limit)
