"""Callers that wait while a queue is held: what wakes them, and when the store is not asked."""

from collections.abc import Sequence

import pytest

from service.asked import LONG, QUIET, AskedStore, turn, waiter
from service.holding import (
    FINISHED,
    HOUR,
    SLOW,
    Event,
    changed,
    configure,
    jobs_of,
    lease_of,
    patch,
    settle,
    settled,
)
from sharq_plug.model import Extend, Fail, Limit, PatchQueue, Release
from sharq_plug.service import QueueService
from sharq_plug.service.foresight import LOOK_INTERVAL
from sharq_plug.testing import ManualClock
from support.hurried import HURRIED

pytestmark = pytest.mark.anyio

OPENED: Sequence[tuple[str, PatchQueue, Event]] = [
    ("a resume", patch(paused=True), changed(patch(paused=False))),
    ("a pause that is taken back", patch(paused=True), changed(patch(paused=None))),
    ("a higher rate", patch(limits=SLOW), changed(patch(limits=(Limit(1_000_000, 1),)))),
    ("a larger burst", patch(limits=SLOW), changed(patch(limits=(Limit(1, HOUR, 2),)))),
    ("limits that are taken away", patch(limits=SLOW), changed(patch(limits=()))),
    ("limits that are taken back", patch(limits=SLOW), changed(patch(limits=None))),
    ("a freeze that is ended", patch(freeze=HOUR), changed(patch(freeze=0))),
    ("a higher concurrency", patch(concurrency=1), changed(patch(concurrency=2))),
    ("no concurrency", patch(concurrency=1), changed(patch(concurrency=None))),
    ("a finish where the concurrency was full", patch(concurrency=1), FINISHED),
    (
        "a release where the concurrency was full",
        patch(concurrency=1),
        settled(lambda _, lease: Release(lease, HOUR)),
    ),
    (
        "a death where the concurrency was full",
        patch(concurrency=1),
        settled(lambda _, lease: Fail(lease, dead=True)),
    ),
]


@pytest.mark.parametrize(("hold", "event"), [row[1:] for row in OPENED], ids=[r[0] for r in OPENED])
async def test_what_opens_a_held_queue_wakes_a_waiter(hold: PatchQueue, event: Event) -> None:
    clock = ManualClock()
    store = AskedStore(clock)
    async with QueueService(store, QUIET) as service:
        await store.put("j1", "j2")
        [job] = (await service.dequeue("sms")).jobs
        clock.advance(1)
        await configure(service, hold)
        waiting = waiter(service)
        await turn()
        asked = len(store.asked)
        await turn()
        assert (waiting.done(), len(store.asked)) == (False, asked)
        await event(service, lease_of(job))
        assert await jobs_of(waiting) == ["j2"]


async def test_an_expired_lease_that_is_ended_frees_a_place_and_wakes_a_waiter() -> None:
    clock = ManualClock()
    store = AskedStore(clock)
    async with QueueService(store, QUIET) as service:
        await store.put("j1", "j2")
        await service.dequeue("sms")
        await configure(service, patch(concurrency=1))
        waiting = waiter(service)
        await turn()
        clock.advance(60_000)
        await service.tend()
        assert await jobs_of(waiting) == ["j1"]


HOLDS = [
    patch(paused=True),
    patch(freeze=HOUR),
    patch(concurrency=1),
    patch(limits=SLOW),
    patch(limits=SLOW, concurrency=1, paused=True, freeze=HOUR),
]


@pytest.mark.parametrize("hold", HOLDS, ids=str)
async def test_what_cannot_open_a_held_queue_does_not_have_the_store_asked(
    hold: PatchQueue,
) -> None:
    store = AskedStore(ManualClock())
    async with QueueService(store, QUIET) as service:
        await configure(service, patch(limits=()))
        await store.put("j1", "j2")
        [job] = (await service.dequeue("sms")).jobs
        await configure(service, hold)
        waiting, named = waiter(service), waiter(service, queues=["q"])
        await turn()
        store.asked.clear()
        await store.put("j3", "j4")
        await settle(service, Extend(lease_of(job), 2 * HOUR))
        await configure(service, patch(weight=7))
        await configure(service, patch(max_length=100))
        await service.tend()
        await turn()
        assert (waiting.done(), named.done(), store.asked) == (False, False, [])
        await store.put("other", queue="sms/free")
        assert await jobs_of(waiting) == ["other"]
        await turn()
        assert (named.done(), len(store.asked)) == (False, 1)


@pytest.mark.parametrize("anyio_backend", [HURRIED])
@pytest.mark.parametrize("hold", [HOLDS[0], HOLDS[1]], ids=str)
async def test_a_long_wait_for_a_held_queue_costs_a_look_now_and_then(hold: PatchQueue) -> None:
    store = AskedStore(ManualClock())
    async with QueueService(store, QUIET) as service:
        await store.put("j1")
        await configure(service, hold)
        assert (await waiter(service, wait=LONG)).jobs == ()
        assert len(store.asked) <= 2 + LONG / 1000 / LOOK_INTERVAL


async def test_an_empty_answer_says_when_a_held_queue_can_go() -> None:
    clock = ManualClock()
    store = AskedStore(clock)
    async with QueueService(store, QUIET) as service:
        await store.put("j1", "j2")
        [job] = (await service.dequeue("sms", lease_time=9000)).jobs

        async def check(ready_at: int | None) -> None:
            for wait in (0, 1):
                nothing = await service.dequeue("sms", wait=wait)
                assert (nothing.jobs, nothing.next_ready_at) == ((), ready_at)

        await configure(service, patch(concurrency=1))
        await check(clock.now() + 9000)
        await settle(service, service.finish(lease_of(job)))
        await configure(service, patch(freeze=20_000))
        await check(clock.now() + 20_000)
        await configure(service, patch(paused=True))
        await check(None)


async def test_all_who_wait_share_what_a_raised_concurrency_lets_go() -> None:
    store = AskedStore(ManualClock())
    async with QueueService(store, QUIET) as service:
        await store.put(*(f"j{number}" for number in range(50)))
        await configure(service, patch(concurrency=1))
        await service.dequeue("sms")
        waiting = [waiter(service) for _ in range(49)]
        await turn()
        store.asked.clear()
        await configure(service, patch(concurrency=None))
        assert sorted([await jobs_of(one) for one in waiting]) == sorted(
            [f"j{number}"] for number in range(1, 50)
        )
        assert len(store.asked) <= 5
