"""The rules of single jobs by their ids: what an amendment does, and what a look shows."""

from collections.abc import Iterator
from typing import assert_never

from msgspec.structs import replace

from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    JobRef,
    JobState,
    JobView,
    Reschedule,
)
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts
from sharq_plug.testing.model_check.violations import Rule


def judge_amendment(
    facts: Facts, queue_type: str, change: Amendment, answer: AmendOutcome, now: int
) -> Iterator[Finding]:
    """Judge the outcome of an amendment, and note what it does."""
    ledger = facts.of(queue_type)
    life = ledger.queue(change.job.queue_id).lives.get(change.job.job_id)
    match change:
        case Cancel():
            expected = _cancelled(ledger, life, change, now)
        case Reschedule():
            expected = _rescheduled(ledger, life, change, now)
        case _:
            assert_never(change)
    yield from differences(Rule.AMENDING, "outcome", answer, expected)


def judge_find(
    facts: Facts, queue_type: str, ref: JobRef, answer: JobView | Absence, now: int
) -> Iterator[Finding]:
    """Judge what a look at a job shows: as it lives, or else as it died the last time."""
    ledger = facts.of(queue_type)
    queue = ledger.queue(ref.queue_id)
    life = queue.lives.get(ref.job_id)
    letter = ledger.letter(ref.queue_id, ref.job_id)
    expected: JobView | Absence = Absence.UNKNOWN
    if life is not None:
        expected = _view(queue, life, now)
    elif letter is not None:
        expected = _shown(letter, JobState.DEAD)
    yield from differences(Rule.AMENDING, "view", answer, expected)


def _cancelled(ledger: TypeLedger, life: Life | None, change: Cancel, now: int) -> AmendOutcome:
    if life is None:
        is_there = ledger.letter_removed(change.job.queue_id, change.job.job_id)
        return AmendOutcome.DONE if is_there else AmendOutcome.UNKNOWN
    if life.token is not None and not change.leased:
        return AmendOutcome.LEASED
    ledger.cancelled(life, now)
    return AmendOutcome.DONE


def _rescheduled(
    ledger: TypeLedger, life: Life | None, change: Reschedule, now: int
) -> AmendOutcome:
    if life is None:
        is_dead = ledger.letter(change.job.queue_id, change.job.job_id) is not None
        return AmendOutcome.DEAD if is_dead else AmendOutcome.UNKNOWN
    if life.token is not None:
        return AmendOutcome.LEASED
    if change.priority is not None:
        life.new = replace(life.new, extras=replace(life.extras, priority=change.priority))
    at = life.at or now
    if change.at is not None:
        at = change.at
    elif change.delay is not None:
        at = now + change.delay
    life.at = at if at > now else None
    ledger.take_place(ledger.queues[change.job.queue_id], now)
    return AmendOutcome.DONE


def _view(queue: QueueFacts, life: Life, now: int) -> JobView:
    if life.token is not None:
        return replace(_shown(life, JobState.LEASED), expires_at=life.expires_at)
    position = _position(queue, life)
    if life.at is not None and life.at > now:
        return replace(_shown(life, JobState.DELAYED), at=life.at, position=position)
    return replace(_shown(life, JobState.WAITING), position=position)


def _shown(life: Life, state: JobState) -> JobView:
    """Return what a look at a job of any state shows."""
    return JobView(
        state=state,
        attempt=life.attempt,
        requeues_remaining=life.requeues,
        enqueued_at=life.enqueued_at,
        priority=life.extras.priority,
        last_error=life.last_error,
        cost=life.extras.cost,
        headers=life.extras.headers,
        payload=life.new.payload,
    )


def _position(queue: QueueFacts, life: Life) -> int:
    waiting = [other for other in queue.lives.values() if other.waits]
    if life.waits:
        return sum(other.standing < life.standing for other in waiting)
    delayed = [other for other in queue.lives.values() if other.token is None and not other.waits]
    return len(waiting) + sum(other.joins < life.joins for other in delayed)
