"""Deduplication keys: which job is remembered under which key of its queue."""

from typing import TypeAlias

from sharq_memory.queue import Job, Queue
from sharq_memory.remembered import Remembered
from sharq_plug.model import Deduplicate

KeyOf: TypeAlias = tuple[str, str]
"""(queue id, key)."""
Remembrance: TypeAlias = tuple[str, int | None]
"""(job id, its number; None once it has finished or died)."""


class Keys(Remembered[KeyOf, Remembrance]):
    """The jobs that were queued with a key, each until its time has passed.

    A job that neither lives nor has finished or died was cleared: its entry does not count.
    """

    __slots__ = ()

    def holder(self, queue_id: str, queue: Queue | None, key: str, now: int) -> str | None:
        """Return the id of the job that is remembered under `key` at `now` (ms), if one is.

        `queue` is the queue of this id, if it is known.
        """
        found = self.of((queue_id, key), now)
        if found is None:
            return None
        job_id, number = found
        return job_id if number is None or _lives(queue, job_id, number) else None

    def remember(self, queue_id: str, job: Job, deduplicate: Deduplicate, now: int) -> None:
        """Remember a job that was queued with a key."""
        until = now + deduplicate.keep_for
        self.put((queue_id, deduplicate.key), until, (job.job_id, job.number))

    def outlive(self, queue: Queue, job: Job) -> None:
        """Let the entry of a job that finishes or dies stand."""
        key = self._key_of(queue, job)
        if key is not None:
            until, _ = self._by_key[key]
            self._by_key[key] = (until, (job.job_id, None))

    def forget_job(self, queue: Queue, job: Job) -> None:
        """Drop the entry that a job made."""
        key = self._key_of(queue, job)
        if key is not None:
            self.drop(key)

    def _key_of(self, queue: Queue, job: Job) -> KeyOf | None:
        """Return the key of the entry that `job` made, if it stands."""
        if job.rare is None or job.rare.extras.deduplicate is None:
            return None
        key = (queue.queue_id, job.rare.extras.deduplicate.key)
        found = self._by_key.get(key)
        return None if found is None or found[1] != (job.job_id, job.number) else key


def _lives(queue: Queue | None, job_id: str, number: int) -> bool:
    job = None if queue is None else queue.jobs.get(job_id)
    return job is not None and job.number == number
