"""Calls of a store for one item, or of one kind: what tests and measurements are written in."""

from collections.abc import Sequence
from dataclasses import dataclass

from sharq_plug.model import (
    ChangeOutcome,
    Dequeued,
    Finish,
    LeaseRef,
    MinuteCounts,
    Release,
    SetInterval,
    Settled,
    Take,
    Tended,
)
from sharq_plug.store import QueueStore

MAX_STEPS = 10_000
"""Tending, or a listing, that takes more steps than this does not end."""


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """How many leases of a type were ended: those that wait again, and those that are dead."""

    requeued: int
    dead: int
    more: bool


async def dequeue_for_one(
    store: QueueStore,
    queue_type: str,
    *,
    count: int,
    lease_time: int,
    attempt_id: str | None = None,
) -> Dequeued:
    """Dequeue for one caller."""
    [dequeued] = await store.dequeue(queue_type, [Take(count, lease_time, attempt_id)])
    return dequeued


async def finish_all(
    store: QueueStore, queue_type: str, leases: Sequence[LeaseRef], *, receipt_time: int
) -> list[Settled]:
    """Finish leases in one call."""
    return await store.settle(queue_type, [Finish(lease, receipt_time) for lease in leases])


async def release_all(
    store: QueueStore, queue_type: str, leases: Sequence[LeaseRef]
) -> list[Settled]:
    """Release leases in one call."""
    return await store.settle(queue_type, [Release(lease) for lease in leases])


async def change_interval(store: QueueStore, queue_type: str, queue_id: str, interval: int) -> bool:
    """Change the interval of one queue; return whether it exists."""
    [outcome] = await store.configure(queue_type, [SetInterval(queue_id, interval)])
    return outcome is ChangeOutcome.CHANGED


async def counts_of(store: QueueStore, queue_type: str | None = None) -> MinuteCounts:
    """Return the minute counts of a type, or of everything."""
    return (await store.look(queue_type)).counts


async def tend_type(store: QueueStore, queue_type: str, *, limit: int) -> Reclaimed:
    """Tend once, and return what became of the leases of one type."""
    return reclaimed(await store.tend(limit=limit), queue_type)


def reclaimed(tended: Tended, queue_type: str) -> Reclaimed:
    """Return what became of the leases of one type."""
    ended = [lease.is_dead for lease in tended.ended if lease.queue_type == queue_type]
    return Reclaimed(ended.count(False), ended.count(True), tended.more)


async def tend_all(
    store: QueueStore, *, limit: int = 1000, max_steps: int = MAX_STEPS
) -> list[Tended]:
    """Tend until there is no more to do."""
    steps = []
    for _ in range(max_steps):
        steps.append(await store.tend(limit=limit))
        if not steps[-1].more:
            return steps
    raise AssertionError("tending does not end")


async def list_all(
    store: QueueStore, queue_type: str | None, *, limit: int, max_steps: int = MAX_STEPS
) -> set[str]:
    """Follow the listing of a type's queues, or (None) of the types, to its end."""
    found: set[str] = set()
    cursor: str | None = None
    for _ in range(max_steps):
        page = await store.page(queue_type, cursor=cursor, limit=limit)
        found.update(page.names)
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError(f"a listing does not end: {found}")
