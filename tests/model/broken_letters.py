"""Memory states that are broken on purpose, one fault each: dead letters, and how many are kept."""

from msgspec.structs import replace

from sharq_memory.dead import DeadLetter, DeadLetters
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import DeathReason, Retention


class KeepingState(TypeState):
    """For a state that keeps letters by a retention of its own."""

    def _drop_letters(self, limit: int, retention: Retention, now: int) -> None:
        super()._drop_letters(limit, self._retention(retention), now)

    def _retention(self, retention: Retention) -> Retention:
        """Return what it makes of a retention."""
        return retention


class OneLetterTooManyIsKept(KeepingState):
    def _retention(self, retention: Retention) -> Retention:
        return replace(retention, max_count=retention.max_count + 1)


class OneLetterTooFewIsKept(KeepingState):
    def _retention(self, retention: Retention) -> Retention:
        return replace(retention, max_count=max(0, retention.max_count - 1))


class LettersGoTooEarly(KeepingState):
    """By 1 ms."""

    def _retention(self, retention: Retention) -> Retention:
        return replace(retention, max_age=max(0, retention.max_age - 1))


class LettersGoTooLate(KeepingState):
    """By 1 ms."""

    def _retention(self, retention: Retention) -> Retention:
        return replace(retention, max_age=retention.max_age + 1)


class KeepingNoneKeepsAll(KeepingState):
    """A retention of 0 is taken for one without a bound."""

    def _retention(self, retention: Retention) -> Retention:
        default = Retention()
        return Retention(
            retention.max_age or default.max_age, retention.max_count or default.max_count
        )


class NewestLetterIsDropped(TypeState):
    """Where there are too many."""

    def _drop_letters(self, limit: int, retention: Retention, now: int) -> None:
        while limit > 0 and len(self.dead) > retention.max_count:
            self._drop_letter(self.dead.by_number.peekitem(-1)[0], now)
            self.totals.aged_out += 1
            limit -= 1
        super()._drop_letters(limit, retention, now)


class DeadTypeIsNotTended(TypeState):
    """A type with nothing but dead letters is not looked at."""

    def _drop_letters(self, limit: int, retention: Retention, now: int) -> None:
        if self.existing:
            super()._drop_letters(limit, retention, now)
        elif self.dead:
            self.dead.looked_at = now + 10**12


class AgedLettersCountAsDiscarded(TypeState):
    def _drop_letters(self, limit: int, retention: Retention, now: int) -> None:
        before = self.totals.aged_out
        super()._drop_letters(limit, retention, now)
        self.totals.discarded += self.totals.aged_out - before
        self.totals.aged_out = before


class RenumberedLetters(DeadLetters):
    """Letters that go by the numbers that are free."""

    def put(self, number: int, letter: DeadLetter) -> None:
        highest = self.by_number.peekitem(-1)[0] if self.by_number else 0
        super().put(highest + 1, letter)


class NumberIsGivenTwice(TypeState):
    """Once the letter that had it is gone."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.dead = RenumberedLetters()


class LetterForgetsItsReason(TypeState):
    """A job that was failed for good is called out of requeues."""

    def _die(self, queue: Queue, job: Job, reason: DeathReason, now: int) -> None:
        if reason is DeathReason.FAILED:
            reason = DeathReason.REQUEUES_EXHAUSTED
        super()._die(queue, job, reason, now)
