"""Callers that wait while a type is held: what opens its gate wakes them, and nothing else."""

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
    patch_type,
    settle,
    settled,
)
from sharq_plug.model import MAX_HEADS, Extend, Limit, NewJob, PatchType, Release, SettingsPatch
from sharq_plug.service import QueueService
from sharq_plug.service.foresight import LOOK_INTERVAL
from sharq_plug.testing import ManualClock
from support.hurried import HURRIED

pytestmark = pytest.mark.anyio

OPENED: Sequence[tuple[str, PatchType, Event]] = [
    ("a resume", patch_type(paused=True), changed(patch_type(paused=False))),
    ("a freeze that is ended", patch_type(freeze=HOUR), changed(patch_type(freeze=0))),
    (
        "a higher rate",
        patch_type(limits=SLOW),
        changed(patch_type(limits=(Limit(1_000_000, 1),))),
    ),
    ("limits that are taken back", patch_type(limits=SLOW), changed(patch_type(limits=None))),
    ("a higher concurrency", patch_type(concurrency=1), changed(patch_type(concurrency=2))),
    ("a finish where the concurrency was full", patch_type(concurrency=1), FINISHED),
    (
        "a release where the concurrency was full",
        patch_type(concurrency=1),
        settled(lambda _, lease: Release(lease, HOUR)),
    ),
]


@pytest.mark.parametrize("queues", [None, ["q"]], ids=["any queue", "a named queue"])
@pytest.mark.parametrize(("hold", "event"), [row[1:] for row in OPENED], ids=[r[0] for r in OPENED])
async def test_what_opens_the_gate_wakes_a_waiter(
    hold: PatchType, event: Event, queues: list[str] | None
) -> None:
    clock = ManualClock()
    store = AskedStore(clock)
    async with QueueService(store, QUIET) as service:
        await configure(service, hold)
        await store.put("j1", "j2")
        await configure(service, patch_type(paused=None, freeze=0))
        [job] = (await service.dequeue("sms")).jobs
        await configure(service, hold)
        clock.advance(1)
        waiting = waiter(service, queues=queues)
        await turn()
        asked = len(store.asked)
        await turn()
        assert (waiting.done(), len(store.asked)) == (False, asked)
        await event(service, lease_of(job))
        assert await jobs_of(waiting) == ["j2"]


HOLDS = [
    patch_type(paused=True),
    patch_type(freeze=HOUR),
    patch_type(concurrency=1),
    patch_type(limits=SLOW),
]


@pytest.mark.parametrize("hold", HOLDS, ids=str)
async def test_what_cannot_open_the_gate_does_not_have_the_store_asked(hold: PatchType) -> None:
    store = AskedStore(ManualClock())
    async with QueueService(store, QUIET) as service:
        await configure(service, patch_type(limits=hold.patch.limits))
        await store.put("j1", "j2")
        [job] = (await service.dequeue("sms")).jobs
        await configure(service, hold)
        waiting = waiter(service)
        await turn()
        store.asked.clear()
        for number in range(5):
            await store.put("j1", queue=f"sms/other{number}")
        await settle(service, Extend(lease_of(job), 2 * HOUR))
        await configure(service, patch(paused=True))
        await configure(service, patch(paused=False, weight=2))
        await service.tend()
        await turn()
        assert (waiting.done(), store.asked) == (False, [])


@pytest.mark.parametrize("anyio_backend", [HURRIED])
@pytest.mark.parametrize("hold", HOLDS[:2], ids=str)
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
