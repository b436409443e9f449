"""The ears of a cluster: one for each server that has a watched channel."""

import asyncio
from collections.abc import Callable

import hiredis

from sharq_redis.ear import Ear, Watched
from sharq_redis.link import CLOSED
from sharq_redis.refusals import refused_by_cluster, unreached
from sharq_redis.routing.map_keeper import MapKeeper
from sharq_redis.routing.refusals import refusal_in
from sharq_redis.routing.slots import slot_of
from sharq_redis.target import Endpoint
from sharq_redis.wire import Connect

AGAIN_IN = 0.1
"""Seconds until a channel that a server refused is tried again."""


class Ears:
    """Hear each channel at the server that has its slot, and follow the slot when it moves."""

    def __init__(
        self,
        connect: Callable[[Endpoint], Connect],
        keeper: MapKeeper,
        *,
        name: str,
        address: Callable[[Endpoint], str],
    ) -> None:
        self._connect = connect
        self._keeper = keeper
        self._name = name
        self._address = address
        self._ears: dict[Endpoint, Ear] = {}
        self._homeless: set[Watched] = set()
        self._all: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        keeper.listeners.append(self._settle)

    async def hear(self, watched: Watched) -> None:
        """Hear a channel. Raises StoreUnavailable."""
        ear = await self._ear_of(watched.channel)
        self._all.add(watched)
        if watched.ear is not None and watched.ear is not ear:
            watched.ear.leave(watched)
        await ear.hear(watched)

    def leave(self, watched: Watched) -> None:
        """Stop hearing a channel."""
        self._all.discard(watched)
        self._homeless.discard(watched)
        if watched.ear is not None:
            watched.ear.leave(watched)

    async def refusal(self, channel: str) -> str | None:
        """Return why this user may not hear a channel; None if it may. Raises StoreUnavailable."""
        return await (await self._ear_of(channel)).refusal(channel)

    async def close(self) -> None:
        """Stop hearing everything."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for ear in self._ears.values():
            await ear.close()

    async def _ear_of(self, channel: str) -> Ear:
        owner = (await self._keeper.map()).owners[slot_of(channel)]
        if owner is None:
            self._keeper.want()
            raise refused_by_cluster(self._name, "CLUSTERDOWN no server has this slot")
        return self._ear(owner)

    def _ear(self, server: Endpoint) -> Ear:
        ear = self._ears.get(server)
        if ear is None:
            if self._is_closed:
                raise unreached(self._name, CLOSED)
            ear = self._ears[server] = Ear(
                self._connect(server),
                address=self._address(server),
                on_stray=lambda watched, said: self._is_stray(watched, said, server),
                on_trouble=self._keeper.want,
            )
        return ear

    def _is_stray(self, watched: Watched, said: str, server: Endpoint) -> None:
        """Look for the server that has a channel: this one does not, or no longer does."""
        refusal = refusal_in(hiredis.ReplyError(said), server) if said else None
        if refusal is not None and refusal.server is not None:
            self._keeper.moved(refusal.slot, refusal.server)
        else:
            self._keeper.want()
        self._homeless.add(watched)
        if self._timer is None and not self._is_closed:
            self._timer = asyncio.get_running_loop().call_later(AGAIN_IN, self._try_again)

    def _try_again(self) -> None:
        self._timer = None
        homeless, self._homeless = self._homeless, set()
        for watched in homeless:
            if watched.wire is None:
                self._take_home(watched, anew=True)

    def _settle(self) -> None:
        """Hear each channel whose slot has moved at its new server. The map has changed."""
        if not self._is_closed:
            for watched in tuple(self._all):
                self._take_home(watched)

    def _take_home(self, watched: Watched, *, anew: bool = False) -> None:
        found = self._keeper.present
        owner = None if found is None else found.owners[slot_of(watched.channel)]
        if owner is None or watched.ear is None:
            return
        ear = self._ear(owner)
        if ear is not watched.ear:
            watched.ear.leave(watched)
            ear.adopt(watched)
        elif anew:
            ear.adopt(watched)
