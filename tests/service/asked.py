"""A memory store that knows what it was asked, and answers when it is told to."""

import asyncio

from sharq_memory.store import MemoryStore
from sharq_plug.clock import Clock
from sharq_plug.model import Dequeued, NewJob


class AskedStore(MemoryStore):
    """Keeps the count of every dequeue; `go_on` holds them back while it is cleared."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.asked: list[int] = []
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.error: Exception | None = None

    async def dequeue(
        self, queue_type: str, *, count: int, lease: int, attempt_id: str | None = None
    ) -> Dequeued:
        self.asked.append(count)
        dequeued = await super().dequeue(
            queue_type, count=count, lease=lease, attempt_id=attempt_id
        )
        self.entered.set()
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return dequeued

    async def put(self, *job_ids: str, queue: str = "sms/q", interval: int = 0) -> None:
        """Enqueue jobs."""
        queue_type, queue_id = queue.split("/")
        await self.enqueue(
            queue_type, [NewJob(queue_id, job_id, b"{}", interval) for job_id in job_ids]
        )


async def turn(times: int = 20) -> None:
    """Let everything run that can."""
    for _ in range(times):
        await asyncio.sleep(0)
