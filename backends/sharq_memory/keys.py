"""Deduplication keys: which job is remembered under which key of its queue."""

from collections.abc import Iterator
from math import inf
from typing import TypeAlias

from sortedcontainers import SortedList

from sharq_memory.queue import Job, Queue
from sharq_plug.model import Deduplicate

Entry: TypeAlias = tuple[int, str, int | None]
"""(until, job id, its number; None once it has finished or died)."""


class Keys:
    """The jobs that were queued with a key, each until its time has passed.

    A job that neither lives nor has finished or died was cleared: its entry does not count.
    """

    __slots__ = ("_by_key", "_ends")

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Entry] = {}
        self._ends = SortedList()  # (until, queue id, key)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._by_key)

    def holder(self, queue_id: str, queue: Queue | None, key: str, now: int) -> str | None:
        """Return the id of the job that is remembered under `key` at `now` (ms), if one is.

        `queue` is the queue of this id, if it is known.
        """
        until, job_id, number = self._by_key.get((queue_id, key), (0, "", None))
        if until <= now:
            return None
        return job_id if number is None or _lives(queue, job_id, number) else None

    def remember(self, queue_id: str, job: Job, deduplicate: Deduplicate, now: int) -> None:
        """Remember a job that was queued with a key."""
        until = now + deduplicate.keep_for
        self.put(queue_id, deduplicate.key, (until, job.job_id, job.number))

    def put(self, queue_id: str, key: str, entry: Entry) -> None:
        """Keep an entry in the place of an earlier one."""
        self._drop(queue_id, key)
        self._by_key[queue_id, key] = entry
        self._ends.add((entry[0], queue_id, key))

    def outlive(self, queue: Queue, job: Job) -> None:
        """Let the entry of a job that finishes or dies stand."""
        found = self._of(queue, job)
        if found is not None:
            key, (until, job_id, _) = found
            self._by_key[queue.queue_id, key] = (until, job_id, None)

    def forget_job(self, queue: Queue, job: Job) -> None:
        """Drop the entry that a job made."""
        found = self._of(queue, job)
        if found is not None:
            self._drop(queue.queue_id, found[0])

    def items(self) -> Iterator[tuple[str, str, Entry]]:
        """Iterate over the entries, each with its queue id and its key."""
        for (queue_id, key), entry in self._by_key.items():
            yield queue_id, key, entry

    def due(self) -> float:
        """Return the instant (ms) at which the first ends."""
        return self._ends[0][0] if self._ends else inf

    def forget(self, limit: int, now: int) -> None:
        """Drop up to `limit` that have ended at `now` (ms)."""
        for _ in range(limit):
            if self.due() > now:
                break
            self._drop(*self._ends[0][1:])

    def _of(self, queue: Queue, job: Job) -> tuple[str, Entry] | None:
        """Return the entry that `job` made, if it stands, with its key."""
        if job.rare is None or job.rare.extras.deduplicate is None:
            return None
        key = job.rare.extras.deduplicate.key
        entry = self._by_key.get((queue.queue_id, key))
        return None if entry is None or entry[1:] != (job.job_id, job.number) else (key, entry)

    def check(self) -> None:
        """Raise AssertionError if the two views of the entries differ."""
        ends = [(until, *place) for place, (until, _, _) in self._by_key.items()]
        assert list(self._ends) == sorted(ends)

    def _drop(self, queue_id: str, key: str) -> None:
        entry = self._by_key.pop((queue_id, key), None)
        if entry is not None:
            self._ends.remove((entry[0], queue_id, key))


def _lives(queue: Queue | None, job_id: str, number: int) -> bool:
    job = None if queue is None else queue.jobs.get(job_id)
    return job is not None and job.number == number
