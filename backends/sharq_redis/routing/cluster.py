"""A Redis Cluster: send each call to the server that has the slot of its keys."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import hiredis

from sharq_plug.errors import StoreUnavailable
from sharq_redis.library import Library
from sharq_redis.link import CLOSED, Link
from sharq_redis.refusals import refused_by_cluster, unreached
from sharq_redis.routing.asking import Asking
from sharq_redis.routing.map_keeper import MapKeeper
from sharq_redis.routing.node import Node
from sharq_redis.routing.refusals import Refusal, refusal_in
from sharq_redis.routing.slots import slot_of
from sharq_redis.routing.tries import Tries
from sharq_redis.target import Endpoint
from sharq_redis.wire import Command, Connect

MAX_CACHED = 10_000
RETIRED_FOR = 60.0
"""Seconds until the connection to a server that has no slots any more is closed."""
SILENCE = 1.0
"""Seconds without a reply until we check whether another server has taken over."""
REPLACED = "it does not answer, and another server has taken its place"
NO_OWNER = Refusal("CLUSTERDOWN")


class Cluster:
    """Send commands and verbs to the primaries of a cluster; return raw replies.

    A call is resent only if it was refused before it ran, and only for as long as a caller may
    wait. When a call has been refused for that long, others on its slot are not resent until a verb
    is answered: they would pile up. The second word of a command is its key. `address` names a
    server in messages.
    """

    def __init__(
        self,
        connect: Callable[[Endpoint], Connect],
        seeds: Sequence[Endpoint],
        *,
        name: str,
        address: Callable[[Endpoint], str] = str,
        library: Library | None = None,
    ) -> None:
        self._connect = connect
        self._address = address
        self._name = name
        self._library = library
        self._nodes: dict[Endpoint, Node] = {}
        self._slots: dict[str, int] = {}
        self._given_up: set[int] = set()
        self.keeper = MapKeeper(seeds, self._map_of, is_silent=self._is_silent)
        self.keeper.listeners.append(self._retire)
        self._retiring: dict[Endpoint, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def close(self) -> None:
        """Close every connection. Calls under way fail."""
        self._is_closed = True
        await self.keeper.close()
        for timer in self._retiring.values():
            timer.cancel()
        for node in self._nodes.values():
            await node.link.close()
        if self._closing:
            await asyncio.wait(self._closing)

    async def run(self, verb: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Return the reply to a verb. Raises StoreUnavailable."""
        return self._checked(*await self._attempt(verb, keys, arguments))

    async def attempt(self, verb: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Return the reply to a verb, even if it is an error. Raises StoreUnavailable."""
        return (await self._attempt(verb, keys, arguments))[1]

    async def call(self, *command: Any) -> Any:
        """Return the reply to one command. Raises StoreUnavailable."""
        return (await self.call_all([command]))[0]

    async def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies to commands, sent to all servers at once. Raises StoreUnavailable."""
        return [self._checked(None, reply) for reply in await self.ask(commands)]

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies to commands; some may be errors.

        If a server does not answer, or refuses a command for too long, StoreUnavailable is the
        reply. Raises StoreUnavailable if no server returns the slot map.
        """
        asking = Asking([*commands], [self._slot(command[1]) for command in commands])
        await self.keeper.map()
        tries = Tries()
        left = [*range(len(commands))]
        while left:
            left, is_told_where = await self._ask_once(asking, left, tries)
            if left and not await tries.another(is_told_where=is_told_where):
                break
        self._given_up.update(asking.slots[at] for at in left)
        for at in left:
            asking.replies[at] = refused_by_cluster(self._name, str(asking.replies[at]))
        return asking.replies

    async def anywhere(self, *command: Any) -> Any:
        """Send a command without a key to any server; return the reply. Raises StoreUnavailable."""
        nodes = [self._node(server) for server in (await self.keeper.map()).primaries]
        error: StoreUnavailable | None = None
        for node in sorted(nodes, key=lambda node: node.trouble is not None):
            try:
                [reply] = await node.ask([command])
            except StoreUnavailable as failure:
                error = failure
            else:
                return self._checked(node, reply)
        raise error or refused_by_cluster(self._name, "CLUSTERDOWN no server has slots")

    async def parts(self, keys: Sequence[str]) -> list[list[int]]:
        """Group the indices of keys by the server that has them. Raises StoreUnavailable."""
        owners = (await self.keeper.map()).owners
        parts: dict[Endpoint | None, list[int]] = defaultdict(list)
        for at, key in enumerate(keys):
            parts[owners[self._slot(key)]].append(at)
        return [*parts.values()]

    async def primaries(self) -> Sequence[Link]:
        """Return a link to each primary. Raises StoreUnavailable."""
        return [self._node(server).link for server in (await self.keeper.map()).primaries]

    async def _attempt(
        self, verb: str, keys: Sequence[str], arguments: Sequence[Any]
    ) -> tuple[Node | None, Any]:
        """Run a verb on the server that has its keys.

        ASK is not followed: the other server would answer TRYAGAIN, since one of the verb's keys
        never exists.
        """
        slot = self._slot(keys[0])
        tries = Tries()
        told: Endpoint | None = None
        while True:
            owners = (self.keeper.present or await self.keeper.map()).owners
            owner = told or owners[slot]
            if owner is None:
                node, reply = None, hiredis.ReplyError(f"CLUSTERDOWN no server has slot {slot}")
                refusal: Refusal | None = NO_OWNER
            else:
                node = self._node(owner)
                reply = await node.attempt(verb, keys, arguments, tries.since)
                refusal = refusal_in(reply, owner)
            if refusal is None:
                self._given_up.discard(slot)
                return node, reply
            self._heed(refusal, owner)
            is_told_where = refusal.word == "MOVED"
            told = refusal.server if is_told_where else None
            if slot in self._given_up and not is_told_where:
                return node, reply
            if not await tries.another(is_told_where=is_told_where):
                self._given_up.add(slot)
                return node, reply

    async def _ask_once(
        self, asking: Asking, left: Sequence[int], tries: Tries
    ) -> tuple[list[int], bool]:
        """Send the commands left; return the refused ones, and whether all were redirected."""
        owners = (self.keeper.present or await self.keeper.map()).owners
        groups: dict[Endpoint | None, list[int]] = defaultdict(list)
        for at in left:
            groups[asking.server_of(at, owners)].append(at)
        await asyncio.gather(
            *(self._ask_server(asking, server, group, tries) for server, group in groups.items())
        )
        refused, is_told_where = [], True
        for server, group in groups.items():
            for at in group:
                refusal = NO_OWNER if server is None else refusal_in(asking.replies[at], server)
                asking.note(at, refusal)
                if refusal is None:
                    continue
                is_told_where = is_told_where and refusal.server is not None
                self._heed(refusal, server)
                if refusal.server is None and asking.slots[at] in self._given_up:
                    asking.replies[at] = refused_by_cluster(self._name, str(asking.replies[at]))
                else:
                    refused.append(at)
        return sorted(refused), is_told_where

    async def _ask_server(
        self, asking: Asking, server: Endpoint | None, group: Sequence[int], tries: Tries
    ) -> None:
        if server is None:
            for at in group:
                text = f"CLUSTERDOWN no server has slot {asking.slots[at]}"
                asking.replies[at] = hiredis.ReplyError(text)
            return
        commands: list[Command] = []
        places: list[int] = []
        for at in group:
            if at in asking.detours:
                commands.append(("ASKING",))
            places.append(len(commands))
            commands.append(asking.commands[at])
        try:
            replies = await self._node(server).ask(commands, tries.since)
        except StoreUnavailable as error:
            for at in group:
                asking.replies[at] = error
            return
        for at, place in zip(group, places, strict=True):
            asking.replies[at] = replies[place]

    def _heed(self, refusal: Refusal, server: Endpoint | None) -> None:
        if refusal.word == "MOVED" and refusal.server is not None:
            self.keeper.moved(refusal.slot, refusal.server)
        elif refusal.word not in {"ASK", "TRYAGAIN"}:
            self.keeper.doubt(server)  # cut off from the others, it would tell an old map for ever

    def _checked(self, node: Node | None, reply: Any) -> Any:
        """Return a reply. Raises StoreUnavailable if it is an error."""
        if isinstance(reply, StoreUnavailable):
            raise reply
        if isinstance(reply, hiredis.ReplyError):
            address = self._name if node is None else self._address(node.endpoint)
            raise refused_by_cluster(address, str(reply)) from reply
        return reply

    def _slot(self, key: str) -> int:
        slot = self._slots.get(key)
        if slot is None:
            if len(self._slots) >= MAX_CACHED:
                self._slots.clear()
            slot = self._slots[key] = slot_of(key)
        return slot

    def _node(self, server: Endpoint) -> Node:
        node = self._nodes.get(server)
        if node is None:
            if self._is_closed:
                raise unreached(self._name, CLOSED)
            link = self._link(server, self._library)
            node = self._nodes[server] = Node(server, link, self._note_trouble)
        return node

    def _link(self, server: Endpoint, library: Library | None = None) -> Link:
        return Link(self._connect(server), address=self._address(server), library=library)

    def _note_trouble(self, node: Node) -> None:
        if node.trouble is None:
            self.keeper.trust(node.endpoint)
        else:
            self.keeper.distrust(node.endpoint)

    async def _map_of(self, server: Endpoint) -> Any:
        """Ask a server for the slot map, over a temporary connection if it has none yet."""
        node = self._nodes.get(server)
        if node is not None:
            return await node.link.call("CLUSTER", "SLOTS")
        link = self._link(server)
        try:
            return await link.call("CLUSTER", "SLOTS")
        finally:
            await link.close()

    def _is_silent(self) -> bool:
        return any(node.silence > SILENCE for node in self._nodes.values())

    def _retire(self) -> None:
        """Close the connections to servers that have no slots any more, after a while.

        If such a server is silent, hang up at once: another has taken its place. When it wakes up
        it may still run what it was sent, and answer, but the effect would be lost.
        """
        found = self.keeper.present
        servers = () if found is None else found.primaries
        for server, node in self._nodes.items():
            if server not in servers and node.silence > SILENCE:
                node.link.hang_up(REPLACED)
            if server in servers:
                timer = self._retiring.pop(server, None)
                if timer is not None:
                    timer.cancel()
            elif server not in self._retiring:
                loop = asyncio.get_running_loop()
                self._retiring[server] = loop.call_later(RETIRED_FOR, self._forget, server)

    def _forget(self, server: Endpoint) -> None:
        self._retiring.pop(server, None)
        node = self._nodes.pop(server)
        closing = asyncio.create_task(node.link.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
