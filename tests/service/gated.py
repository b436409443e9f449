"""A memory store that carries dequeues out at once, and answers them when it is told to."""

import asyncio
from collections.abc import Sequence

from sharq_memory.store import MemoryStore
from sharq_plug.model import Dequeued, NewJob, Take
from support.one_queue import look_at_queue

LARGE = b"x" * 800_000
"""A payload of which ten go into a dequeue."""


class GatedStore(MemoryStore):
    """Keeps what each dequeue asks for; answers those under way in their order, when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        """The type of each dequeue."""
        self.counts: list[list[int]] = []
        """The counts of its takes."""
        self._gate = asyncio.Semaphore(0)

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        self.asked.append(queue_type)
        self.counts.append([take.count for take in takes])
        dequeued = await super().dequeue(queue_type, takes)
        await self._gate.acquire()
        return dequeued

    def answer(self, dequeues: int = 1) -> None:
        """Let so many dequeues be answered, those that still come included."""
        for _ in range(dequeues):
            self._gate.release()

    async def put(self, count: int, payload: bytes = LARGE, queue_type: str = "sms") -> None:
        """Enqueue so many jobs."""
        await self.enqueue(
            queue_type, [NewJob("q", f"j{number}", payload, 0) for number in range(count)]
        )

    async def leased(self, queue_type: str = "sms") -> int:
        """Return how many jobs are leased."""
        return (await look_at_queue(self, queue_type)).leased
