"""The instants at which something is due in a walk, so that it can go there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import astuple

from sharq_plug.model import (
    MINUTE,
    AmendOutcome,
    Dequeued,
    Ended,
    EndedLease,
    Extended,
    Extras,
    Fail,
    FreezeLimit,
    Hold,
    JobView,
    LeaseOutcome,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    Release,
    Remaining,
    Reschedule,
    SetInterval,
    Settlement,
    Tended,
    View,
)
from sharq_plug.testing.model_check.carried import begins_at
from sharq_plug.testing.model_check.operations import Item, Outcome


@dataclass(slots=True)
class Instants:
    """Note when leases, delays, keys, ttls, intervals, holds and dead letters end."""

    _known: set[int] = field(default_factory=set)
    _intervals: dict[tuple[str | None, str], int] = field(default_factory=dict)

    def ahead(self, now: int, early: int) -> list[int]:
        """Return the instants (ms) that lie `early` ms before those known, and after `now`."""
        return sorted({at - early for at in self._known if at - early > now})

    def note(
        self, queue_type: str | None, item: Item, outcome: Outcome, now: int, max_age: int
    ) -> None:
        """Note what follows from a call at `now` (ms), where letters are kept for `max_age`."""
        self._known.update(self._follow(queue_type, item, outcome, now))
        if _may_have_killed(item, outcome) and max_age <= MINUTE:
            self._known.add(now + max_age)

    def _follow(
        self, queue_type: str | None, item: Item, outcome: Outcome, now: int
    ) -> Iterator[int]:
        match item, outcome:
            case NewJob() | SetInterval(), _:
                if item.interval is not None:
                    self._intervals[queue_type, item.queue_id] = item.interval
                if isinstance(item, NewJob) and item.extras is not None:
                    yield from _of_extras(item.extras, now)
            case PatchQueue() | PatchType() | PatchLimit(), _:
                yield now + (item.freeze or 0)
                if isinstance(item, PatchLimit) and isinstance(item.remaining, Remaining):
                    yield item.remaining.until
            case _, View(rules=rules) if rules is not None:
                yield from _ends(rules.held_by)
            case _, JobView(earliest_at=at):
                yield from (*_ends(outcome.held_by), at or now)
            case _, Dequeued():
                yield from self._of_dequeued(queue_type, outcome, now)
            case Reschedule(_, _, delay, at), AmendOutcome.DONE:
                yield now + (delay or 0) if at is None else at
            case _, (LeaseOutcome.ENDED | Ended()) if isinstance(item, Settlement):
                yield from (now + value for value in astuple(item) if isinstance(value, int))
                if isinstance(item, Release | Fail) and isinstance(item.freeze_limit, FreezeLimit):
                    yield now + item.freeze_limit.duration
            case _, Extended(expires_at):
                yield expires_at

    def _of_dequeued(self, queue_type: str | None, answer: Dequeued, now: int) -> Iterator[int]:
        yield answer.next_ready_at or now
        for job in answer.jobs:
            yield job.expires_at
            yield now + self._intervals.get((queue_type, job.queue_id), 0)


def _of_extras(extras: Extras, now: int) -> Iterator[int]:
    begins = begins_at(extras, now)
    yield begins
    yield begins + (extras.ttl or 0)
    yield now + (0 if extras.deduplicate is None else extras.deduplicate.keep_for)


def _ends(holds: Iterable[Hold]) -> list[int]:
    return [hold.until for hold in holds if hold.until is not None]


def _may_have_killed(item: Item, outcome: Outcome) -> bool:
    if isinstance(item, Fail):
        return isinstance(outcome, Ended)
    ended: tuple[EndedLease, ...] = ()
    if isinstance(outcome, Dequeued | Tended):
        ended = outcome.ended
    return any(lease.is_dead for lease in ended)
