"""Callers that come, wait and go at random: no job is lost with one of them, none waits in vain."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from service.asked import AskedStore, turn
from sharq_plug.model import (
    Dequeued,
    EnqueueResult,
    NewJob,
    Settled,
    Settlement,
    Take,
)
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.store import Wake
from support.hurried import HURRIED

pytestmark = pytest.mark.anyio

STEPS = 300
SOON = 4.0
"""Seconds; after 5 a line would look whether it has missed something."""


@pytest.fixture
def anyio_backend() -> object:
    return HURRIED


class RandomStore(AskedStore):
    """Takes its time, before and after it does what it was asked."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        await self._time()
        return await super().enqueue(queue_type, jobs)

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        await self._time()
        dequeued = await super().dequeue(queue_type, takes)
        await self._time()
        return dequeued

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        await self._time()
        return await super().settle(queue_type, items)

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        await self._time()
        async with super().watching(queue_type, wake):
            await self._time()
            yield
            await self._time()

    async def _time(self) -> None:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)


class Crowd:
    """Callers that wait, and the jobs that those have who were served."""

    def __init__(self, service: QueueService, store: RandomStore, rng: random.Random) -> None:
        self._service, self._store, self._rng = service, store, rng
        self._waiting: list[asyncio.Task[Dequeued]] = []
        self._attempts = 0
        self.jobs: list[str] = []
        self.held: list[str] = []

    def come(self, attempt_id: str | None = None) -> None:
        call = self._service.dequeue(
            "sms",
            count=self._rng.choice([1, 1, 1, 2, 5]),
            wait=self._rng.choice([0, 1, 2, 60_000, 60_000]),
            attempt_id=attempt_id,
        )
        self._waiting.append(asyncio.create_task(call, name=attempt_id or "no attempt"))

    def come_with_an_attempt(self) -> None:
        self._attempts += 1
        self.come(f"a{self._attempts}")

    async def go(self) -> None:
        """Let one hang up; who can repeat its attempt does so."""
        if not self._waiting:
            return
        gone = self._rng.choice(self._waiting)
        gone.cancel()
        await asyncio.wait({gone})
        if gone.cancelled() and gone.get_name() != "no attempt":
            self.come(gone.get_name())
        self.look()

    async def put(self) -> None:
        new = [f"j{len(self.jobs) + number}" for number in range(self._rng.choice([1, 1, 3]))]
        self.jobs += new
        await self._store.put(*new, queue=f"sms/q{self._rng.randrange(3)}")

    def look(self) -> None:
        """Note what has come."""
        ended = [task for task in self._waiting if task.done()]
        self._waiting = [task for task in self._waiting if not task.done()]
        for task in ended:
            if not task.cancelled():
                self.held += [job.job_id for job in task.result().jobs]

    async def take_the_rest(self) -> None:
        """Let as many wait as there are jobs left, and be served."""
        async with asyncio.timeout(SOON):
            while len(self.held) < len(self.jobs):
                call = self._service.dequeue("sms", wait=60_000)
                self._waiting.append(asyncio.create_task(call))
                await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
                self.look()
        for task in self._waiting:
            task.cancel()


@pytest.mark.parametrize("seed", range(20))
async def test_every_job_gets_to_one_caller_who_is_there(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    monkeypatch.setattr("sharq_plug.service.watches.LINGER", rng.choice([0, 0.001, 30]))
    store = RandomStore(rng)
    async with QueueService(store, ServiceOptions(tends=False)) as service:
        crowd = Crowd(service, store, rng)
        for _ in range(STEPS):
            match rng.randrange(9):
                case 0 | 1:
                    crowd.come()
                case 8:
                    crowd.come_with_an_attempt()
                case 2:
                    await crowd.go()
                case 3:
                    await crowd.put()
                case 4:
                    await asyncio.sleep(0.001)
                case _:
                    await turn(rng.randrange(4))
            crowd.look()
        await crowd.take_the_rest()
    assert sorted(crowd.held) == sorted(crowd.jobs)
    assert (service.waiting_callers, store.watches) == (0, 0)
