"""The dead letters of a type, and what is to be counted of it."""

from collections import Counter
from dataclasses import dataclass, field

from sharq_plug.model import DeathReason, LetterRange, LetterView, Retention, Totals
from sharq_plug.testing.model_check.exact.lives import Life, Names, QueueFacts

TOTALS_KEPT = 24 * 3600 * 1000
"""For so long (ms) a type's totals outlive its last queue and letter."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A job that died, with the interval (ms) and the names that were brought to its queue."""

    number: int
    life: Life
    reason: DeathReason
    interval: int
    names: Names
    died_at: int

    @property
    def queue_id(self) -> str:
        """Return the queue that the job was in."""
        return self.life.new.queue_id

    @property
    def job_id(self) -> str:
        """Return the job's id."""
        return self.life.new.job_id

    @property
    def view(self) -> LetterView:
        """Return what a listing must show of the letter."""
        return LetterView(
            number=self.number,
            queue_id=self.queue_id,
            job_id=self.job_id,
            payload=self.life.new.payload,
            reason=self.reason,
            attempts=self.life.attempt,
            enqueued_at=self.life.enqueued_at,
            died_at=self.died_at,
            priority=self.life.extras.priority,
            last_error=self.life.last_error,
            cost=self.life.extras.cost,
            headers=self.life.extras.headers,
        )


@dataclass(slots=True)
class LetterFacts:
    """Dead letters in the order of their numbers, and the totals of their type.

    `gone_since` (ms) is when the last queue and letter of the type went.
    """

    all: list[Letter] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    gone_since: int | None = None

    @property
    def totals(self) -> Totals:
        """Return the totals that a look must show."""
        return Totals(**self.counted)

    def add(self, life: Life, reason: DeathReason, queue: QueueFacts, now: int) -> None:
        """Note a death in a queue: it takes the next number."""
        self.counted["dead"] += 1
        number = self.counted["dead"]
        self.all.append(Letter(number, life, reason, queue.brought, queue.names, now))

    def of(self, queue_id: str | None) -> list[Letter]:
        """Return the letters of a queue, or (None) all."""
        return [letter for letter in self.all if queue_id in {None, letter.queue_id}]

    def newest(self, queue_id: str, job_id: str) -> Letter | None:
        """Return the newest letter of a job, if there is any."""
        return next((one for one in reversed(self.of(queue_id)) if one.job_id == job_id), None)

    def numbered(self, number: int, queue_id: str | None) -> Letter | None:
        """Return the letter of that number, if it is there and of that queue (None: any)."""
        return next((one for one in self.of(queue_id) if one.number == number), None)

    def within(self, letters: LetterRange) -> list[Letter]:
        """Return the letters of a range."""
        return [letter for letter in self.of(letters.queue_id) if letter.number > letters.after]

    def remove(self, letter: Letter, total: str) -> None:
        """Note that a letter went, and which total counts that."""
        self.all.remove(letter)
        self.counted[total] += 1

    def too_old(self, retention: Retention, now: int) -> list[Letter]:
        """Return the letters to be dropped at `now` (ms), the lowest number first."""
        surplus = len(self.all) - retention.max_count
        kept_from = next(
            (
                place
                for place, letter in enumerate(self.all)
                if place >= surplus and letter.died_at + retention.max_age > now
            ),
            len(self.all),
        )
        return self.all[:kept_from]

    def note_presence(self, now: int, *, exists: bool) -> None:
        """Note whether the type has a queue or a letter after a call at `now` (ms)."""
        if exists or self.all:
            self.gone_since = None
        elif self.gone_since is None:
            self.gone_since = now

    def forget_in_time(self, now: int) -> None:
        """Forget the totals if nothing was there for a day."""
        if self.gone_since is not None and now >= self.gone_since + TOTALS_KEPT:
            self.counted.clear()
