"""One server of a cluster, and whether it is in trouble."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from sharq_plug.errors import StoreUnavailable
from sharq_redis.link import Link
from sharq_redis.target import Endpoint
from sharq_redis.wire import Command

LONGEST_REST = 1.0
"""Most seconds that a server is left alone after a failure; if the try was shorter, that long."""
Answer = TypeVar("Answer")


class Node:
    """Send to one server. While it is in trouble, one call at a time finds out if it still is.

    All other calls fail at once, so they do not pile up and take the place of calls to servers that
    answer. Calls soon after a long try fail at once too, so a caller that repeats a call waits only
    once. `on_change` is called when trouble begins and when it ends.
    """

    def __init__(self, endpoint: Endpoint, link: Link, on_change: Callable[["Node"], None]) -> None:
        self.endpoint = endpoint
        self.link = link
        self.trouble: StoreUnavailable | None = None
        self._is_tried = False
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._under_way = 0
        self._waiting_since = 0.0
        self._again_at = 0.0

    @property
    def silence(self) -> float:
        """Seconds that calls have waited here without anything arriving."""
        if not self._under_way:
            return 0.0
        return self._loop.time() - max(self._waiting_since, self.link.heard_at)

    async def attempt(
        self, verb: str, keys: Sequence[str], arguments: Sequence[Any], since: float
    ) -> Any:
        """Return the reply to a verb, even if it is an error. Raises StoreUnavailable."""
        return await self._tried(lambda: self.link.attempt(verb, keys, *arguments, since=since))

    async def ask(self, commands: Sequence[Command], since: float | None = None) -> list[Any]:
        """Return the replies to commands; some may be errors. Raises StoreUnavailable."""
        return await self._tried(lambda: self.link.ask(commands, since=since))

    async def _tried(self, send: Callable[[], Awaitable[Answer]]) -> Answer:
        is_mine = self.trouble is not None
        if self.trouble is not None:
            if self._is_tried or self._loop.time() < self._again_at:
                raise type(self.trouble)(str(self.trouble), public=self.trouble.public)
            self._is_tried = True
        if not self._under_way:
            self._waiting_since = self._loop.time()
        self._under_way += 1
        began = self._loop.time()
        try:
            answer = await send()
        except StoreUnavailable as error:
            self.trouble = error
            now = self._loop.time()
            self._again_at = now + min(now - began, LONGEST_REST)
            self._on_change(self)
            raise
        finally:
            self._under_way -= 1
            if is_mine:
                self._is_tried = False
        if self.trouble is not None:
            self.trouble = None
            self._on_change(self)
        return answer
