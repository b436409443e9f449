"""The rules of single jobs and letters: what an amendment does, and what a look shows."""

from collections.abc import Iterator
from typing import assert_never

from msgspec.structs import replace

from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    Discard,
    JobRef,
    JobState,
    JobView,
    LetterRef,
    Redrive,
    Reschedule,
)
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.foresight import earliest_at
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.letters import Letter
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts
from sharq_plug.testing.model_check.violations import Rule


def judge_amendment(
    facts: Facts, queue_type: str, change: Amendment, answer: AmendOutcome, now: int
) -> Iterator[Finding]:
    """Judge the outcome of an amendment, and note what it does."""
    ledger = facts.of(queue_type)
    match change:
        case Cancel(job):
            expected = _cancelled(ledger, job, now, leased=change.leased)
        case Reschedule():
            expected = _rescheduled(ledger, change, now)
        case Redrive(ref):
            expected = redriven(ledger, _letter(ledger, ref), now)
        case Discard(ref):
            expected = _discarded(ledger, _letter(ledger, ref))
        case _:
            assert_never(change)
    yield from differences(Rule.AMENDING, "outcome", answer, expected)


def redriven(ledger: TypeLedger, letter: Letter | None, now: int) -> AmendOutcome:
    """Note a redrive of a dead letter, if it can be; return the outcome."""
    if letter is None:
        return AmendOutcome.UNKNOWN
    if letter.job_id in ledger.queue(letter.queue_id).lives:
        return AmendOutcome.DUPLICATE
    ledger.redriven(letter, now)
    return AmendOutcome.DONE


def judge_find(
    facts: Facts, queue_type: str, ref: JobRef, answer: JobView | Absence, now: int
) -> Iterator[Finding]:
    """Judge what a look at a job shows: as it lives, or else as it died the last time."""
    ledger = facts.of(queue_type)
    queue = ledger.queue(ref.queue_id)
    life = queue.lives.get(ref.job_id)
    letter = ledger.letters.newest(ref.queue_id, ref.job_id)
    expected: JobView | Absence = Absence.UNKNOWN
    if life is not None:
        expected = _foreseen(ledger, queue, life, now)
    elif letter is not None:
        expected = shown(letter.life, JobState.DEAD)
    found, shows = _unforeseen(answer), _unforeseen(expected)
    if found == shows:
        yield from differences(Rule.HOLDS, "view", answer, expected)
    else:
        yield from differences(Rule.AMENDING, "view", found, shows)


def _letter(ledger: TypeLedger, ref: LetterRef | JobRef) -> Letter | None:
    if isinstance(ref, LetterRef):
        return ledger.letters.numbered(ref.number, ref.queue_id)
    return ledger.letters.newest(ref.queue_id, ref.job_id)


def _discarded(ledger: TypeLedger, letter: Letter | None) -> AmendOutcome:
    if letter is None:
        return AmendOutcome.UNKNOWN
    ledger.letters.remove(letter, "discarded")
    return AmendOutcome.DONE


def _cancelled(ledger: TypeLedger, ref: JobRef, now: int, *, leased: bool) -> AmendOutcome:
    life = ledger.queue(ref.queue_id).lives.get(ref.job_id)
    if life is None:
        return _discarded(ledger, _letter(ledger, ref))
    if life.token is not None and not leased:
        return AmendOutcome.LEASED
    ledger.removed(life, now)
    return AmendOutcome.DONE


def _rescheduled(ledger: TypeLedger, change: Reschedule, now: int) -> AmendOutcome:
    life = ledger.queue(change.job.queue_id).lives.get(change.job.job_id)
    if life is None:
        is_dead = _letter(ledger, change.job) is not None
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
    if change.at is not None or change.delay is not None:
        life.due_at = max(at, now)
    life.at = at if at > now else None
    ledger.take_place(ledger.queues[change.job.queue_id], now)
    return AmendOutcome.DONE


def shown_living(queue: QueueFacts, life: Life, now: int) -> JobView:
    """Return what a look at a job that lives shows."""
    state = life.state(now)
    view = shown(life, state)
    if state is JobState.LEASED:
        return replace(view, expires_at=life.expires_at)
    at = life.at if state is JobState.DELAYED else None
    return replace(view, at=at, position=_position(queue, life))


def _foreseen(ledger: TypeLedger, queue: QueueFacts, life: Life, now: int) -> JobView:
    """Return what a look at a job that lives shows, and why and until when it waits."""
    view = shown_living(queue, life, now)
    if life.token is not None:
        return view
    holds = (*queue.holds_of(life.at, now), *ledger.outer_holds(queue, now))
    return replace(view, held_by=holds, earliest_at=earliest_at(queue, life, now))


def _unforeseen(view: JobView | Absence) -> JobView | Absence:
    if isinstance(view, JobView):
        return replace(view, held_by=(), earliest_at=None)
    return view


def shown(life: Life, state: JobState) -> JobView:
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
