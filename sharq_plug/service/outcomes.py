"""Turn the outcomes of a store into what callers get: a result or an error for each item."""

from collections.abc import Sequence
from typing import assert_never

from sharq_plug.errors import (
    BrokenQueue,
    DeadJob,
    LeasedJob,
    LimitInUse,
    LimitsSet,
    NoInterval,
    NoSuchLimit,
    NotCharged,
    QueueFull,
    SettingsChanged,
    SharqError,
    StaleLease,
    UnknownLimit,
)
from sharq_plug.model import (
    Absence,
    AmendOutcome,
    Cancel,
    ChangeOutcome,
    DropLimit,
    Ended,
    EnqueueOutcome,
    EnqueueResult,
    Extended,
    Fail,
    JobRef,
    JobView,
    LeaseOutcome,
    NewJob,
    PatchQueue,
    PatchType,
    Release,
    Reschedule,
    SetInterval,
    Setting,
    Settled,
    Settlement,
)

# The usual outcomes of the calls that are made most often. On Python 3.11 looking up a member of an
# enum is slow, and so is a strict zip: a single job has a shortcut.
_QUEUED = EnqueueOutcome.QUEUED


def enqueue_outcomes(
    jobs: Sequence[NewJob], results: Sequence[EnqueueResult]
) -> list[EnqueueResult | SharqError]:
    """Return for each job its result, or NoInterval, UnknownLimit, QueueFull or BrokenQueue."""
    if len(jobs) == 1 and results[0].outcome is _QUEUED:
        return [results[0]]
    return [
        result if result.outcome is _QUEUED else _enqueue_outcome(job, result)
        for job, result in zip(jobs, results, strict=True)
    ]


def settle_outcomes(
    items: Sequence[Settlement], outcomes: Sequence[Settled]
) -> list[bool | Extended | SharqError]:
    """Return for each item whether there was such a lease, or why it was refused.

    The refusals are StaleLease, NotCharged and BrokenQueue.
    For an Extend that held it is Extended.
    """
    if len(items) == 1 and type(outcomes[0]) is Ended:
        return [True]
    return [
        True if type(outcome) is Ended else _settle_outcome(item, outcome)
        for item, outcome in zip(items, outcomes, strict=True)
    ]


def change_outcomes(
    changes: Sequence[Setting], outcomes: Sequence[ChangeOutcome]
) -> list[bool | SharqError]:
    """Return for each change True, or False if there is no such queue, or why it was refused.

    The refusals are LimitsSet, UnknownLimit, NoSuchLimit, LimitInUse, SettingsChanged and
    BrokenQueue.
    """
    return [
        _change_outcome(change, outcome) for change, outcome in zip(changes, outcomes, strict=True)
    ]


def amend_outcomes(
    changes: Sequence[Cancel | Reschedule], outcomes: Sequence[AmendOutcome]
) -> list[bool | SharqError]:
    """Return for each change whether there is such a job, or LeasedJob, DeadJob or BrokenQueue."""
    return [
        _amend_outcome(change, outcome) for change, outcome in zip(changes, outcomes, strict=True)
    ]


def find_outcomes(
    jobs: Sequence[JobRef], found: Sequence[JobView | Absence]
) -> list[JobView | SharqError | None]:
    """Return for each job what is known of it, None if it is unknown, or BrokenQueue."""
    return [_find_outcome(job, view) for job, view in zip(jobs, found, strict=True)]


def _amend_outcome(change: Cancel | Reschedule, outcome: AmendOutcome) -> bool | SharqError:
    match outcome:
        case AmendOutcome.DONE:
            return True
        case AmendOutcome.UNKNOWN:
            return False
        case AmendOutcome.LEASED:
            return LeasedJob()
        case AmendOutcome.DEAD:
            return DeadJob()
        case AmendOutcome.BROKEN:
            return BrokenQueue(change.job.queue_id)
        case AmendOutcome.DUPLICATE:
            raise ValueError(f"{change} is not about a dead letter, and has no duplicate")
        case unknown:
            assert_never(unknown)


def _find_outcome(job: JobRef, found: JobView | Absence) -> JobView | SharqError | None:
    match found:
        case Absence.UNKNOWN:
            return None
        case Absence.BROKEN:
            return BrokenQueue(job.queue_id)
        case view:
            return view


def _enqueue_outcome(job: NewJob, result: EnqueueResult) -> EnqueueResult | SharqError:
    match result.outcome:
        case EnqueueOutcome.QUEUED | EnqueueOutcome.DUPLICATE:
            return result
        case EnqueueOutcome.QUEUE_FULL:
            return QueueFull(result.queue_length or 0)
        case EnqueueOutcome.NO_INTERVAL:
            return NoInterval()
        case EnqueueOutcome.UNKNOWN_LIMIT:
            uses = (job.extras and job.extras.uses) or ()
            return UnknownLimit([use.name for use in uses if use.limits is None])
        case EnqueueOutcome.BROKEN:
            return BrokenQueue(job.queue_id)
        case unknown:
            assert_never(unknown)


def _settle_outcome(item: Settlement, outcome: Settled) -> bool | Extended | SharqError:
    match outcome:
        case Extended():
            return outcome
        case LeaseOutcome.ENDED | Ended():
            return True
        case LeaseOutcome.UNKNOWN:
            return False
        case LeaseOutcome.STALE:
            return StaleLease()
        case LeaseOutcome.NOT_CHARGED:
            return NotCharged(_frozen_limit(item))
        case LeaseOutcome.BROKEN:
            return BrokenQueue(item.lease.queue_id)
        case unknown:
            assert_never(unknown)


def _frozen_limit(item: Settlement) -> str:
    if isinstance(item, Release | Fail) and item.freeze_limit is not None:
        return item.freeze_limit.name
    raise ValueError(f"{item} freezes no shared limit")


def _change_outcome(change: Setting, outcome: ChangeOutcome) -> bool | SharqError:
    match outcome:
        case ChangeOutcome.CHANGED:
            return True
        case ChangeOutcome.UNKNOWN:
            return NoSuchLimit(change.name) if isinstance(change, DropLimit) else False
        case ChangeOutcome.LIMITS_SET:
            return LimitsSet()
        case ChangeOutcome.UNKNOWN_LIMIT | ChangeOutcome.IN_USE:
            return _limit_refusal(change)
        case ChangeOutcome.MISMATCH:
            return SettingsChanged()
        case ChangeOutcome.BROKEN:
            return BrokenQueue(_queue(change))
        case unknown:
            assert_never(unknown)


def _limit_refusal(change: Setting) -> SharqError:
    """Return why a change was refused for the shared limits that it is about."""
    match change:
        case PatchQueue(patch=patch) | PatchType(defaults=patch):
            return UnknownLimit(patch.uses if isinstance(patch.uses, tuple) else ())
        case DropLimit(name=name):
            return LimitInUse(name)
        case _:
            raise ValueError(f"{change} is refused for no shared limit")


def _queue(change: Setting) -> str:
    """Return the queue that a change is about: only a queue can be broken."""
    match change:
        case SetInterval(queue_id=queue_id) | PatchQueue(queue_id=queue_id):
            return queue_id
        case _:
            raise ValueError(f"{change} is not about a queue")
