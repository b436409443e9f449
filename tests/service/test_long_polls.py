"""Callers that wait for a job: what wakes them, and who is served."""

import asyncio

import pytest

from service.asked import QUIET, AskedStore, Waiter, turn, waiter
from sharq_plug.errors import InvalidRequest
from sharq_plug.model import LeaseRef, SetInterval
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.testing.calls import release_all
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio

SOON = 5.0
"""Seconds within which what must come has come; a look of the line's own would be later."""


async def jobs_of(waiter: Waiter) -> list[str]:
    """Return the ids of the jobs that a waiter gets, soon."""
    async with asyncio.timeout(SOON - 1):
        return [job.job_id for job in (await waiter).jobs]


async def test_a_job_that_is_ready_is_answered_at_once() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put("j1", "j2")
        assert await jobs_of(waiter(service, count=5)) == ["j1", "j2"]
        assert store.asked == [[5]]


async def test_an_enqueue_wakes_a_waiter() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        waiting = waiter(service)
        await turn()
        await store.put("j1")
        assert await jobs_of(waiting) == ["j1"]


async def test_a_release_wakes_a_waiter() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put("j1")
        [leased] = (await service.dequeue("sms")).jobs
        waiting = waiter(service)
        await turn()
        await release_all(store, "sms", [LeaseRef("q", "j1", leased.token)])
        assert await jobs_of(waiting) == ["j1"]


async def test_the_reclaim_of_an_expired_lease_wakes_a_waiter() -> None:
    store = AskedStore()
    options = ServiceOptions(lease_time=30, tend_interval=10)
    async with QueueService(store, options) as service:
        await store.put("j1")
        await service.dequeue("sms")
        assert await jobs_of(waiter(service)) == ["j1"]


@pytest.mark.parametrize("interval", [0, 20])
async def test_a_shorter_interval_wakes_a_waiter(interval: int) -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put("j1", "j2", interval=3_600_000)
        await service.dequeue("sms")
        waiting = waiter(service)
        await turn()
        await service.configure("sms", [SetInterval("q", interval)])
        assert await jobs_of(waiting) == ["j2"]


async def test_the_clock_wakes_a_waiter_and_nothing_else_is_asked_until_then() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put("j1", "j2", interval=60)
        await service.dequeue("sms")
        assert await jobs_of(waiter(service)) == ["j2"]
        assert len(store.asked) <= 4, "a timer may be a moment early"


async def test_an_empty_answer_says_when_a_job_may_be_ready() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        assert (await service.dequeue("sms", wait=1)).next_ready_at is None
        await store.put("j1", "j2", interval=30_000)
        served = await service.dequeue("sms")
        nothing = await service.dequeue("sms", wait=30)
        assert nothing.jobs == ()
        assert nothing.next_ready_at is not None
        assert abs(nothing.next_ready_at - served.now - 30_000) <= 2
        assert served.now + 30 <= nothing.now < served.now + 5000


async def test_a_wake_up_with_a_delay_tells_those_who_leave_before() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        await store.put("j1", interval=10_000)
        [leased] = (await service.dequeue("sms")).jobs
        await service.settle("sms", [service.finish(LeaseRef("q", "j1", leased.token))])
        waiting = waiter(service, wait=30)
        await turn()
        await store.put("j2", interval=10_000)
        nothing = await waiting
        assert nothing.next_ready_at is not None
        assert 9000 < nothing.next_ready_at - nothing.now <= 10_000
        assert store.asked == [[1], [1]]


@pytest.mark.parametrize("wait", [-1, 60_001, True])
async def test_a_wait_out_of_range_is_refused(wait: int) -> None:
    async with QueueService(AskedStore(), QUIET) as service:
        with pytest.raises(InvalidRequest, match="`wait` must be an integer from 0 to 60000"):
            await service.dequeue("sms", wait=wait)


async def test_waiters_are_served_in_the_order_in_which_they_came() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        waiting = []
        for count, attempt_id in [(1, None), (3, None), (2, "a"), (1, None), (1, "b"), (1, None)]:
            waiting.append(waiter(service, count=count, attempt_id=attempt_id))
            await turn()
        await store.put(*(f"j{number}" for number in range(10)))
        served = [await jobs_of(one) for one in waiting]
    assert served == [["j0"], ["j1", "j2", "j3"], ["j4", "j5"], ["j6"], ["j7"], ["j8"]]


