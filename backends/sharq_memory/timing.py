"""What a job's own time brings: a delayed job joins those that wait, an ended one dies."""

from sharq_memory.dead import letter_of
from sharq_memory.kept import Kept
from sharq_memory.queue import NO_EXTRAS, Job, Queue, Rare
from sharq_plug.model import DeathReason


class Timing(Kept):
    """How jobs get into their queue, whatever brings them, and how they leave it as dead letters.

    A job with a ttl is listed among those that end while it is not leased.
    """

    def _put(self, queue: Queue, job: Job, now: int, at: int) -> None:
        """Let `job` wait, or be delayed until `at` (ms), if that lies ahead."""
        rare = job.rare
        if rare is None:
            queue.add_waiting(job)
            return
        if at > now:
            queue.add_delayed(job, rare, at)
            self.totals.delayed += 1
        else:
            queue.add_waiting(job)
        if rare.ends_at is not None:
            queue.list_end(job, rare.ends_at)
        queue.is_timed = True

    def _take_out(self, queue: Queue, job: Job) -> None:
        """Take a job that waits or is delayed out of its queue's order."""
        rare = job.rare
        if rare is None or rare.at is None:
            queue.remove_waiting(job)
        else:
            queue.remove_delayed(job, rare)
            self.totals.delayed -= 1
        if rare is not None and rare.ends_at is not None:
            queue.unlist_end(job, rare.ends_at)

    def _come_back(self, queue: Queue, job: Job, now: int, delay: int = 0) -> bool:
        """Let `job`, whose lease was ended, wait again; return False if its ttl has passed."""
        if has_ended(job, now):
            self._die(queue, job, DeathReason.EXPIRED, now)
            return False
        if delay and job.rare is None:
            job.rare = Rare(NO_EXTRAS)
        job.come_back()
        self._put(queue, job, now, now + delay)
        self._changed(queue, now)
        return True

    def _die(self, queue: Queue, job: Job, reason: DeathReason, now: int) -> None:
        """Keep `job`, which stands nowhere any more, as a dead letter."""
        self.totals.dead += 1
        letter = letter_of(job, queue, reason, now)
        self.keep_letter(self.totals.dead, letter, now)
        self.due = min(self.due, now)
        self.keys.outlive(queue, job)
        del queue.jobs[job.job_id]
        self._changed(queue, now)

    def _remove(self, queue: Queue, job: Job) -> None:
        """Remove a living job for good."""
        if job.token is None:
            self._take_out(queue, job)
        else:
            self._end_lease(queue, job)
            self.totals.revoked += 1
        self.totals.removed += 1
        self.keys.forget_job(queue, job)
        del queue.jobs[job.job_id]

    def _join_due(self, queue: Queue, limit: int, now: int) -> int:
        """Let up to `limit` due jobs of `queue` join those that wait; return how many did."""
        joined = 0
        while joined < limit and queue.delayed is not None and queue.delayed[0][0] <= now:
            job = queue.delayed[0][-1]
            queue.remove_delayed(job, job.rare)
            queue.add_waiting(job)
            joined += 1
        self.totals.delayed -= joined
        return joined

    def _drop_ended(self, queue: Queue, limit: int, now: int) -> int:
        """Let up to `limit` jobs die that are first in `queue` and have ended; return how many."""
        died = 0
        while died < limit and queue.head is not None and has_ended(queue.head, now):
            self._end(queue, queue.head, now)
            died += 1
        return died

    def _end(self, queue: Queue, job: Job, now: int) -> None:
        """Let a job whose ttl has passed die."""
        self._take_out(queue, job)
        self._die(queue, job, DeathReason.EXPIRED, now)


def has_ended(job: Job, now: int) -> bool:
    """Return whether the ttl of `job` has passed at `now` (ms)."""
    rare = job.rare
    return rare is not None and rare.ends_at is not None and rare.ends_at <= now
