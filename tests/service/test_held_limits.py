"""Callers that wait for queues behind more closed shared limits than a call moves."""

import pytest

from service.asked import LONG, QUIET, AskedStore, waiter
from service.holding import (
    configure,
    jobs_of,
)
from sharq_plug.model import (
    MAX_MOVES,
    Extras,
    NewJob,
    PatchLimit,
    SettingsPatch,
    Use,
)
from sharq_plug.service import QueueService
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("wait", [0, LONG])
async def test_who_asks_gets_the_job_behind_more_closed_rows_than_a_call_moves(wait: int) -> None:
    clock = ManualClock()
    store = AskedStore(clock)
    async with QueueService(store, QUIET) as service:
        await configure(service, PatchLimit("z", SettingsPatch(paused=True)))
        for number in range(MAX_MOVES + 1):
            uses = Extras(uses=(Use(f"customer-{number}", ()), Use("z")))
            await service.enqueue("sms", [NewJob(f"q{number}", "j", b"1", 0, extras=uses)])
        clock.advance(1)
        await store.put("last", queue="sms/free")
        store.asked.clear()
        if not wait:
            first = await service.dequeue("sms")
            assert (first.jobs, first.next_ready_at) == ((), clock.now())
        assert await jobs_of(waiter(service, wait=wait)) == ["last"]
        assert len(store.asked) == 2
