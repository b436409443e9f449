"""Keep the slot map of a cluster: read it, and read it again when it may be out of date."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any

from sharq_plug.errors import StoreUnavailable
from sharq_redis.refusals import unreached
from sharq_redis.routing.slot_map import SlotMap
from sharq_redis.target import Endpoint

EVERY = 10.0
"""Seconds after which the map is read again without a reason."""
LOOK_EVERY = 0.5
"""Seconds between two checks whether a server is silent."""
LEAST_PAUSE = 0.2
"""Seconds between two readings, at least."""
ASK_WITHIN = 1.0
"""Seconds that a server has to return its map. Then the next one is asked."""
NO_SLOTS = "it has no slots: it has not joined a cluster yet, or has left it"

logger = logging.getLogger(__name__)

Ask = Callable[[Endpoint], Awaitable[Any]]
"""Sends CLUSTER SLOTS to a server. Raises StoreUnavailable."""


class MapKeeper:
    """The slot map, from the first known server that returns it.

    The map is read again and again while a server that has slots is in trouble, or while
    `is_silent` says that calls wait for one: a replica may take its place. `listeners` are called
    when the map has been read or a slot has moved.
    """

    def __init__(
        self, seeds: Sequence[Endpoint], ask: Ask, *, is_silent: Callable[[], bool]
    ) -> None:
        self._seeds = tuple(seeds)
        self._ask = ask
        self._is_silent = is_silent
        self._read_at = 0.0
        self._map: SlotMap | None = None
        self._told: Sequence[Endpoint] = ()
        self._troubled: set[Endpoint] = set()
        self._doubted: set[Endpoint] = set()
        self._latest = self._seeds[0]
        self._reading: asyncio.Task[SlotMap] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._closed = False
        self.listeners: list[Callable[[], None]] = []

    async def map(self) -> SlotMap:
        """Return the map; the first call reads it. Raises StoreUnavailable."""
        return self._map or await self.read()

    @property
    def present(self) -> SlotMap | None:
        """The map, if it has been read."""
        return self._map

    async def read(self) -> SlotMap:
        """Read the map; concurrent calls share one reading. Raises StoreUnavailable."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="slots", context=Context())
            self._reading.add_done_callback(self._has_read)
        reading = self._reading
        await asyncio.wait({reading})
        if reading.cancelled():
            raise unreached(str(self._latest), "the store is closed")
        return reading.result()

    def want(self) -> None:
        """Ask for the map to be read soon."""
        self._wanted.set()
        self._start_to_keep()

    def _start_to_keep(self) -> None:
        if self._keeping is None and not self._closed:
            self._keeping = asyncio.create_task(self._keep(), name="slot map", context=Context())

    def moved(self, slot: int, owner: Endpoint) -> None:
        """Note the new owner of a slot, and ask for the map to be read soon."""
        if self._map is not None and self._map.owners[slot] != owner:
            self._show(self._map.with_owner(slot, owner))
        self.want()

    def doubt(self, server: Endpoint | None) -> None:
        """Have others tell the map: a server is not in step; None: whose map lacks a slot."""
        self._doubted.add(server or self._latest)
        self.want()

    def distrust(self, server: Endpoint) -> None:
        """Note that a server is in trouble."""
        self._troubled.add(server)
        self.want()

    def trust(self, server: Endpoint) -> None:
        """Note that a server is no longer in trouble."""
        self._troubled.discard(server)

    async def close(self) -> None:
        """Stop reading."""
        self._closed = True
        tasks = [task for task in (self._reading, self._keeping) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep(self) -> None:
        time = asyncio.get_running_loop().time
        while not self._closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wanted.wait()
            is_due = time() >= self._read_at + EVERY
            if not (is_due or self._wanted.is_set() or self._is_silent()):
                continue
            self._wanted.clear()
            with contextlib.suppress(StoreUnavailable):
                found = await self.read()
                self._troubled &= {*found.primaries}
                if not (self._troubled or self._is_silent()):
                    await asyncio.sleep(LEAST_PAUSE)
                    continue
            await asyncio.sleep(LEAST_PAUSE)
            self._wanted.set()

    async def _read(self) -> SlotMap:
        errors: list[StoreUnavailable] = []
        for server in self._candidates():
            try:
                async with asyncio.timeout(ASK_WITHIN):
                    found = SlotMap.read(await self._ask(server), server)
            except StoreUnavailable as error:
                errors.append(error)
            except TimeoutError:
                errors.append(unreached(str(server), "no answer in time"))
            except (AttributeError, IndexError, TypeError, ValueError) as error:
                errors.append(unreached(str(server), f"CLUSTER SLOTS: {error}"))
            else:
                if found.primaries:
                    self._latest = server
                    self._read_at = asyncio.get_running_loop().time()
                    self._show(found)
                    self._tell(found.primaries)
                    self._start_to_keep()
                    return found
                errors.append(unreached(str(server), NO_SLOTS))
        raise errors[0]

    def _candidates(self) -> list[Endpoint]:
        """Return the servers to ask: the last that answered first, doubted or troubled last."""
        known = () if self._map is None else (*self._map.primaries, *self._map.servers)
        every = dict.fromkeys((self._latest, *known, *self._seeds))
        if self._doubted.issuperset(every):
            self._doubted.clear()
        troubled, doubted = self._troubled, self._doubted
        return sorted(every, key=lambda server: (server in troubled, server in doubted))

    def _show(self, found: SlotMap) -> None:
        self._map = found
        for listener in self.listeners:
            listener()

    def _tell(self, primaries: Sequence[Endpoint]) -> None:
        """Log the primaries if they have changed."""
        if self._told and {*primaries} != {*self._told}:
            names = ", ".join(map(str, primaries))
            logger.warning("the Redis Cluster has %d primaries now: %s", len(primaries), names)
        self._told = primaries

    def _has_read(self, reading: asyncio.Task[SlotMap]) -> None:
        self._reading = None
        if not reading.cancelled():
            reading.exception()  # so that asyncio does not report it, if nobody waits any more
