"""The words for what an operator asks and does: dead letters, clearings, totals and listings."""

from collections.abc import Sequence
from typing import Any

from sharq_plug.model import (
    Amendment,
    AmendOutcome,
    Clear,
    Cleared,
    Discard,
    JobEntry,
    JobRef,
    Jobs,
    JobState,
    LetterRange,
    LetterRef,
    Letters,
    LettersMoved,
    LetterView,
    Listing,
    Page,
    Queues,
    QueueView,
    Redrive,
    Totals,
    Types,
    TypeView,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import clear_all, cleared_in_all, items_of, pages_of
from sharq_plug.testing.conformance.vocabulary import TYPE, enqueue, fail_job, take_batch

DONE, UNKNOWN = AmendOutcome.DONE, AmendOutcome.UNKNOWN
HOUR = 3_600_000
DAY = 24 * HOUR


async def let_each_die(
    store: QueueStore,
    queue_id: str,
    *job_ids: str,
    queue_type: str = TYPE,
    error: str | None = None,
    **fields: Any,
) -> None:
    """Enqueue jobs, all with the same fields, and make a dead letter of each, in this order.

    No other job of the type may be ready, and a queue with an interval gets one job at a time.
    """
    await enqueue(store, queue_id, *job_ids, queue_type=queue_type, **fields)
    jobs = await take_batch(store, len(job_ids), queue_type=queue_type)
    assert [(job.queue_id, job.job_id) for job in jobs] == [(queue_id, job) for job in job_ids]
    for job in jobs:
        await fail_job(store, job, queue_type=queue_type, error=error, dead=True)


async def amend(store: QueueStore, change: Amendment, *, queue_type: str = TYPE) -> AmendOutcome:
    """Change one thing and return the outcome."""
    [outcome] = await store.amend(queue_type, [change])
    return outcome


async def redrive(store: QueueStore, *numbers: int, queue_type: str = TYPE) -> None:
    """Redrive dead letters, which are there, by their numbers."""
    changes = [Redrive(LetterRef(number)) for number in numbers]
    assert await store.amend(queue_type, changes) == [DONE] * len(numbers)


async def redrive_job(store: QueueStore, queue_id: str, job_id: str) -> None:
    """Redrive the newest dead letter of a job."""
    assert await amend(store, Redrive(JobRef(queue_id, job_id))) is DONE


async def discard(store: QueueStore, *numbers: int, queue_type: str = TYPE) -> None:
    """Discard dead letters, which are there, by their numbers."""
    changes = [Discard(LetterRef(number)) for number in numbers]
    assert await store.amend(queue_type, changes) == [DONE] * len(numbers)


async def redrive_range(
    store: QueueStore, queue_id: str | None = None, *, after: int = 0, limit: int = 1000
) -> LettersMoved:
    """Redrive a range of dead letters in one step."""
    return await store.redrive(TYPE, LetterRange(queue_id, after), limit=limit)


async def discard_range(
    store: QueueStore, queue_id: str | None = None, *, after: int = 0, limit: int = 1000
) -> LettersMoved:
    """Discard a range of dead letters in one step."""
    return await store.discard(TYPE, LetterRange(queue_id, after), limit=limit)


async def letters(
    store: QueueStore, queue_id: str | None = None, *, queue_type: str = TYPE
) -> list[LetterView]:
    """Return the dead letters of a type or of a queue, the newest first."""
    return await items_of(store, queue_type, Letters(queue_id))


async def numbers(
    store: QueueStore, queue_id: str | None = None, *, queue_type: str = TYPE
) -> list[int]:
    """Return the numbers of the dead letters of a type or of a queue, the oldest first."""
    found = await letters(store, queue_id, queue_type=queue_type)
    return [letter.number for letter in reversed(found)]


async def jobs_in(
    store: QueueStore,
    queue_id: str,
    state: JobState,
    *,
    with_payloads: bool = False,
    limit: int = 100,
) -> list[JobEntry]:
    """List the jobs of a queue that are in one state."""
    return await items_of(store, TYPE, Jobs(queue_id, state, with_payloads), limit=limit)


async def ids_in(
    store: QueueStore, queue_id: str, state: JobState, *, limit: int = 100
) -> list[str]:
    """Return the ids of the jobs of a queue that are in one state, as they are listed."""
    return [entry.job_id for entry in await jobs_in(store, queue_id, state, limit=limit)]


async def pages(
    store: QueueStore, queue_type: str | None, listing: Listing, *, limit: int
) -> list[Page]:
    """Follow a listing to its end; return its pages."""
    return [page async for page in pages_of(store, queue_type, listing, limit=limit)]


async def types(store: QueueStore) -> dict[str, TypeView]:
    """List the types."""
    views: Sequence[TypeView] = await items_of(store, None, Types())
    return {view.queue_type: view for view in views}


async def queues(
    store: QueueStore, prefix: str = "", *, queue_type: str = TYPE, limit: int = 100
) -> dict[str, QueueView]:
    """List the queues of a type."""
    views: Sequence[QueueView] = await items_of(store, queue_type, Queues(prefix), limit=limit)
    return {view.queue_id: view for view in views}


async def look_at_type(store: QueueStore, queue_type: str = TYPE) -> TypeView:
    """Return what there is in a type."""
    view = (await store.look(queue_type)).type
    assert view is not None
    assert view.queue_type == queue_type
    return view


async def type_by_state(store: QueueStore, queue_type: str = TYPE) -> tuple[int, int, int, int]:
    """Return how many jobs of a type wait, are delayed, are leased, are dead."""
    view = await look_at_type(store, queue_type)
    return view.waiting, view.delayed, view.leased, view.dead


async def totals(store: QueueStore, queue_type: str = TYPE) -> Totals:
    """Return the totals of a type."""
    counted = (await store.look(queue_type)).totals
    assert counted is not None
    return counted


async def clear_states(
    store: QueueStore,
    queue_id: str | None,
    *states: JobState,
    counts: bool = False,
    limit: int = 1000,
    queue_type: str = TYPE,
) -> Cleared:
    """Clear the jobs in these states, of a queue or (None) of a type; return the sums."""
    what = Clear(queue_id, frozenset(states), counts)
    return cleared_in_all(await clear_all(store, queue_type, what, limit=limit))
