"""A memory store that knows what it was asked, and answers when it is told to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from sharq_memory.store import MemoryStore
from sharq_plug.clock import Clock
from sharq_plug.model import Dequeued, NewJob, Take
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.store import Wake

QUIET = ServiceOptions(tends=False)
LONG = 60_000
"""ms that a caller waits, unless it says otherwise."""

Waiter: TypeAlias = asyncio.Task[Dequeued]


class AskedStore(MemoryStore):
    """Keep the counts of each dequeue's takes. `go_on` holds dequeues back while it is cleared."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.asked: list[list[int]] = []
        self.watches = 0
        """Types that are watched."""
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.error: Exception | None = None

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        self.asked.append([take.count for take in takes])
        dequeued = await super().dequeue(queue_type, takes)
        self.entered.set()
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return dequeued

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        self.watches += 1
        try:
            async with super().watching(queue_type, wake):
                yield
        finally:
            self.watches -= 1

    async def put(self, *job_ids: str, queue: str = "sms/q", interval: int = 0) -> None:
        """Enqueue jobs."""
        queue_type, queue_id = queue.split("/")
        await self.enqueue(
            queue_type, [NewJob(queue_id, job_id, b"{}", interval) for job_id in job_ids]
        )


def waiter(
    service: QueueService, queue_type: str = "sms", *, wait: int = LONG, **asked: Any
) -> Waiter:
    """Begin a dequeue that waits for its jobs; `asked` are options of `QueueService.dequeue`."""
    return asyncio.create_task(service.dequeue(queue_type, wait=wait, **asked))


async def turn(times: int = 20) -> None:
    """Let everything run that can."""
    for _ in range(times):
        await asyncio.sleep(0)
