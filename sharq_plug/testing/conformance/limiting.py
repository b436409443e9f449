"""The words for limits: what goes at which instant. Instants count from the test's beginning."""

from typing import Any, Final

from sharq_plug.model import Delivery, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.setting import set_limits
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    finish_job,
    next_ready_at,
    take,
)

BEGINNING: Final = ManualClock().now()
EACH_SECOND: Final = Limit(1, 1000)


def move_to(clock: ManualClock, instant: int) -> None:
    """Set the clock to an instant of the test."""
    clock.advance(BEGINNING + instant - clock.now())


async def stock(
    store: QueueStore, *limits: Limit, jobs: int = 10, queue_id: str = "q", **fields: Any
) -> None:
    """Set the limits of a queue, and give it jobs "0", "1", ..., all with the same fields."""
    await set_limits(store, *limits, queue_id=queue_id)
    await enqueue(store, queue_id, *map(str, range(jobs)), **fields)


async def spend(
    store: QueueStore, cost: int, *, unit: str = "job", queue_id: str = "q", interval: int = 0
) -> None:
    """Have a queue give a job of this cost, which goes before the others, and finish it."""
    job_id = f"cost{cost}"
    await enqueue(store, queue_id, job_id, cost={unit: cost}, interval=interval, priority=9)
    job = await take(store)
    assert (job.queue_id, job.job_id) == (queue_id, job_id)
    await finish_job(store, job)


async def goes_at(store: QueueStore, clock: ManualClock, *instants: int) -> list[Delivery]:
    """Dequeue and finish a job at each of these instants; no other may be ready until the last."""
    jobs = []
    for instant in instants:
        if BEGINNING + instant > clock.now():
            assert await next_ready_at(store) == BEGINNING + instant
            move_to(clock, instant - 1)
            assert await next_ready_at(store) == BEGINNING + instant
            move_to(clock, instant)
        assert clock.now() == BEGINNING + instant
        jobs.append(await take(store))
        await finish_job(store, jobs[-1])
    await next_ready_at(store)
    return jobs


async def goes_freely(store: QueueStore, count: int) -> None:
    """Dequeue and finish so many jobs at this instant."""
    for _ in range(count):
        await finish_job(store, await take(store))
