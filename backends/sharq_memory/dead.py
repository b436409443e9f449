"""Jobs that ran out of requeues."""

from collections import Counter

from msgspec import Struct

from sharq_memory.queue import Job

REQUEUES_EXHAUSTED = "requeues_exhausted"


class DeadLetter(Struct, frozen=True, gc=False):
    """A job as it was when it died at `died_at` (ms), with what a redrive needs to know."""

    job_id: str
    payload: bytes
    reason: str
    died_at: int
    attempts: int
    interval: int


class DeadLetters:
    """The dead letters of one queue, by numbers of their own, in the order of their deaths."""

    __slots__ = ("_by_job", "letters", "number")

    def __init__(self) -> None:
        self.letters: dict[int, DeadLetter] = {}
        self._by_job: Counter[str] = Counter()
        self.number = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self.letters)

    def __contains__(self, job_id: str) -> bool:
        """Whether a job of this id died here."""
        return job_id in self._by_job

    def add(self, job: Job, *, interval: int, now: int) -> None:
        """Keep one more; an earlier death of the same job id stands beside it."""
        letter = DeadLetter(
            job_id=job.job_id,
            payload=job.payload,
            reason=REQUEUES_EXHAUSTED,
            died_at=now,
            attempts=job.attempt,
            interval=interval,
        )
        self.put(self.number + 1, letter)

    def put(self, number: int, letter: DeadLetter) -> None:
        """Keep a letter under its number."""
        self.letters[number] = letter
        self.number = max(self.number, number)
        self._by_job[letter.job_id] += 1

    def check(self) -> None:
        """Raise AssertionError if the two views of the letters differ."""
        assert self._by_job == Counter(letter.job_id for letter in self.letters.values())
