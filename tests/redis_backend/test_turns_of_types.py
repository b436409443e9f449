"""Which types a step of tending takes, where more are due than it may take."""

import pytest

from sharq_plug.model import Fail, LeaseRef, NewJob, Retention, Take
from sharq_plug.plugins import open_store
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio

KEEPS_NONE = Retention(max_count=0)
TYPES = ("sms", "email")
MANY = 200


@pytest.mark.parametrize("busy", TYPES)
async def test_a_type_with_many_letters_to_drop_holds_up_no_other(
    busy: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.tending.TYPES_A_STEP", 1)
    clock = ManualClock()
    [other] = set(TYPES) - {busy}
    async with open_store("redis", {"url": redis_url}, clock=clock) as store:
        await store.enqueue(busy, [NewJob("q", f"j{n}", b"{}", 0) for n in range(MANY)])
        [taken] = await store.dequeue(busy, [Take(MANY, 1000)])
        leases = [LeaseRef(job.queue_id, job.job_id, job.token) for job in taken.jobs]
        await store.settle(busy, [Fail(lease, dead=True) for lease in leases])
        await store.enqueue(other, [NewJob("q", "j", b"{}", 0)])
        await store.dequeue(other, [Take(1, 1)])
        clock.advance(1)
        ended = [
            lease.queue_type
            for _ in range(3)
            for lease in (await store.tend(limit=1000, retention=KEEPS_NONE)).ended
        ]
        assert ended == [other]
        view = (await store.look(busy)).type
        assert view is not None
        assert view.dead > 0
