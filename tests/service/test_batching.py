"""Calls that share a way to the store."""

import asyncio
import weakref
from collections.abc import Sequence

import pytest

from service.asked import turn
from sharq_memory.store import MemoryStore
from sharq_plug.errors import Overloaded, StoreUnavailable
from sharq_plug.model import Dequeued, EnqueueResult, NewJob, Take
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.service.batches import Batcher
from sharq_plug.testing import ManualClock
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio


class Store:
    """Doubles numbers, a batch at a time, each when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go_on = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def double(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.go_on.acquire()
        if self.error is not None:
            raise self.error
        return [2 * item for item in items]


@pytest.fixture
async def store() -> Store:
    return Store()


async def test_a_call_that_comes_alone_goes_at_once(store: Store) -> None:
    batcher = Batcher(store.double)
    future = batcher.submit(1)
    await turn()
    assert store.batches == [[1]]
    store.go_on.release()
    assert await future == 2
    await turn()
    assert not batcher.running


async def test_one_batch_goes_beside_another_and_what_comes_meanwhile_follows_in_its_order(
    store: Store,
) -> None:
    batcher = Batcher(store.double)
    futures = [batcher.submit(0)]
    await turn()
    futures += [batcher.submit(number) for number in range(1, 5)]
    await turn()
    assert store.batches == [[0], [1, 2, 3, 4]]
    futures += [batcher.submit(number) for number in range(5, 8)]
    await turn()
    assert len(store.batches) == 2
    for _ in range(3):
        store.go_on.release()
    assert await asyncio.gather(*futures) == [2 * number for number in range(8)]
    assert store.batches[2:] == [[5, 6, 7]]


async def test_where_calls_take_time_a_batch_takes_half_of_what_is_there(store: Store) -> None:
    batcher = Batcher(store.double)
    futures = [batcher.submit(0)]
    await turn()
    futures += [batcher.submit(number) for number in range(1, 32)]
    await turn()
    assert [len(batch) for batch in store.batches] == [1, 16]
    store.go_on.release()
    await turn()
    assert [len(batch) for batch in store.batches] == [1, 16, 15]
    for _ in range(2):
        store.go_on.release()
    await asyncio.gather(*futures)
    store.batches.clear()
    futures = [batcher.submit(number) for number in range(32)]
    await turn()
    assert [len(batch) for batch in store.batches] == [16, 16]
    for _ in range(2):
        store.go_on.release()
    await asyncio.gather(*futures)


async def test_where_no_call_takes_time_a_batch_takes_all() -> None:
    batches = []

    async def run(items: Sequence[int]) -> Sequence[int]:
        batches.append(len(items))
        return items

    batcher: Batcher[int, int] = Batcher(run)
    for _ in range(3):
        await asyncio.gather(*(batcher.submit(number) for number in range(32)))
    assert batches == [32, 32, 32]


async def test_a_batch_is_bounded_in_number_and_weight(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.service.batches.MAX_ITEMS", 3)
    monkeypatch.setattr("sharq_plug.service.batches.MAX_WEIGHT", 10)
    batcher = Batcher(store.double, weigh=lambda item: item)
    futures = [batcher.submit(item) for item in (1, 1, 1, 1, 9, 1, 50, 2)]
    for _ in futures:
        store.go_on.release()
    await asyncio.gather(*futures)
    assert store.batches == [[1, 1, 1], [1, 9], [1], [50], [2]]


async def test_a_caller_that_is_gone_takes_nothing_from_the_others(store: Store) -> None:
    batcher: Batcher[int, int] = Batcher(store.double)
    first, gone_early, second = (batcher.submit(item) for item in (1, 2, 3))
    batcher.abandon(gone_early)
    await turn()
    batcher.abandon(first)
    store.go_on.release()
    assert await second == 6
    assert store.batches == [[1, 3]]


async def test_items_whose_callers_are_gone_do_not_pile_up(store: Store) -> None:
    batcher = Batcher(store.double)
    first = batcher.submit(0)
    await turn()
    kept: weakref.WeakSet[asyncio.Future[int]] = weakref.WeakSet()
    for number in range(1, 1000):
        future = batcher.submit(number)
        kept.add(future)
        batcher.abandon(future)
    del future
    assert len(kept) < 50
    last = batcher.submit(1000)
    store.go_on.release()
    store.go_on.release()
    assert [await first, await last] == [0, 2000]
    assert store.batches == [[0], [1000]]


async def fail_one(store: Store, error: Exception) -> list[asyncio.Future[int]]:
    """Let a batch fail while another is under way and one gathers; return the results of these."""
    batcher = Batcher(store.double)
    store.error = error
    first = batcher.submit(1)
    await turn()
    others = [batcher.submit(2)]
    await turn()
    others.append(batcher.submit(3))
    store.go_on.release()
    with pytest.raises(type(error)):
        await first
    store.error = None
    for _ in others:
        store.go_on.release()
    return others


async def test_what_a_batch_raises_is_raised_to_its_callers_alone(store: Store) -> None:
    assert await asyncio.gather(*await fail_one(store, ValueError())) == [4, 6]


async def test_calls_that_gathered_during_an_outage_fail_with_it(
    store: Store,
) -> None:
    under_way, gathered = await fail_one(store, StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable):
        await gathered
    assert await under_way == 4
    assert store.batches == [[1], [2]]


class CountingStore(MemoryStore):
    """Counts the calls, and answers them when others have had their turn."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        super().__init__(clock)
        self.calls: list[int] = []

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        self.calls.append(len(jobs))
        await asyncio.sleep(0)
        return await super().enqueue(queue_type, jobs)

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        self.calls.append(len(takes))
        await asyncio.sleep(0)
        return await super().dequeue(queue_type, takes)


