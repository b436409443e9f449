"""Gates that are closed, each by one hold, for what is said of all holds of a gate at once."""

from typing import Any, Final

import pytest

from sharq_plug.model import Hold, HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.held_queues import OWN, begin
from sharq_plug.testing.conformance.operating import HOUR
from sharq_plug.testing.conformance.setting import patch_type

ALWAYS_OPEN: Final = Limit(1, 1, 2)
"""A limit that the only delivery of a ms does not close."""

every_gate_hold = pytest.mark.parametrize(
    "kind", [kind for kind in OWN if kind is not HoldKind.DELAY], ids=lambda kind: kind.value
)
every_timed_gate_hold = pytest.mark.parametrize(
    "kind", [HoldKind.LIMIT, HoldKind.FROZEN], ids=lambda kind: kind.value
)


async def begin_type(store: QueueStore) -> None:
    """Give queue "q" a lease of a day and a job "j" that waits; one unit was paid to the gate."""
    await patch_type(store, limits=(ALWAYS_OPEN,))
    await begin(store, "q")


def closing(kind: HoldKind, duration: int = HOUR) -> dict[str, Any]:
    """Return a change that closes a gate; if timed, for `duration` since its dequeue."""
    match kind:
        case HoldKind.LIMIT:
            return {"limits": (Limit(1, duration),)}
        case HoldKind.FROZEN:
            return {"freeze": duration}
        case HoldKind.CONCURRENCY:
            return {"concurrency": 1}
        case _:
            return {"paused": True}


def opening(kind: HoldKind) -> dict[str, Any]:
    """Return a change that opens a gate that one hold closes."""
    match kind:
        case HoldKind.LIMIT:
            return {"limits": ()}
        case HoldKind.FROZEN:
            return {"freeze": 0}
        case HoldKind.CONCURRENCY:
            return {"concurrency": 2}
        case _:
            return {"paused": False}


async def close_gate(store: QueueStore, kind: HoldKind, *, duration: int = HOUR) -> None:
    """Close the gate of a type that has begun; if timed, for `duration` since its dequeue."""
    await patch_type(store, **closing(kind, duration))


async def open_gate(store: QueueStore, kind: HoldKind) -> None:
    """Open a gate that one hold closes."""
    await patch_type(store, **opening(kind))


def shown_of_type(kind: HoldKind, until: int) -> Hold:
    """Return a hold of a gate as it is shown; `until` counts only for timed ones."""
    is_timed = kind in (HoldKind.LIMIT, HoldKind.FROZEN)
    unit = "job" if kind is HoldKind.LIMIT else None
    return Hold(kind, until if is_timed else None, unit, of_type=True)
