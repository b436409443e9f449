"""The lines of callers that wait: what they ask the store, and how they begin and end."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from service.asked import LONG, QUIET, AskedStore, turn, waiter
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Delivery, Dequeued, Take
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.service.watches import MAX_WATCHES
from sharq_plug.store import Wake
from support.hurried import HURRIED, LoopClock
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio
hurried = pytest.mark.parametrize("anyio_backend", [HURRIED], ids=["hurried"])
"""For tests in which time passes: they do not wait for it."""


async def test_a_thousand_waiters_ask_once_and_one_job_wakes_one_of_them() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        waiting = [waiter(service) for _ in range(1000)]
        await turn()
        assert len(store.asked) == 1
        assert service.waiting_callers == 1000
        await store.put("j1")
        await turn()
        assert [one.done() for one in waiting] == [True] + [False] * 999
        assert len(store.asked) == 2
        await turn(100)
        assert len(store.asked) == 2
        assert service.waiting_callers == 999


async def test_a_wake_up_that_comes_while_the_store_is_asked_is_not_lost() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        store.go_on.clear()
        waiting = waiter(service)
        await store.entered.wait()
        await store.put("j1")
        store.go_on.set()
        assert len((await waiting).jobs) == 1


async def test_a_delayed_wake_up_that_comes_while_the_store_is_asked_is_not_lost() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        await store.put("j1", interval=100)
        await service.dequeue("sms")
        store.go_on.clear()
        store.entered.clear()
        waiting = waiter(service)
        await store.entered.wait()
        await store.put("j2", interval=100)
        store.go_on.set()
        assert len((await waiting).jobs) == 1


class StuckStore(AskedStore):
    """Says that a job is ready, by an expired lease that it cannot end, if none waits."""

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        waiting = [
            (await look_at_queue(self, queue_type, queue)).waiting for queue in ("q", "other")
        ]
        if any(waiting):
            return await super().dequeue(queue_type, takes)
        self.asked.append([take.count for take in takes])
        now = time.time_ns() // 1_000_000
        return [Dequeued((), now=now, next_ready_at=now) for _ in takes]


@hurried
async def test_an_expired_lease_that_cannot_be_ended_is_not_asked_for_in_a_loop() -> None:
    store = StuckStore()
    async with QueueService(store, ServiceOptions(lease_time=1, tends=False)) as service:
        await store.put("j1")
        await service.dequeue("sms")
        nothing = await service.dequeue("sms", wait=300)
        assert nothing.jobs == ()
        assert nothing.next_ready_at is not None
        assert nothing.next_ready_at <= nothing.now
        assert store.asked == [[1], [1]]


@hurried
async def test_a_waiter_gets_the_job_of_an_expired_lease_where_no_passes_run() -> None:
    store = AskedStore(LoopClock())
    async with QueueService(store, ServiceOptions(lease_time=20, tends=False)) as service:
        await store.put("j1")
        await service.dequeue("sms")
        async with asyncio.timeout(2):
            [job] = (await service.dequeue("sms", wait=LONG)).jobs
        assert job.attempt == 2


@hurried
async def test_an_expired_lease_does_not_hide_what_the_clock_makes_ready() -> None:
    store = AskedStore(LoopClock())
    async with QueueService(store, ServiceOptions(lease_time=1, tends=False)) as service:
        await store.put("j1", "j2", interval=150)
        await service.dequeue("sms")
        await asyncio.sleep(0.01)
        async with asyncio.timeout(2):
            assert len((await service.dequeue("sms", wait=LONG)).jobs) == 1


async def test_who_waits_behind_an_expired_lease_hears_a_wake_up_all_the_same() -> None:
    store = StuckStore()
    async with QueueService(store, ServiceOptions(lease_time=1, tends=False)) as service:
        await store.put("j1")
        await service.dequeue("sms")
        waiting = waiter(service)
        await turn()
        await store.put("j2", queue="sms/other")
        async with asyncio.timeout(1):
            assert len((await waiting).jobs) == 1


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})], ids=["uvloop"])
async def test_a_wait_of_a_millisecond_is_worth_a_look_however_busy_the_loop() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await service.dequeue("sms", wait=1)
        waiting = waiter(service, wait=1)
        await asyncio.sleep(0)
        time.sleep(0.005)  # noqa: ASYNC251  # what keeps the loop from its timers
        await store.put("j1")
        assert len((await waiting).jobs) == 1


async def test_a_lost_wake_up_is_made_up_for_by_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    class DeafStore(AskedStore):
        @asynccontextmanager
        async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
            yield

    monkeypatch.setattr("sharq_plug.service.foresight.LOOK_INTERVAL", 0.05)
    store = DeafStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        waiting = waiter(service)
        await turn()
        await store.put("j1")
        assert len((await waiting).jobs) == 1


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("unthought of")])
async def test_a_failing_store_is_told_to_all_and_the_next_caller_starts_anew(
    error: Exception,
) -> None:
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    store = AskedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        store.go_on.clear()
        waiting = [waiter(service) for _ in range(10)]
        await store.entered.wait()
        waiting[0].cancel()
        store.error = error
        store.go_on.set()
        answers = await asyncio.gather(*waiting[1:], return_exceptions=True)
        assert answers == [error] * 9
        await turn()
        assert store.watches == 0
        store.error = None
        again = waiter(service)
        await turn()
        await store.put("j1")
        await again
    del waiting, again
    gc.collect()
    assert unheard == []


class UnwatchableStore(AskedStore):
    """Refuses to be watched; if `is_slow`, only once it has been asked for jobs."""

    is_away = True

    def __init__(self, *, is_slow: bool = False) -> None:
        super().__init__()
        self._is_slow = is_slow

    @asynccontextmanager
    async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
        if self._is_slow:
            await self.entered.wait()
        if self.is_away:
            raise StoreUnavailable("away")
        yield


async def test_a_store_that_cannot_be_watched_is_told_too() -> None:
    store = UnwatchableStore()
    async with QueueService(store, QUIET) as service:
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await service.dequeue("sms", wait=LONG)
        await turn()
        assert store.watches == 0


async def test_who_is_asked_for_while_the_watch_fails_is_told_and_does_not_wait_unheard() -> None:
    store = UnwatchableStore(is_slow=True)
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        store.go_on.clear()
        waiting = waiter(service, attempt_id="a")
        await store.entered.wait()
        await turn()
        store.go_on.set()
        with pytest.raises(StoreUnavailable):
            await waiting


async def test_many_types_wait_side_by_side() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(10):
        types = [f"type-{number}" for number in range(200)]
        waiting = [waiter(service, queue_type) for queue_type in types]
        await turn()
        for queue_type in reversed(types):
            await store.put(f"job-of-{queue_type}", queue=f"{queue_type}/q")
        answers = await asyncio.gather(*waiting)
        assert [answer.jobs[0].job_id for answer in answers] == [f"job-of-{t}" for t in types]


async def test_lines_that_nobody_waits_in_are_few_however_many_types_there_were() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(10):
        types = [f"type-{number}" for number in range(10 * MAX_WATCHES)]
        await asyncio.gather(*(service.dequeue(queue_type, wait=1) for queue_type in types))
        await turn()
        assert store.watches <= MAX_WATCHES


async def test_a_watch_that_nobody_came_back_to_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    class TellingStore(AskedStore):
        @asynccontextmanager
        async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
            async with super().watching(queue_type, wake):
                yield
            ended.set()

    monkeypatch.setattr("sharq_plug.service.watches.LINGER", 0.01)
    ended = asyncio.Event()
    store = TellingStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        await service.dequeue("sms", wait=1)
        assert store.watches == 1
        await ended.wait()
        assert store.watches == 0


@hurried
async def test_a_caller_that_comes_just_as_a_line_ends_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class SlowToLeaveStore(AskedStore):
        @asynccontextmanager
        async def watching(self, queue_type: str, wake: Wake) -> AsyncIterator[None]:
            async with super().watching(queue_type, wake):
                yield
                await asyncio.sleep(0.005)

    monkeypatch.setattr("sharq_plug.service.watches.LINGER", 0.002)
    store = SlowToLeaveStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(10):
        for number in range(60):
            waiting = waiter(service)
            await asyncio.sleep(number * 0.0002)
            await store.put(f"j{number}")
            assert len((await waiting).jobs) == 1, number
            await asyncio.sleep(number * 0.0002)


async def test_a_line_keeps_no_job_that_it_has_given_away() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put("given-away")
        await service.dequeue("sms", wait=LONG)
        await turn()
        gc.collect()
        assert store.watches == 1
        kept = [one for one in gc.get_objects() if isinstance(one, Delivery)]
        assert "given-away" not in [one.job_id for one in kept]


async def test_at_the_end_every_waiter_gets_an_empty_answer_and_later_ones_do_not_wait() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        waiting = [waiter(service), waiter(service, attempt_id="a"), waiter(service, "email")]
        await turn()
        service.end_waits()
        waiting += [waiter(service), waiter(service, attempt_id="b"), waiter(service, "late")]
        assert [answer.jobs for answer in await asyncio.gather(*waiting)] == [()] * 6
        await turn()
        assert store.watches == 0


async def test_an_attempt_that_was_looked_up_when_the_end_came_does_not_wait() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        store.go_on.clear()
        waiting = waiter(service, attempt_id="a")
        await store.entered.wait()
        service.end_waits()
        store.go_on.set()
        assert (await waiting).jobs == ()


async def test_what_the_store_gives_after_the_end_reaches_who_is_there_or_goes_back() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        await store.put("j1", "j2")
        store.go_on.clear()
        there, gone = waiter(service), waiter(service)
        await store.entered.wait()
        service.end_waits()
        gone.cancel()
        store.go_on.set()
        assert [job.job_id for job in (await there).jobs] == ["j1"]
    metrics = await look_at_queue(store)
    assert (metrics.waiting, metrics.leased) == (1, 1)
