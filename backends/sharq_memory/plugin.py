"""The memory backend's plugin."""

import msgspec

from sharq_memory.store import MemoryStore
from sharq_plug.clock import Clock
from sharq_plug.hookspecs import Backend, hookimpl


class MemoryOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The memory backend has nothing to configure."""


def open_memory_store(_options: MemoryOptions, clock: Clock | None) -> MemoryStore:
    """Return an empty store."""
    return MemoryStore(clock)


@hookimpl
def sharq_backend() -> Backend:
    """Offer the memory backend."""
    return Backend(options=MemoryOptions, open=open_memory_store, shared=False)
