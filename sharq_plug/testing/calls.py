"""Calls of a store for one item, or of one kind: what tests and measurements are written in."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sharq_plug.model import (
    ChangeOutcome,
    Clear,
    Cleared,
    Dequeued,
    Ended,
    Finish,
    LeaseOutcome,
    LeaseRef,
    Listing,
    MinuteCounts,
    Names,
    Page,
    Release,
    Retention,
    SetInterval,
    Settled,
    Take,
    Tended,
)
from sharq_plug.store import DEFAULT_RETENTION, QueueStore

T = TypeVar("T")

MAX_STEPS = 10_000
"""Tending, clearing, or a listing, that takes more steps than this does not end."""


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
    """Finish leases in one call; return the outcomes."""
    settled = await store.settle(queue_type, [Finish(lease, receipt_time) for lease in leases])
    return [outcome_of(one) for one in settled]


async def release_all(
    store: QueueStore, queue_type: str, leases: Sequence[LeaseRef]
) -> list[Settled]:
    """Release leases in one call; return the outcomes."""
    settled = await store.settle(queue_type, [Release(lease) for lease in leases])
    return [outcome_of(one) for one in settled]


def outcome_of(settled: T) -> T | LeaseOutcome:
    """Return what a store answered, ENDED for a lease that it ended, however long it was held."""
    return LeaseOutcome.ENDED if isinstance(settled, Ended) else settled


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
    store: QueueStore,
    *,
    limit: int = 1000,
    retention: Retention = DEFAULT_RETENTION,
    max_steps: int = MAX_STEPS,
) -> list[Tended]:
    """Tend until there is no more to do."""
    steps = []
    for _ in range(max_steps):
        steps.append(await store.tend(limit=limit, retention=retention))
        if not steps[-1].more:
            return steps
    raise AssertionError("tending does not end")


async def clear_steps(
    store: QueueStore, queue_type: str, what: Clear, *, limit: int
) -> AsyncIterator[Cleared]:
    """Clear until there is no more to remove; yield what each step removed."""
    cursor: str | None = None
    for _ in range(MAX_STEPS):
        cleared = await store.clear(queue_type, what, cursor=cursor, limit=limit)
        yield cleared
        cursor = cleared.cursor
        if cursor is None:
            return
    raise AssertionError("a clearing does not end")


async def clear_all(
    store: QueueStore, queue_type: str, what: Clear, *, limit: int = 1000
) -> list[Cleared]:
    """Clear until there is no more to remove; return what each step removed."""
    return [step async for step in clear_steps(store, queue_type, what, limit=limit)]


def cleared_in_all(steps: Sequence[Cleared]) -> Cleared:
    """Return what the steps of a clearing removed together."""
    return Cleared(
        waiting=sum(step.waiting for step in steps),
        leased=sum(step.leased for step in steps),
        dead=sum(step.dead for step in steps),
        delayed=sum(step.delayed for step in steps),
    )


async def pages_of(
    store: QueueStore,
    queue_type: str | None,
    listing: Listing,
    *,
    cursor: str | None = None,
    limit: int,
    max_steps: int = MAX_STEPS,
) -> AsyncIterator[Page]:
    """Follow a listing, from its beginning or a cursor on, to its end; yield its pages."""
    for _ in range(max_steps):
        page = await store.page(queue_type, listing, cursor=cursor, limit=limit)
        yield page
        cursor = page.cursor
        if cursor is None:
            return
    raise AssertionError(f"a listing does not end: {listing}")


async def items_of(
    store: QueueStore, queue_type: str | None, listing: Listing, *, limit: int = 100
) -> list[Any]:
    """Follow a listing to its end; return its items."""
    pages = pages_of(store, queue_type, listing, limit=limit)
    return [item async for page in pages for item in page.items]


async def list_all(store: QueueStore, queue_type: str | None, *, limit: int) -> set[str]:
    """Follow the listing of a type's queues, or (None) of the types, to its end."""
    return set(await items_of(store, queue_type, Names(), limit=limit))
