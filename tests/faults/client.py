"""A caller that records each request and its answer, and often loses its patience."""

import asyncio
import random
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from faults.journal import Journal
from support.http_client import Answer, Connection, connect, request

BUSY = 503
"""The status that says: repeat this."""
PAUSE = 0.02
"""Seconds before a request is repeated."""
HASTE = 0.004
"""Seconds that a hasty caller waits at most."""


class Caller:
    """Send requests to any of several servers, one at a time.

    It waits for an answer `patience` seconds longer than it asks the server to wait. With the
    probability `haste` it hardly waits at all and closes the connection. Use it as an async
    context manager.
    """

    def __init__(
        self,
        ports: Sequence[int],
        journal: Journal,
        chance: random.Random,
        *,
        patience: float = 1.0,
        haste: float = 0.0,
    ) -> None:
        self._ports = ports
        self._journal = journal
        self._chance = chance
        self._patience = patience
        self._haste = haste
        self._connections: dict[int, Connection] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for port in list(self._connections):
            self._hang_up(port)
        await asyncio.sleep(0)  # the transports close in the loop's next turn

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, key: str | None = None, wait: float = 0
    ) -> Answer | None:
        """Send one request, which asks to `wait` so many seconds; return its answer, if any.

        `key` is its `Idempotency-Key`.
        """
        port = self._chance.choice(self._ports)
        hasty = self._chance.random() < self._haste
        patience = self._chance.uniform(0, HASTE) if hasty else wait + self._patience
        call = self._journal.asked(path, body, key)
        headers = {} if key is None else {"Idempotency-Key": f'"{key}"'}
        try:
            async with asyncio.timeout(patience):
                answer = await self._exchange(port, request(method, path, body, headers))
        except (OSError, TimeoutError):
            self._hang_up(port)
            self._journal.unanswered(call)
            return None
        except asyncio.CancelledError:
            self._hang_up(port)
            raise
        self._journal.answered(call, answer)
        return answer

    async def insist(
        self, method: str, path: str, body: bytes = b"", *, key: str | None = None, wait: float = 0
    ) -> Answer:
        """Repeat a request until it is answered, and not with a 503."""
        while True:
            answer = await self.ask(method, path, body, key=key, wait=wait)
            if answer is not None and answer.status != BUSY:
                return answer
            await asyncio.sleep(PAUSE)

    async def _exchange(self, port: int, message: bytes) -> Answer:
        if port not in self._connections:
            self._connections[port] = await connect(port)
        answer = await self._connections[port].ask(message)
        if answer.is_last:
            self._hang_up(port)
        return answer

    def _hang_up(self, port: int) -> None:
        if port in self._connections:
            self._connections.pop(port).abort()
