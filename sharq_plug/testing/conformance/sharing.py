"""The words for shared limits: made, changed, used, closed and asked for."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from msgspec import UNSET, UnsetType

from sharq_plug.model import (
    ChangeOutcome,
    DropLimit,
    FreezeLimit,
    Hold,
    HoldKind,
    Limit,
    LimitView,
    PatchLimit,
    Remaining,
    SettingsPatch,
    SharedLimits,
    Use,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.closed_gates import (
    ALWAYS_OPEN,
    closing,
    every_gate_hold,
    every_timed_gate_hold,
    opening,
)
from sharq_plug.testing.conformance.held_queues import begin
from sharq_plug.testing.conformance.operating import HOUR
from sharq_plug.testing.conformance.setting import CHANGED, configure, patch
from sharq_plug.testing.conformance.vocabulary import TYPE, enqueue

IN_USE = ChangeOutcome.IN_USE
UNKNOWN_LIMIT = ChangeOutcome.UNKNOWN_LIMIT

every_limit_hold = every_gate_hold
"""Each hold that a shared limit may have: those of a gate."""
every_timed_limit_hold = every_timed_gate_hold
both_benches = pytest.mark.parametrize("closed", ["x", "y"])


async def patch_limit(
    store: QueueStore,
    name: str = "x",
    *,
    freeze: int | None = None,
    remaining: Remaining | UnsetType | None = UNSET,
    queue_type: str = TYPE,
    **settings: Any,
) -> None:
    """Change a shared limit, which is created if it is missing; None takes a setting back."""
    change = PatchLimit(name, SettingsPatch(**settings), freeze, remaining)
    assert await configure(store, change, queue_type=queue_type) is CHANGED


async def share(store: QueueStore, *limits: Limit, name: str = "x") -> None:
    """Set the limits of a shared limit, which is created if it is missing."""
    await patch_limit(store, name, limits=limits)


async def make(store: QueueStore, names: Iterable[str] = "xyz") -> None:
    """Create shared limits, each with a limit that counts and never closes."""
    for name in names:
        await share(store, Limit(1, 10**6, 1000), name=name)


async def drop(store: QueueStore, name: str = "x") -> ChangeOutcome:
    """Drop a shared limit and return the outcome."""
    return await configure(store, DropLimit(name))


async def find_limit(store: QueueStore, name: str = "x", *, queue_type: str = TYPE) -> LimitView:
    """Return what there is of a shared limit, which is there."""
    [view] = await items_of(store, queue_type, SharedLimits(name))
    assert isinstance(view, LimitView)
    assert view.name == name
    return view


def open_and_unused(now: int, **fields: Any) -> LimitView:
    """Return what there is of "x", which is open, if nothing uses it."""
    return LimitView("x", now=now, opens_at=now, **fields)


async def limit_names(store: QueueStore, *, queue_type: str = TYPE) -> list[str]:
    """Return the names of the shared limits of a type, as they are listed."""
    return [view.name for view in await items_of(store, queue_type, SharedLimits())]


async def owed(store: QueueStore, *names: str) -> list[Sequence[int]]:
    """Return what is owed to each limit of these shared limits."""
    return [(await find_limit(store, name)).owed for name in names]


def bring(*names: str, limits: tuple[Limit, ...] | None = None) -> tuple[Use, ...]:
    """Return what an enqueue brings that uses these, and creates them if it has limits."""
    return tuple(Use(name, limits) for name in names)


async def stock(
    store: QueueStore, queue_ids: Iterable[str], *names: str, jobs: int = 9, **fields: Any
) -> None:
    """Have queues use these shared limits, by their settings, and give them jobs "j0", "j1"..."""
    for queue_id in queue_ids:
        if names:
            await patch(store, queue_id, uses=names)
        await enqueue(store, queue_id, *(f"j{n}" for n in range(jobs)), **fields)


async def begin_limit(store: QueueStore) -> None:
    """Let queue "q" use "x"; give it a lease of a day, and a job "j" that waits."""
    await share(store, ALWAYS_OPEN)
    await patch(store, "q", uses=("x",))
    await begin(store, "q")


async def close_limit(
    store: QueueStore, kind: HoldKind, name: str = "x", *, duration: int = HOUR
) -> None:
    """Close a shared limit that has begun; if timed, for `duration` since its dequeue."""
    await patch_limit(store, name, **closing(kind, duration))


async def open_limit(store: QueueStore, kind: HoldKind, name: str = "x") -> None:
    """Open a shared limit that one hold closes."""
    await patch_limit(store, name, **opening(kind))


def closed_until(until: int | None, name: str = "x") -> Hold:
    """Return the hold of a closed shared limit, as a queue that uses it shows it."""
    return Hold(HoldKind.SHARED_LIMIT, until, name=name)


def freezing(duration: int, name: str = "x") -> dict[str, Any]:
    """Return the fields of a Release or a Fail that freeze a shared limit."""
    return {"freeze_limit": FreezeLimit(name, duration)}


async def tell(
    store: QueueStore, clock: ManualClock, count: int, span: int, *, unit: str = "job"
) -> int:
    """Say that so many of a unit are left to "x" for `span` ms; return when this ends."""
    until = clock.now() + span
    await patch_limit(store, remaining=Remaining(count, until, unit))
    return until


async def left(store: QueueStore) -> dict[str, tuple[int, int]]:
    """Return what is shown to be left of each unit, and until when."""
    counts = (await find_limit(store)).remaining
    return {count.unit: (count.count, count.until) for count in counts}
