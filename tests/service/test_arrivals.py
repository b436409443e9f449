"""Dequeues that may bring back much: few at a time, and in nobody's way."""

import asyncio

import pytest

from service.asked import QUIET, turn
from service.gated import GatedStore
from sharq_plug.errors import Overloaded
from sharq_plug.model import Dequeued
from sharq_plug.service import QueueService, ServiceOptions

pytestmark = pytest.mark.anyio

AT_ONCE = 2
"""Dequeues of 8 MiB that may be under way."""
ALL = 1000

Caller = asyncio.Task[Dequeued]


def caller(
    service: QueueService,
    queue_type: str = "sms",
    *,
    count: int = ALL,
    wait: int = 0,
    attempt_id: str | None = None,
) -> Caller:
    return asyncio.create_task(
        service.dequeue(queue_type, count=count, wait=wait, attempt_id=attempt_id)
    )


async def answers(callers: list[Caller]) -> list[Dequeued]:
    async with asyncio.timeout(4):
        return await asyncio.gather(*callers)


async def test_large_dequeues_wait_for_those_under_way_and_go_in_their_order() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(100)
        callers = [caller(service) for _ in range(10)]
        await turn()
        assert len(store.asked) == AT_ONCE
        store.answer()
        await turn()
        assert len(store.asked) == AT_ONCE + 1
        store.answer(9)
        served = [[job.job_id for job in answer.jobs] for answer in await answers(callers)]
    assert served == [[f"j{10 * n + k}" for k in range(10)] for n in range(10)]


async def test_large_dequeues_of_many_types_wait_for_those_under_way() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        types = [f"type-{number}" for number in range(5)]
        for queue_type in types:
            await store.put(10, queue_type=queue_type)
        callers = [caller(service, queue_type) for queue_type in types]
        await turn()
        assert store.asked == types[:AT_ONCE]
        store.answer()
        await turn()
        assert store.asked == types[: AT_ONCE + 1]
        store.answer(4)
        assert [len(answer.jobs) for answer in await answers(callers)] == [10] * 5


async def test_small_dequeues_do_not_wait_for_large_ones() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(100)
        large = [caller(service) for _ in range(10)]
        await turn()
        small = caller(service, "never-seen", count=1)
        await turn()
        assert store.asked[AT_ONCE:] == ["never-seen"]
        store.answer(11)
        await answers([*large, small])


async def test_dequeues_of_many_small_jobs_go_at_once_when_their_size_is_known() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        types = [f"type-{number}" for number in range(9)]
        for queue_type in types:
            await store.put(101, b"{}", queue_type)
        store.answer(9)
        await answers([caller(service, queue_type, count=1) for queue_type in types])
        callers = [caller(service, queue_type, count=100) for queue_type in types]
        await turn()
        assert store.asked == types * 2
        store.answer(9)
        assert [len(answer.jobs) for answer in await answers(callers)] == [100] * 9


async def test_types_take_turns() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(100)
        flood = [caller(service) for _ in range(10)]
        await turn()
        other = caller(service, "mail")
        await turn()
        store.answer(2)
        await turn()
        assert sorted(store.asked[AT_ONCE:]) == ["mail", "sms"]
        store.answer(9)
        await answers([*flood, other])


async def test_callers_that_wait_for_a_job_have_their_turn_too() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        types = [f"type-{number}" for number in range(5)]
        for queue_type in types:
            await store.put(10, queue_type=queue_type)
        callers = [caller(service, queue_type, wait=60_000) for queue_type in types]
        await turn()
        assert store.asked == types[:AT_ONCE]
        store.answer(5)
        assert [len(answer.jobs) for answer in await answers(callers)] == [10] * 5


async def test_single_dequeues_of_large_jobs_have_their_turn_too() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        types = [f"type-{number}" for number in range(40)]
        for queue_type in types:
            await store.put(2, queue_type=queue_type)
        store.answer(40)
        await answers([caller(service, queue_type, count=1) for queue_type in types])
        store.asked.clear()
        callers = [caller(service, queue_type, count=1) for queue_type in types]
        await turn()
        assert len(store.asked) == 20, "of 800 000 bytes each"
        store.answer(40)
        assert [len(answer.jobs) for answer in await answers(callers)] == [1] * 40


async def test_callers_of_large_jobs_do_not_wait_for_one_reply_with_all_of_them() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(6)
        store.answer()
        await answers([caller(service, count=1)])
        store.asked.clear()
        callers = [caller(service, count=1) for _ in range(5)]
        await turn()
        store.answer()
        await turn()
        assert [one.done() for one in callers].count(True) == 1
        store.answer(4)
        assert [len(answer.jobs) for answer in await answers(callers)] == [1] * 5
        assert len(store.asked) == 5


