"""Looks at a store, as tests need them."""

from sharq_plug.model import QueueView
from sharq_plug.store import QueueStore


async def queue_of(store: QueueStore, queue_type: str = "sms", queue_id: str = "q") -> QueueView:
    """Return what there is in a queue."""
    view = await store.look(queue_type, queue_id)
    assert view.queue is not None
    return view.queue
