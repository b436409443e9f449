"""The totals of a type: no less than what surely was done, no more than what may have been."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sharq_plug.model import (
    AmendOutcome,
    Cancel,
    Cleared,
    Discard,
    EnqueueOutcome,
    EnqueueResult,
    Fail,
    LeaseOutcome,
    LettersMoved,
    NewJob,
    Redrive,
    Release,
    Totals,
    View,
)
from sharq_plug.testing.model_check.history import Event, History
from sharq_plug.testing.model_check.operations import ClearStep, DiscardRange, RedriveRange
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, token_of
from sharq_plug.testing.model_check.violations import Rule, Violation

Bounds: TypeAlias = tuple[str, int, int]
"""A total, and by how much, at least and at most, an event raised it."""
UNBOUNDED = frozenset({"released", "expired_leases", "dead", "aged_out"})
"""Totals that calls raise which may not have been seen."""


@dataclass(frozen=True, slots=True)
class _Raise:
    """These events raised a total, each of them may have been the one that did."""

    events: tuple[Event, ...]
    total: str
    least: int
    most: int


def check_totals(history: History, evidence: Evidence) -> Iterator[Violation]:
    """Yield each total that calls before the look, or beside it, do not explain."""
    if evidence.may_forget_types or not evidence.looks:
        return
    raises: dict[str, list[_Raise]] = {}
    for event in history.events:
        for total, least, most in _bounds(event):
            queue_type = event.operation.queue_type or ""
            raises.setdefault(queue_type, []).append(_Raise((event,), total, least, most))
    for job in evidence.jobs():
        raises.setdefault(job.queue[0], []).extend(_of_job(job))
    for look in evidence.looks:
        queue_type = look.operation.queue_type or ""
        if isinstance(look.outcome, View) and look.outcome.totals is not None:
            is_bounded = queue_type not in evidence.unanswered_dequeues
            those = raises.get(queue_type, [])
            yield from _check(look, look.outcome.totals, those, is_bounded=is_bounded)


def _check(
    look: Event, totals: Totals, raises: list[_Raise], *, is_bounded: bool
) -> Iterator[Violation]:
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for each in raises:
        if any(event.before(look) and event.outcome is not None for event in each.events):
            least[each.total] += each.least
        if any(not look.before(event) for event in each.events):
            most[each.total] += each.most
    for name in Totals.__struct_fields__:
        found = getattr(totals, name)
        has_most = name not in UNBOUNDED and (is_bounded or name != "dequeued")
        if found < least[name] or (has_most and found > most[name]):
            what = f"the total {name} is {found}, and must be from {least[name]} to {most[name]}"
            yield Violation(Rule.TOTALS, what, (look,))


def _of_job(job: JobEvidence) -> Iterator[_Raise]:
    """Iterate over what deliveries, finishes and expiries of a job count."""
    for lease in job.grants:
        yield _Raise((lease.event,), "dequeued", 1, 1)
    by_token: dict[str, list[Event]] = {}
    for finish in job.finishes:
        token = token_of(finish)
        if token is None:
            is_sure = finish.outcome is not None
            yield _Raise((finish,), "finished", int(is_sure), 1)
        else:
            by_token.setdefault(token, []).append(finish)
    for same in by_token.values():
        yield _Raise(tuple(same), "finished", 1, 1)
    for event, _ in job.expiries:
        yield _Raise((event,), "expired_leases", 1, 1)
    for event in job.deaths():
        yield _Raise((event,), "dead", 1, 1)


def _bounds(event: Event) -> Iterator[Bounds]:
    """Iterate over what an event counts by itself."""
    item, answer = event.operation.item, event.outcome
    is_lost = answer is None
    match item:
        case NewJob():
            is_queued = (
                isinstance(answer, EnqueueResult) and answer.outcome is EnqueueOutcome.QUEUED
            )
            yield "enqueued", int(is_queued), int(is_queued or is_lost)
        case Release() | Fail():
            is_ended = answer is LeaseOutcome.ENDED
            total = "released" if isinstance(item, Release) else "failed"
            yield total, int(is_ended), int(is_ended or is_lost)
        case Redrive() | Discard():
            is_done = answer is AmendOutcome.DONE
            total = "redriven" if isinstance(item, Redrive) else "discarded"
            yield total, int(is_done), int(is_done or is_lost)
        case Cancel():
            most = int(is_lost or answer is AmendOutcome.DONE)
            yield "removed", 0, most
            yield "discarded", 0, most
        case RedriveRange() | DiscardRange():
            count = answer.count if isinstance(answer, LettersMoved) else 0
            total = "redriven" if isinstance(item, RedriveRange) else "discarded"
            yield total, count, item.limit if is_lost else count
        case ClearStep():
            yield from _of_clear(answer if isinstance(answer, Cleared) else None)


def _of_clear(cleared: Cleared | None) -> Iterator[Bounds]:
    """Iterate over what a clearing counts; without an answer it may have removed any number."""
    if cleared is None:
        any_number = 2**53
        yield "removed", 0, any_number
        yield "discarded", 0, any_number
        return
    removed = cleared.waiting + cleared.delayed + cleared.leased
    yield "removed", removed, removed
    yield "discarded", cleared.dead, cleared.dead
