"""Queues that are held, each by one hold, for what is said of all holds at once."""

from typing import Final

import pytest

from sharq_plug.model import Hold, HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.amending import reschedule_job
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import DAY, HOUR
from sharq_plug.testing.conformance.setting import patch, set_limits
from sharq_plug.testing.conformance.vocabulary import enqueue

TIMED: Final = (HoldKind.LIMIT, HoldKind.DELAY, HoldKind.FROZEN)
"""Holds that end at an instant."""

OWN: Final = tuple(kind for kind in HoldKind if kind is not HoldKind.SHARED_LIMIT)
"""Holds of a queue itself, in their order."""

every_hold = pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.value)
every_timed_hold = pytest.mark.parametrize("kind", TIMED, ids=lambda kind: kind.value)
every_event = pytest.mark.parametrize(
    "event", [HoldKind.CONCURRENCY, HoldKind.PAUSED], ids=lambda kind: kind.value
)
"""Holds that only an event ends."""


async def begin(store: QueueStore, *queue_ids: str) -> None:
    """Give each queue a lease of a day and a job "j" that waits; each was dequeued just now."""
    for queue_id in queue_ids:
        await enqueue(store, queue_id, "leased", "j")
        assert len((await take_from(store, queue_id, count=1, lease_time=DAY)).jobs) == 1


async def hold(
    store: QueueStore, kind: HoldKind, queue_id: str = "q", *, duration: int = HOUR
) -> None:
    """Hold a queue that has begun, for `duration` (since its dequeue) if the hold is timed."""
    match kind:
        case HoldKind.LIMIT:
            await set_limits(store, Limit(1, duration), queue_id=queue_id)
        case HoldKind.DELAY:
            await reschedule_job(store, queue_id, "j", delay=duration)
        case HoldKind.FROZEN:
            await patch(store, queue_id, freeze=duration)
        case HoldKind.CONCURRENCY:
            await patch(store, queue_id, concurrency=1)
        case HoldKind.PAUSED:
            await patch(store, queue_id, paused=True)


async def free(store: QueueStore, kind: HoldKind, queue_id: str = "q") -> None:
    """End the hold of a queue by a verb."""
    match kind:
        case HoldKind.LIMIT:
            await set_limits(store, queue_id=queue_id)
        case HoldKind.DELAY:
            await reschedule_job(store, queue_id, "j", delay=0)
        case HoldKind.FROZEN:
            await patch(store, queue_id, freeze=0)
        case HoldKind.CONCURRENCY:
            await patch(store, queue_id, concurrency=2)
        case HoldKind.PAUSED:
            await patch(store, queue_id, paused=False)


def shown(kind: HoldKind, until: int) -> Hold:
    """Return a hold of a queue as it is shown; `until` counts only for timed ones."""
    unit = "job" if kind is HoldKind.LIMIT else None
    return Hold(kind, until if kind in TIMED else None, unit)