async def test_an_attempt_is_asked_for_behind_one_that_asks_for_more_than_goes_together() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        first = waiter(service, count=1000)
        await turn()
        assert (await service.dequeue("sms", attempt_id="a")).jobs == ()
        assert store.asked == [[1000], [1000], [1]]
        await store.put("j1")
        assert await jobs_of(first) == ["j1"]


async def test_one_who_asks_for_many_takes_what_there_is_and_the_next_waits_on() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        first, second = waiter(service, count=1000), waiter(service)
        await turn()
        await store.put("j1", "j2")
        assert await jobs_of(first) == ["j1", "j2"]
        await turn()
        assert not second.done()
        await store.put("j3")
        assert await jobs_of(second) == ["j3"]


async def test_jobs_that_come_meanwhile_are_shared_out_to_all_in_few_calls() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        waiting = [waiter(service) for _ in range(300)]
        await turn()
        store.asked.clear()
        await store.put(*(f"j{number}" for number in range(300)))
        assert [await jobs_of(one) for one in waiting] == [[f"j{n}"] for n in range(300)]
        assert len(store.asked) <= 5


async def test_a_waiter_that_is_gone_leaves_the_job_to_the_next() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        gone, next_one = waiter(service), waiter(service)
        await turn()
        gone.cancel()
        await store.put("j1")
        assert await jobs_of(next_one) == ["j1"]
    assert (await look_at_queue(store)).leased == 1


async def test_a_job_whose_caller_is_gone_goes_to_the_next() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        gone, next_one = waiter(service), waiter(service)
        await turn()
        store.go_on.clear()
        store.entered.clear()
        await store.put("j1")
        await store.entered.wait()
        gone.cancel()
        store.go_on.set()
        assert await jobs_of(next_one) == ["j1"]
        assert (await next_one).jobs[0].attempt == 2, "it was handed back in between"


async def test_a_job_that_nobody_is_there_for_goes_back_whenever_its_waiter_left() -> None:
    for turns in range(12):
        store = AskedStore()
        async with QueueService(store, QUIET) as service:
            waiting = waiter(service)
            await turn()
            await store.put("j1")
            await turn(turns)
            went = waiting.cancel()
            await asyncio.wait({waiting})
        assert (await look_at_queue(store)).waiting == (1 if went else 0), turns


async def test_a_job_without_its_waiter_goes_to_an_attempt_that_waits_behind() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        gone, attempt = waiter(service), waiter(service, attempt_id="a")
        await turn()
        store.go_on.clear()
        store.entered.clear()
        await store.put("j1")
        await store.entered.wait()
        gone.cancel()
        store.go_on.set()
        assert await jobs_of(attempt) == ["j1"]
        assert (await attempt).jobs[0].attempt == 2, "it was handed back in between"


async def test_an_attempt_that_waits_and_is_gone_finds_its_job_when_it_is_repeated() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        waiting = waiter(service, attempt_id="a")
        await turn()
        store.go_on.clear()
        store.entered.clear()
        await store.put("j1", "j2")
        await store.entered.wait()
        waiting.cancel()
        store.go_on.set()
        await turn()
        assert await jobs_of(waiter(service, attempt_id="a")) == ["j1"]
        assert await jobs_of(waiter(service, attempt_id="a")) == ["j1"]
        assert await jobs_of(waiter(service, attempt_id="b")) == ["j2"]


async def test_an_attempt_that_leaves_keeps_its_job_whenever_it_left() -> None:
    for turns in range(12):
        store = AskedStore()
        async with QueueService(store, QUIET) as service:
            waiting = waiter(service, attempt_id="a")
            await turn()
            await store.put("j1")
            await turn(turns)
            waiting.cancel()
            await asyncio.wait({waiting})
            await turn()
            [job] = (await service.dequeue("sms", attempt_id="a")).jobs
            assert job.attempt == 1, turns


async def test_one_attempt_that_waits_twice_keeps_no_other_waiting() -> None:
    store = AskedStore()
    async with QueueService(store, QUIET) as service:
        first, again = (waiter(service, attempt_id="a", count=5) for _ in range(2))
        await turn()
        other = waiter(service)
        await turn()
        await store.put("j1")
        assert await jobs_of(first) == ["j1"]
        await store.put("j2")
        assert await jobs_of(again) == ["j1"]
        assert await jobs_of(other) == ["j2"]
