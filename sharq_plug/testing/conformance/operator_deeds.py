"""What operators do with a type, and what its totals count of it."""

from typing import Final

import pytest

from sharq_plug.model import (
    Cancel,
    Delivery,
    JobRef,
    JobState,
    Reschedule,
    Retention,
    Totals,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel
from sharq_plug.testing.conformance.deeds import WORKERS, Deed
from sharq_plug.testing.conformance.operating import (
    clear_states,
    discard,
    discard_range,
    redrive,
    redrive_range,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    enqueue,
)


async def cancels(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Cancel one that waits, one that is delayed, one that is due and one that is leased."""
    for queue_id, job_id in (("q", "waiting"), ("q", "delayed"), ("p", "due"), ("q", "leased")):
        await cancel(store, queue_id, job_id, leased=True)


async def a_cancelled_letter(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Cancel a dead letter."""
    await cancel(store, "q", "dead")


async def cancels_of_nothing(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Cancel what is leased or is not there."""
    await store.amend(TYPE, [Cancel(JobRef("q", job_id)) for job_id in ("leased", "no")])


async def reschedules(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Reschedule jobs: to wait, to be delayed, and to another priority."""
    changes = [
        Reschedule(JobRef("q", "delayed"), delay=0),
        Reschedule(JobRef("q", "waiting"), delay=100),
        Reschedule(JobRef("p", "due"), delay=100),
        Reschedule(JobRef("q", "w2"), priority=3),
        Reschedule(JobRef("q", "leased"), priority=3),
    ]
    await store.amend(TYPE, changes)


async def an_interval(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Change an interval."""
    assert await change_interval(store, TYPE, "q", 1000)


async def a_redrive(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Redrive a letter by its number."""
    await redrive(store, 1)


async def a_redriven_range(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Redrive all letters."""
    await redrive_range(store)


async def a_redrive_of_an_id_that_lives(
    store: QueueStore, _clock: ManualClock, _job: Delivery
) -> None:
    """Redrive letters whose ids live."""
    await enqueue(store, "q", "dead")
    assert (await redrive_range(store)).duplicates == 1


async def a_discard(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Discard a letter by its number."""
    await discard(store, 1)


async def a_discarded_range(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Discard all letters."""
    await discard_range(store)


async def a_retention(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Keep no letters."""
    await tend_all(store, retention=Retention(max_count=0))


async def a_clearing(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Clear a queue."""
    await clear(store, "q")


async def a_clearing_of_another_queue(
    store: QueueStore, _clock: ManualClock, _job: Delivery
) -> None:
    """Clear the queue that has a due job."""
    await clear(store, "p")


async def a_purge(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Purge a queue."""
    await clear(store, "q", purge=True)


async def a_clearing_of_some(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Clear what waits and what is leased, in all queues."""
    await clear_states(store, None, JobState.WAITING, JobState.LEASED, limit=1)


async def a_clearing_of_letters(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Clear what is delayed or dead, in all queues."""
    await clear_states(store, None, JobState.DELAYED, JobState.DEAD)


async def a_clearing_of_all(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Clear the whole type."""
    await clear_states(store, None, *JobState, limit=2)


OPERATORS: Final[dict[Deed, Totals]] = {
    cancels: Totals(removed=4),
    a_cancelled_letter: Totals(discarded=1),
    cancels_of_nothing: Totals(),
    reschedules: Totals(),
    an_interval: Totals(),
    a_redrive: Totals(redriven=1),
    a_redriven_range: Totals(redriven=1),
    a_redrive_of_an_id_that_lives: Totals(enqueued=1),
    a_discard: Totals(discarded=1),
    a_discarded_range: Totals(discarded=1),
    a_retention: Totals(aged_out=1),
    a_clearing: Totals(removed=4),
    a_clearing_of_another_queue: Totals(removed=3),
    a_purge: Totals(removed=4, discarded=1),
    a_clearing_of_some: Totals(removed=6),
    a_clearing_of_letters: Totals(removed=1, discarded=1),
    a_clearing_of_all: Totals(removed=7, discarded=1),
}
"""What is done to a type that was begun, and what that adds to its totals."""

DEEDS: Final = WORKERS | OPERATORS
every_deed = pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
