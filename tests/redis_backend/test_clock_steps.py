"""A clock that steps back: places that lie far ahead are set anew, in bounded steps."""

import pytest
from redis import Redis

from sharq_plug.model import NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, tend_all
from support.one_queue import clear_queue
from support.redis_keys import tag, tag_of

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
LINE = f"{tag('sms')}/line/sms"
CLOCK = f"{tag_of(0)}/clock"


def jobs(queues: int, interval: int = 0, job_id: str = "job") -> list[NewJob]:
    return [NewJob(f"q{queue:03}", job_id, b"{}", interval) for queue in range(queues)]


async def taken(store: QueueStore, count: int = 1000) -> list[str]:
    """Return the queues that can be served."""
    served = await dequeue_for_one(store, "sms", count=count, lease_time=HOUR)
    return [job.queue_id for job in served.jobs]


def ahead(keys: Redis, now: int) -> int:
    """Return how many places lie ahead."""
    return int(keys.zcount(LINE, f"({now}", "+inf"))


async def step_back_after(store: QueueStore, clock: ManualClock, jobs: list[NewJob]) -> None:
    """Enqueue jobs, let a pass place their queues, and step back by an hour."""
    await store.enqueue("sms", jobs)
    await store.tend(limit=10)
    clock.advance(-HOUR)


async def test_queues_without_a_rate_are_held_until_the_next_passes_only(
    store: QueueStore, clock: ManualClock
) -> None:
    await step_back_after(store, clock, jobs(3))
    assert await taken(store) == []
    await tend_all(store)
    assert await taken(store) == ["q000", "q001", "q002"]


async def test_queues_with_a_rate_are_held_for_one_interval_from_now(
    store: QueueStore, clock: ManualClock
) -> None:
    await store.enqueue("sms", jobs(2, interval=5000))
    assert len(await taken(store)) == 2
    await step_back_after(store, clock, jobs(2, interval=5000, job_id="next"))
    await tend_all(store)
    clock.advance(4999)
    assert await taken(store) == []
    clock.advance(1)
    assert await taken(store) == ["q000", "q001"]


async def test_a_pass_looks_at_a_bounded_number_of_places(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("mail", jobs(5))
    await step_back_after(store, clock, jobs(25))
    left = [25]
    while (await store.tend(limit=10)).more:
        left.append(ahead(keys, clock.now()))
        assert left[-2] - left[-1] <= 10
    assert left[-1] == 0
    assert len(left) > 3
    assert len(await taken(store)) == 25
    assert len((await dequeue_for_one(store, "mail", count=10, lease_time=HOUR)).jobs) == 5


async def test_queues_that_move_during_the_walk_are_not_passed_over(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await step_back_after(store, clock, jobs(30))
    while ahead(keys, clock.now()) > 20:
        assert (await store.tend(limit=10)).more
    assert len(await taken(store)) == 10
    await clear_queue(store, "sms", "q015", purge=False)
    await store.enqueue("sms", [NewJob("new", "job", b"{}", 0)])
    await tend_all(store, limit=10)
    assert len(await taken(store)) == 20


async def test_a_server_that_starts_after_the_step_sees_it(
    redis_url: str, clock: ManualClock
) -> None:
    async with open_store("redis", {"url": redis_url}, clock=clock) as store:
        await store.enqueue("sms", jobs(3))
        await store.tend(limit=10)
    clock.advance(-HOUR)
    async with open_store("redis", {"url": redis_url}, clock=clock) as store:
        assert await taken(store) == []
        await tend_all(store)
        assert len(await taken(store)) == 3


async def test_a_server_that_stops_during_the_walk_leaves_it_to_the_next(
    redis_url: str, store: QueueStore, clock: ManualClock
) -> None:
    await step_back_after(store, clock, jobs(30))
    assert (await store.tend(limit=10)).more
    async with open_store("redis", {"url": redis_url}, clock=clock) as other:
        await tend_all(other, limit=10)
        assert len(await taken(other)) == 30


async def test_a_clock_that_steps_back_during_the_walk_begins_it_again(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await step_back_after(store, clock, jobs(30))
    while ahead(keys, clock.now()) > 20:
        assert (await store.tend(limit=10)).more
    clock.advance(-HOUR)
    await tend_all(store, limit=10)
    assert len(await taken(store)) == 30


async def test_a_walk_that_is_over_is_not_repeated(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await step_back_after(store, clock, jobs(3))
    await tend_all(store)
    assert keys.get(CLOCK) == str(clock.now()).encode()
    assert not (await store.tend(limit=10)).more


def now_of(keys: Redis) -> int:
    seconds, microseconds = keys.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


@pytest.mark.parametrize(("step", "left_alone"), [(500, ["ahead"]), (HOUR, [])])
async def test_the_clock_of_redis_may_step_back_a_little(
    redis_url: str, keys: Redis, step: int, left_alone: list[str]
) -> None:
    async with open_store("redis", {"url": redis_url}) as store:
        await store.enqueue("sms", [NewJob("ahead", "job", b"{}", 0)])
        [place] = keys.zrange(LINE, 0, 0)
        assert isinstance(place, bytes)
        keys.zadd(LINE, {place: now_of(keys) + 2 * HOUR})
        keys.set(CLOCK, now_of(keys) + step)
        await tend_all(store)
        assert ahead(keys, now_of(keys)) == len(left_alone)
        assert await taken(store) + left_alone == ["ahead"]


@pytest.mark.parametrize("year", [2109, 2120, 3083, 9999])
async def test_a_job_that_is_enqueued_in_a_far_year_can_be_leased(
    store: QueueStore, clock: ManualClock, year: int
) -> None:
    clock.advance((year - 2023) * 366 * 24 * 3_600_000)
    await store.enqueue("sms", [NewJob("q", "j1", b"{}", 1000)])
    served = await dequeue_for_one(store, "sms", count=1, lease_time=1000)
    assert [job.job_id for job in served.jobs] == ["j1"]
