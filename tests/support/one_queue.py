"""Calls of a store on one queue."""

from sharq_plug.model import ALL_STATES, Clear, Cleared, QueueView
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import clear_all, cleared_in_all


async def clear_queue(
    store: QueueStore, queue_type: str, queue_id: str, *, purge: bool = False
) -> Cleared:
    """Remove the living jobs of a queue, with `purge` also its dead letters and its counts."""
    what = Clear(queue_id, ALL_STATES, counts=True) if purge else Clear(queue_id)
    return cleared_in_all(await clear_all(store, queue_type, what))


async def look_at_queue(
    store: QueueStore, queue_type: str = "sms", queue_id: str = "q"
) -> QueueView:
    """Return what there is in a queue."""
    view = await store.look(queue_type, queue_id)
    assert view.queue is not None
    return view.queue
