"""Jobs that are delivered no more."""

from collections.abc import Iterator
from math import inf
from typing import Final

from msgspec import Struct
from sortedcontainers import SortedDict, SortedList

from sharq_memory.holds import brought_to
from sharq_memory.queue import Job, Queue
from sharq_memory.terms import Names
from sharq_plug.model import DeathReason, Extras, Retention

LOOKED_AT_EVERY: Final = 3600 * 1000
"""A shorter retention takes effect within this time (ms)."""


class DeadLetter(Struct, frozen=True, gc=False):
    """A job as it was when it died at `died_at` (ms), with what a redrive needs to know."""

    queue_id: str
    job_id: str
    payload: bytes
    reason: DeathReason
    died_at: int
    attempts: int
    interval: int
    enqueued_at: int
    requeues: int
    requeue_limit: int
    priority: int = 0
    error: str | None = None
    extras: Extras | None = None
    brought: Names = ()


def letter_of(job: Job, queue: Queue, reason: DeathReason, now: int) -> DeadLetter:
    """Return the letter of a job that dies at `now` (ms), with what was brought to its queue."""
    rare = job.rare
    return DeadLetter(
        queue_id=queue.queue_id,
        job_id=job.job_id,
        payload=job.payload,
        reason=reason,
        died_at=now,
        attempts=job.attempt,
        interval=queue.interval,
        enqueued_at=job.enqueued_at,
        requeues=job.requeues,
        requeue_limit=job.requeue_limit,
        priority=job.priority,
        error=None if rare is None else rare.last_error,
        extras=None if rare is None else rare.extras,
        brought=brought_to(queue),
    )


class DeadLetters:
    """The dead letters of a type, each under its number, in the order of their deaths."""

    __slots__ = ("_of_job", "_of_queue", "by_number", "looked_at", "of_queues")

    def __init__(self) -> None:
        self.by_number = SortedDict()  # number -> DeadLetter
        self.of_queues = SortedDict()  # queue id -> how many of its letters there are
        self._of_queue = SortedList()  # (queue id, number)
        self._of_job = SortedList()  # (queue id, job id, number)
        self.looked_at: int | None = None  # when `tend` must next look for letters to drop

    def __len__(self) -> int:
        """How many there are."""
        return len(self.by_number)

    def put(self, number: int, letter: DeadLetter) -> None:
        """Keep a letter, beside earlier ones of the same job id."""
        queue_id = letter.queue_id
        self.by_number[number] = letter
        self.of_queues[queue_id] = self.of_queues.get(queue_id, 0) + 1
        self._of_queue.add((queue_id, number))
        self._of_job.add((queue_id, letter.job_id, number))

    def remove(self, number: int) -> None:
        """Drop a letter."""
        letter: DeadLetter = self.by_number.pop(number)
        queue_id = letter.queue_id
        self._of_queue.remove((queue_id, number))
        self._of_job.remove((queue_id, letter.job_id, number))
        self.of_queues[queue_id] -= 1
        if not self.of_queues[queue_id]:
            del self.of_queues[queue_id]
        if not self.by_number:
            self.looked_at = None

    def of_queue(self, queue_id: str) -> int:
        """Return how many letters a queue has."""
        count: int = self.of_queues.get(queue_id, 0)
        return count

    def newest(self, queue_id: str, job_id: str) -> int | None:
        """Return the number of the newest letter of a job id, if there is any."""
        if queue_id not in self.of_queues:
            return None
        ids = (queue_id, job_id)
        last = next(self._of_job.irange(ids, (*ids, inf), reverse=True), None)
        return None if last is None else last[-1]

    def numbers(
        self,
        queue_id: str | None = None,
        *,
        after: int = 0,
        before: float = inf,
        newest_first: bool = False,
    ) -> Iterator[int]:
        """Iterate over the numbers between two others. No letter may come or go meanwhile."""
        if queue_id is None:
            yield from self.by_number.irange(after, before, (False, False), newest_first)
            return
        limits = (queue_id, after), (queue_id, before)
        for _, number in self._of_queue.irange(*limits, (False, False), newest_first):
            yield number

    def first_goes_at(self, retention: Retention) -> float:
        """Return the instant (ms) at which the letter with the lowest number must go."""
        if not self.by_number:
            return inf
        if len(self.by_number) > retention.max_count:
            return 0
        died_at: int = self.by_number.peekitem(0)[1].died_at
        return died_at + retention.max_age

    def due(self) -> float:
        """Return the instant (ms) at which `tend` must look for letters to drop."""
        return inf if self.looked_at is None else self.looked_at

    def check(self) -> None:
        """Raise AssertionError if the orders of the letters differ."""
        letters = self.by_number.items()
        assert list(self._of_queue) == sorted((one.queue_id, number) for number, one in letters)
        ids = ((one.queue_id, one.job_id, number) for number, one in letters)
        assert list(self._of_job) == sorted(ids)
        counted: dict[str, int] = {}
        for letter in self.by_number.values():
            counted[letter.queue_id] = counted.get(letter.queue_id, 0) + 1
        assert self.of_queues == counted
        assert (self.looked_at is None) == (not self.by_number)


NO_LETTERS: Final = DeadLetters()
"""What a type has until its first job dies, so that it pays nothing. It stays empty."""