QUIET = ServiceOptions(tends=False, max_in_flight=100)


async def put(service: QueueService, count: int, queue_id: str = "q", interval: int = 0) -> None:
    await asyncio.gather(
        *(
            service.enqueue("sms", [NewJob(queue_id, f"j{n}", b"{}", interval)])
            for n in range(count)
        )
    )


async def test_requests_of_one_type_that_are_there_together_are_one_store_call() -> None:
    store = CountingStore()
    async with QueueService(store, QUIET) as service:
        await put(service, 50)
        assert store.calls == [50]
        answers = await asyncio.gather(*(service.dequeue("sms") for _ in range(50)))
        assert store.calls == [50, 50]
    assert [answer.jobs[0].job_id for answer in answers] == [f"j{n}" for n in range(50)]


async def test_callers_beyond_the_jobs_that_are_ready_hear_when_to_come_back() -> None:
    clock = ManualClock()
    store = CountingStore(clock)
    async with QueueService(store, QUIET) as service:
        await put(service, 2, interval=500)
        answers = await asyncio.gather(*(service.dequeue("sms") for _ in range(3)))
    assert [len(answer.jobs) for answer in answers] == [1, 0, 0]
    assert [answer.next_ready_at for answer in answers] == [None] + [clock.now() + 500] * 2


async def test_a_worker_that_goes_away_has_its_job_handed_back_whenever_it_goes() -> None:
    for turns in range(8):
        store = CountingStore()
        async with QueueService(store, QUIET) as service:
            await put(service, 1)
            caller = asyncio.create_task(service.dequeue("sms"))
            for _ in range(turns):
                await asyncio.sleep(0)
            went = caller.cancel()
            await asyncio.wait({caller})
        waiting = (await look_at_queue(store)).waiting
        assert waiting == (1 if went else 0), turns


async def test_past_the_bound_callers_are_refused_and_the_others_served() -> None:
    async with QueueService(CountingStore(), QUIET) as service:
        answers = await asyncio.gather(
            *(service.dequeue("sms") for _ in range(120)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, Overloaded)]
        assert len(refused) == 20
        assert (await service.dequeue("sms")).jobs == ()


async def test_payloads_on_their_way_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharq_plug.service.admission.MAX_BYTES_IN_FLIGHT", 100)
    async with QueueService(CountingStore(), QUIET) as service:

        async def put_bytes(number: int, size: int) -> object:
            return await service.enqueue("sms", [NewJob("q", f"j{number}", b"1" * size, 0)])

        answers = await asyncio.gather(
            *(put_bytes(number, 40) for number in range(4)), return_exceptions=True
        )
        assert [isinstance(answer, Overloaded) for answer in answers] == [False, False, True, True]
        await put_bytes(9, 1000)


class HeldStore(MemoryStore):
    """Takes jobs when it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        await self.go_on.wait()
        return await super().enqueue(queue_type, jobs)


async def test_a_batch_counts_until_the_store_has_done_with_it_whoever_hangs_up() -> None:
    store = HeldStore()
    async with QueueService(store, ServiceOptions(tends=False, max_in_flight=2)) as service:

        async def put_batch(number: int) -> object:
            jobs = [NewJob("q", f"j{number}-{n}", b"{}", 0) for n in range(2)]
            return await service.enqueue("sms", jobs)

        callers = [asyncio.create_task(put_batch(number)) for number in range(2)]
        await asyncio.sleep(0)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        with pytest.raises(Overloaded):
            await put_batch(2)
        store.go_on.set()
        await turn()
        await put_batch(3)
        assert (await look_at_queue(store)).waiting == 6


async def test_a_store_that_answers_too_much_is_an_error_to_its_callers() -> None:
    async def one_too_many(items: Sequence[int]) -> Sequence[int]:
        return [*items, 0]

    batcher: Batcher[int, int] = Batcher(one_too_many)
    async with asyncio.timeout(5):
        with pytest.raises(ValueError, match="longer"):
            await batcher.submit(1)
