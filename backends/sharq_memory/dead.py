"""Jobs that are delivered no more."""

from msgspec import Struct

from sharq_memory.queue import Job
from sharq_plug.model import Extras

REQUEUES_EXHAUSTED, FAILED, EXPIRED = "requeues_exhausted", "failed", "expired"
"""Why a job is dead."""


class DeadLetter(Struct, frozen=True, gc=False):
    """A job as it was when it died at `died_at` (ms), with what a redrive needs to know."""

    job_id: str
    payload: bytes
    reason: str
    died_at: int
    attempts: int
    interval: int
    enqueued_at: int
    requeues: int
    priority: int = 0
    error: str | None = None
    extras: Extras | None = None


class DeadLetters:
    """The dead letters of one queue, by numbers of their own, in the order of their deaths."""

    __slots__ = ("_by_job", "letters", "number")

    def __init__(self) -> None:
        self.letters: dict[int, DeadLetter] = {}
        self._by_job: dict[str, list[int]] = {}  # job id -> its numbers, rising
        self.number = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self.letters)

    def __contains__(self, job_id: str) -> bool:
        """Whether a job of this id died here."""
        return job_id in self._by_job

    def add(self, job: Job, reason: str, *, interval: int, now: int) -> None:
        """Keep one more; an earlier death of the same job id stands beside it."""
        rare = job.rare
        letter = DeadLetter(
            job_id=job.job_id,
            payload=job.payload,
            reason=reason,
            died_at=now,
            attempts=job.attempt,
            interval=interval,
            enqueued_at=job.enqueued_at,
            requeues=job.requeues,
            priority=job.priority,
            error=None if rare is None else rare.last_error,
            extras=None if rare is None else rare.extras,
        )
        self.put(self.number + 1, letter)

    def put(self, number: int, letter: DeadLetter) -> None:
        """Keep a letter under its number, the highest so far."""
        self.letters[number] = letter
        self.number = number
        self._by_job.setdefault(letter.job_id, []).append(number)

    def newest(self, job_id: str) -> DeadLetter | None:
        """Return the newest letter of a job id, if there is any."""
        numbers = self._by_job.get(job_id)
        return None if numbers is None else self.letters[numbers[-1]]

    def remove_newest(self, job_id: str) -> None:
        """Drop the newest letter of a job id."""
        numbers = self._by_job[job_id]
        del self.letters[numbers.pop()]
        if not numbers:
            del self._by_job[job_id]

    def check(self) -> None:
        """Raise AssertionError if the two views of the letters differ."""
        found: dict[str, list[int]] = {}
        for number, letter in self.letters.items():
            found.setdefault(letter.job_id, []).append(number)
        assert self._by_job == found
