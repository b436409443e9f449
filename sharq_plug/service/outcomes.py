"""Turn the outcomes of a store into what callers get: a result or an error for each item."""

from sharq_plug.errors import BrokenQueue, QueueFull, SharqError, StaleLease
from sharq_plug.model import (
    ChangeOutcome,
    EnqueueOutcome,
    EnqueueResult,
    LeaseOutcome,
    NewJob,
    Setting,
    Settlement,
)


def enqueue_outcome(job: NewJob, result: EnqueueResult) -> EnqueueResult | SharqError:
    """Return the result, or QueueFull or BrokenQueue."""
    if result.outcome is EnqueueOutcome.QUEUED:
        return result
    if result.outcome is EnqueueOutcome.BROKEN:
        return BrokenQueue(job.queue_id)
    if result.outcome is EnqueueOutcome.QUEUE_FULL:
        return QueueFull(result.queue_length or 0)
    return result


def settle_outcome(item: Settlement, outcome: LeaseOutcome) -> bool | SharqError:
    """Return whether the lease is over, or StaleLease or BrokenQueue."""
    if outcome is LeaseOutcome.ENDED:
        return True
    if outcome is LeaseOutcome.BROKEN:
        return BrokenQueue(item.lease.queue_id)
    if outcome is LeaseOutcome.STALE:
        return StaleLease()
    return False


def change_outcome(change: Setting, outcome: ChangeOutcome) -> bool | SharqError:
    """Return whether the queue exists, or BrokenQueue."""
    if outcome is ChangeOutcome.BROKEN:
        return BrokenQueue(change.queue_id)
    return outcome is ChangeOutcome.CHANGED
