"""Callers that wait for a held type: looks now and then, and defaults that are taken up."""

import pytest

from service.asked import LONG, QUIET, AskedStore, turn, waiter
from service.holding import (
    HOUR,
    SLOW,
    configure,
    jobs_of,
    patch_type,
)
from sharq_plug.model import MAX_HEADS, NewJob, PatchType, SettingsPatch
from sharq_plug.service import QueueService
from sharq_plug.service.foresight import LOOK_INTERVAL
from sharq_plug.testing import ManualClock
from support.hurried import HURRIED

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("anyio_backend", [HURRIED])
@pytest.mark.parametrize("hold", [patch_type(paused=True), patch_type(freeze=HOUR)], ids=str)
async def test_a_long_wait_for_a_held_type_costs_a_look_now_and_then(hold: PatchType) -> None:
    store = AskedStore(ManualClock())
    async with QueueService(store, QUIET) as service:
        await store.put("j1")
        await configure(service, hold)
        assert (await waiter(service, wait=LONG)).jobs == ()
        assert len(store.asked) <= 2 + LONG / 1000 / LOOK_INTERVAL


async def test_looser_defaults_wake_a_waiter_when_they_are_taken_up() -> None:
    store = AskedStore(ManualClock())
    async with QueueService(store, QUIET) as service:
        await configure(service, patch_type(defaults=SettingsPatch(limits=SLOW)))
        await store.put("j1", "j2")
        await service.dequeue("sms")
        waiting = waiter(service)
        await turn()
        await configure(service, patch_type(defaults=SettingsPatch(limits=())))
        await turn()
        assert not waiting.done()
        await service.tend()
        assert await jobs_of(waiting) == ["j2"]


@pytest.mark.parametrize("wait", [0, LONG])
async def test_who_asks_gets_the_job_behind_more_old_heads_than_a_call_moves(wait: int) -> None:
    clock = ManualClock()
    store = AskedStore(clock)
    async with QueueService(store, QUIET) as service:
        jobs = [NewJob(f"q{n % (MAX_HEADS + 1)}", f"{n}", b"1", 0) for n in range(3 * MAX_HEADS)]
        for start in range(0, len(jobs), MAX_HEADS):
            await service.enqueue("sms", jobs[start : start + MAX_HEADS])
        for _ in range(2):  # each queue is dequeued at least once
            await service.dequeue("sms", count=MAX_HEADS)
        clock.advance(1)
        await store.put("last", queue="sms/free")
        await configure(service, patch_type(defaults=SettingsPatch(limits=SLOW)))
        store.asked.clear()
        if not wait:
            first = await service.dequeue("sms")
            assert (first.jobs, first.next_ready_at) == ((), clock.now())
        assert await jobs_of(waiter(service, wait=wait)) == ["last"]
        assert len(store.asked) == 2


async def test_a_waiter_gets_the_job_behind_old_heads_that_only_an_event_frees() -> None:
    store = AskedStore(ManualClock())
    async with QueueService(store, QUIET) as service:
        names = [f"q{n}" for n in range(MAX_HEADS)]
        for job_id in ("j1", "j2"):
            await service.enqueue("sms", [NewJob(name, job_id, b"1", 0) for name in names])
        await service.dequeue("sms", count=MAX_HEADS)
        await store.put("last", queue="sms/free")
        await configure(service, patch_type(defaults=SettingsPatch(concurrency=1)))
        store.asked.clear()
        assert await jobs_of(waiter(service)) == ["last"]
        assert len(store.asked) == 2
