"""The type and a shared limit, in the same words, for what is said of both at once."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from sharq_plug.model import Hold, HoldKind, Limit, LimitRules, TypeRules
from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.closed_gates import (
    ALWAYS_OPEN,
    closing,
    opening,
    shown_of_type,
)
from sharq_plug.testing.conformance.held_queues import TIMED, begin, shown
from sharq_plug.testing.conformance.operating import HOUR, look_at_type
from sharq_plug.testing.conformance.setting import patch, patch_type, type_rules
from sharq_plug.testing.conformance.sharing import closed_until, find_limit, patch_limit
from sharq_plug.testing.conformance.vocabulary import enqueue


class Limiter(ABC):
    """What limits all queues that use it together."""

    @abstractmethod
    async def patch(self, store: QueueStore, *, freeze: int | None = None, **settings: Any) -> None:
        """Change its settings, and create it if it can be missing; None takes a setting back."""

    @abstractmethod
    async def use(self, store: QueueStore, queue_ids: Iterable[str]) -> None:
        """Have queues use it; it must be there."""

    @abstractmethod
    async def leased(self, store: QueueStore) -> int:
        """Return how many leases count to it."""

    @abstractmethod
    async def rules(self, store: QueueStore) -> TypeRules | LimitRules:
        """Return what is set for it, and what follows from it."""

    @abstractmethod
    def own_hold(self, kind: HoldKind, until: int) -> Hold:
        """Return a hold as it shows it itself; `until` counts only for timed ones."""

    @abstractmethod
    def hold_of_queue(self, kind: HoldKind, until: int) -> Hold:
        """Return the hold that a queue which uses it shows while this one closes it."""

    async def held_by(self, store: QueueStore) -> tuple[Hold, ...]:
        """Return the holds that it shows of itself."""
        return (await self.rules(store)).held_by

    async def limit(self, store: QueueStore, *limits: Limit) -> None:
        """Set its limits."""
        await self.patch(store, limits=limits)

    async def begin(self, store: QueueStore) -> None:
        """Let queue "q" use it; give it a lease of a day, and a job "j" that waits."""
        await self.limit(store, ALWAYS_OPEN)
        await self.use(store, "q")
        await begin(store, "q")

    async def close(self, store: QueueStore, kind: HoldKind, *, duration: int = HOUR) -> None:
        """Close it after it has begun; if timed, for `duration` since its dequeue."""
        await self.patch(store, **closing(kind, duration))

    async def open(self, store: QueueStore, kind: HoldKind) -> None:
        """Open it if one hold closes it."""
        await self.patch(store, **opening(kind))

    async def stock(
        self, store: QueueStore, queue_ids: Iterable[str], *, jobs: int = 9, **fields: Any
    ) -> None:
        """Have queues use it, and give them jobs "j0", "j1"..., all with the same fields."""
        for queue_id in queue_ids:
            await self.use(store, [queue_id])
            await enqueue(store, queue_id, *(f"j{n}" for n in range(jobs)), **fields)


@dataclass(frozen=True)
class TypeLimiter(Limiter):
    """The gate of the type, which all queues use."""

    async def patch(self, store: QueueStore, *, freeze: int | None = None, **settings: Any) -> None:
        """Change settings of the type."""
        await patch_type(store, freeze=freeze, **settings)

    async def use(self, store: QueueStore, queue_ids: Iterable[str]) -> None:
        """Do nothing: they use it anyway."""

    async def leased(self, store: QueueStore) -> int:
        """Return how many leases the type has."""
        return (await look_at_type(store)).leased

    async def rules(self, store: QueueStore) -> TypeRules:
        """Return what is set for the type."""
        return await type_rules(store)

    def own_hold(self, kind: HoldKind, until: int) -> Hold:
        """Return a hold of the type."""
        return shown_of_type(kind, until)

    def hold_of_queue(self, kind: HoldKind, until: int) -> Hold:
        """Return the same hold: its queues show what it shows."""
        return shown_of_type(kind, until)


@dataclass(frozen=True)
class SharedLimiter(Limiter):
    """The shared limit "x"."""

    async def patch(self, store: QueueStore, *, freeze: int | None = None, **settings: Any) -> None:
        """Change settings of the shared limit."""
        await patch_limit(store, freeze=freeze, **settings)

    async def use(self, store: QueueStore, queue_ids: Iterable[str]) -> None:
        """Have the settings of queues name it."""
        for queue_id in queue_ids:
            await patch(store, queue_id, uses=("x",))

    async def leased(self, store: QueueStore) -> int:
        """Return how many leases were charged to it."""
        return (await find_limit(store)).leased

    async def rules(self, store: QueueStore) -> LimitRules:
        """Return what is set for the shared limit."""
        return (await find_limit(store)).rules

    def own_hold(self, kind: HoldKind, until: int) -> Hold:
        """Return a hold as it stands with the shared limit."""
        return shown(kind, until)

    def hold_of_queue(self, kind: HoldKind, until: int) -> Hold:
        """Return the one hold by which a queue shows that it is closed."""
        return closed_until(until if kind in TIMED else None)


every_limiter = pytest.mark.parametrize(
    "limiter", [TypeLimiter(), SharedLimiter()], ids=["type", "shared limit"]
)
