"""The words for settings: set, taken back and asked for, of a queue and of a type."""

from typing import Any

from sharq_plug.model import (
    ChangeOutcome,
    Delivery,
    Finish,
    JobRef,
    JobView,
    LeaseOutcome,
    Limit,
    PatchQueue,
    PatchType,
    QueueRules,
    Setting,
    SettingsPatch,
    TypeRules,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.vocabulary import RECEIPT_TIME, TYPE, claim, settle

CHANGED = ChangeOutcome.CHANGED


async def configure(store: QueueStore, change: Setting, *, queue_type: str = TYPE) -> ChangeOutcome:
    """Change one setting and return the outcome."""
    [outcome] = await store.configure(queue_type, [change])
    return outcome


async def patch(
    store: QueueStore,
    queue_id: str = "q",
    *,
    freeze: int | None = None,
    queue_type: str = TYPE,
    **settings: Any,
) -> None:
    """Change settings of a queue; None takes one back."""
    change = PatchQueue(queue_id, SettingsPatch(**settings), freeze)
    assert await configure(store, change, queue_type=queue_type) is CHANGED


async def patch_type(
    store: QueueStore, *, freeze: int | None = None, queue_type: str = TYPE, **settings: Any
) -> None:
    """Change settings of a type, those of its gate; None takes one back."""
    change = PatchType(SettingsPatch(**settings), freeze=freeze)
    assert await configure(store, change, queue_type=queue_type) is CHANGED


async def set_defaults(store: QueueStore, *, queue_type: str = TYPE, **defaults: Any) -> None:
    """Change the defaults of a type for its queues; None takes one back."""
    change = PatchType(defaults=SettingsPatch(**defaults))
    assert await configure(store, change, queue_type=queue_type) is CHANGED


async def set_limits(
    store: QueueStore, *limits: Limit, queue_id: str = "q", queue_type: str = TYPE
) -> None:
    """Set the limits of a queue; without any it has no limits, by its settings."""
    await patch(store, queue_id, queue_type=queue_type, limits=limits)


async def rules(store: QueueStore, queue_id: str = "q", *, queue_type: str = TYPE) -> QueueRules:
    """Return what is set for a queue, and what follows from it."""
    found = (await store.look(queue_type, queue_id)).rules
    assert isinstance(found, QueueRules)
    return found


async def type_rules(store: QueueStore, *, queue_type: str = TYPE) -> TypeRules:
    """Return what is set for a type."""
    found = (await store.look(queue_type)).rules
    assert isinstance(found, TypeRules)
    return found


async def finish_with(store: QueueStore, job: Delivery, /, **actual: int) -> None:
    """Finish a job, and say what it took."""
    item = Finish(claim(job), RECEIPT_TIME, actual)
    assert await settle(store, item) is LeaseOutcome.ENDED


async def view_of(
    store: QueueStore, job_id: str, queue_id: str = "q", *, queue_type: str = TYPE
) -> JobView:
    """Return what is known of a job, which is there."""
    [view] = await store.find(queue_type, [JobRef(queue_id, job_id)])
    assert isinstance(view, JobView)
    return view