async def test_callers_for_several_jobs_of_unknown_size_do_not_share_a_call() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(10)
        callers = [caller(service, count=1, attempt_id="a")]
        callers += [caller(service, count=count) for count in (2, 1, 2, 1, 2, 1)]
        store.answer(7)
        assert [len(answer.jobs) for answer in await answers(callers)] == [1, 2, 1, 2, 1, 2, 1]
        assert store.counts == [[1], [2], [1], [2], [1], [2], [1]]


async def test_callers_for_one_job_of_unknown_size_share_a_call() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(50, b"{}")
        callers = [caller(service, count=1) for _ in range(50)]
        store.answer()
        assert [len(answer.jobs) for answer in await answers(callers)] == [1] * 50


async def test_repeated_attempts_that_bring_back_much_have_their_turn_too() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(100)
        attempts = [f"a{number}" for number in range(10)]
        store.answer(11)
        await answers([caller(service, attempt_id=attempt) for attempt in attempts])
        await answers([caller(service, count=1, attempt_id="a0")])
        store.asked.clear()
        repeated = [caller(service, count=1, attempt_id=attempt) for attempt in attempts]
        await turn()
        assert 1 <= len(store.asked) <= AT_ONCE
        store.answer(10)
        assert [len(answer.jobs) for answer in await answers(repeated)] == [10] * 10
        assert len(store.asked) == 10, "none shares a call, since each fills one"


async def test_those_who_repeat_an_attempt_at_once_share_an_answer() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(20)
        callers = [caller(service, attempt_id="a")]
        await turn()
        callers += [caller(service, attempt_id="a") for _ in range(299)]
        store.answer(2)
        served = await answers(callers)
        assert len(store.asked) == 2
        assert len({id(answer) for answer in served}) == 2, "they hold the payloads once"
        assert {tuple(job.token for job in answer.jobs) for answer in served} == {
            tuple(job.token for job in served[0].jobs)
        }
        assert await store.leased() == 10


async def test_who_repeats_an_attempt_while_it_is_under_way_is_asked_for_after_that() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        first = caller(service, attempt_id="a")
        await turn()
        await store.put(1)
        second = caller(service, attempt_id="a")
        await turn()
        store.answer(2)
        assert [len(answer.jobs) for answer in await answers([first, second])] == [0, 1]


async def test_who_leaves_before_its_turn_is_not_asked_for() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        await store.put(100)
        callers = [caller(service) for _ in range(4)]
        callers.append(caller(service, attempt_id="a"))
        callers.append(caller(service, "mail", wait=60_000))
        await turn()
        for gone in callers[AT_ONCE:]:
            gone.cancel()
        store.answer(2)
        await answers(callers[:AT_ONCE])
        await turn()
        assert len(store.asked) == AT_ONCE
        assert await store.leased() == 20


async def test_who_waits_for_its_turn_counts_as_in_flight_until_it_has_come() -> None:
    store = GatedStore()
    async with QueueService(store, ServiceOptions(tends=False, max_in_flight=3)) as service:
        callers = [caller(service, queue_type) for queue_type in ("a", "b", "c")]
        await turn()
        assert store.asked == ["a", "b"]
        callers[2].cancel()
        await turn()
        with pytest.raises(Overloaded):
            await service.dequeue("sms", count=ALL)
        store.answer(3)
        await answers(callers[:2])
        await turn()
        assert (await service.dequeue("sms", count=ALL)).jobs == ()


async def test_who_leaves_a_line_before_it_is_asked_for_counts_no_longer() -> None:
    store = GatedStore()
    async with QueueService(store, ServiceOptions(tends=False, max_in_flight=3)) as service:
        under_way = [caller(service, count=1)]
        await turn()
        under_way.append(caller(service, count=1))
        await turn()
        gathered = caller(service, count=1)
        await turn()
        gathered.cancel()
        await turn()
        another = caller(service, count=1)
        store.answer(3)
        assert [answer.jobs for answer in await answers([*under_way, another])] == [()] * 3


async def test_who_leaves_during_a_call_counts_until_the_store_is_done_with_it() -> None:
    store = GatedStore()
    async with QueueService(store, ServiceOptions(tends=False, max_in_flight=1)) as service:
        gone = caller(service, count=1)
        await turn()
        gone.cancel()
        await turn()
        with pytest.raises(Overloaded):
            await service.dequeue("sms")
        store.answer(2)
        await turn()
        assert (await service.dequeue("sms")).jobs == ()
