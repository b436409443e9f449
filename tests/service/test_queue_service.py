"""What the service adds to a call: defaults, the time of a lease, outcomes as errors."""

from collections.abc import Sequence

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import BrokenQueue, InvalidRequest, StaleLease
from sharq_plug.model import (
    Deduplicate,
    Delivery,
    Dequeued,
    Extend,
    Extended,
    Fail,
    LeaseOutcome,
    LeaseRef,
    Release,
    Settled,
    Settlement,
    Take,
)
from sharq_plug.service import QueueService, ServiceOptions
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio

OPTIONS = ServiceOptions(
    lease_time=5000,
    max_lease_time=9000,
    idempotency_time=70_000,
    default_requeue_limit=3,
    tends=False,
)


class NotingStore(MemoryStore):
    """Note what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.takes: list[Take] = []
        self.items: list[Settlement] = []

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        self.takes.extend(takes)
        return await super().dequeue(queue_type, takes)

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        self.items.extend(items)
        return await super().settle(queue_type, items)


async def leased(service: QueueService) -> Delivery:
    job = service.new_job("q", job_id="j1", payload=b"1", interval=0)
    await service.enqueue("sms", [job])
    [delivery] = (await service.dequeue("sms")).jobs
    return delivery


async def test_a_take_has_the_default_lease_time_or_the_one_that_was_asked_for() -> None:
    store = NotingStore()
    async with QueueService(store, OPTIONS) as service:
        for lease_time in (None, 1, 9000, None):
            await service.dequeue("sms", lease_time=lease_time)
            await service.dequeue("sms", count=2, attempt_id="a", lease_time=lease_time)
    single, named = store.takes[::2], store.takes[1::2]
    assert [take.lease_time for take in single] == [5000, 1, 9000, 5000]
    assert named == [Take(2, take.lease_time, "a") for take in single]


@pytest.mark.parametrize("lease_time", [0, -1, 9001, True])
async def test_a_lease_time_out_of_range_is_refused(lease_time: int) -> None:
    store = NotingStore()
    async with QueueService(store, OPTIONS) as service:
        with pytest.raises(InvalidRequest, match="`lease_time` must be an integer from 1 to 9000"):
            await service.dequeue("sms", lease_time=lease_time)
    assert store.takes == []


async def test_the_default_lease_time_may_exceed_what_a_worker_may_ask_for() -> None:
    store = NotingStore()
    async with QueueService(store, ServiceOptions(lease_time=10, max_lease_time=5)) as service:
        await service.dequeue("sms")
    assert [take.lease_time for take in store.takes] == [10]


async def test_a_receipt_is_kept_by_the_default_lease_time_and_for_a_minute_at_least() -> None:
    lease = LeaseRef("q", "j", "t")
    for lease_time, kept in ((1, 60_000), (60_001, 60_001)):
        async with QueueService(MemoryStore(), ServiceOptions(lease_time=lease_time)) as service:
            assert service.finish(lease).receipt_time == kept


async def test_a_job_has_the_default_requeue_limit_unless_it_brings_one() -> None:
    async with QueueService(MemoryStore(), OPTIONS) as service:
        jobs = [
            service.new_job("q", job_id="j1", payload=b"", interval=0, requeue_limit=limit)
            for limit in (None, 0, -1)
        ]
    assert [job.requeue_limit for job in jobs] == [3, 0, -1]


async def test_an_idempotency_key_is_remembered_as_long_as_the_options_say() -> None:
    async with QueueService(MemoryStore(), OPTIONS) as service:
        assert service.deduplicate("k") == Deduplicate("k", 70_000)


async def test_jobs_that_are_handed_back_are_released_without_a_delay() -> None:
    store = NotingStore()
    async with QueueService(store, OPTIONS) as service:
        job = await leased(service)
        service.hand_back("sms", [job])
    assert store.items == [Release(LeaseRef("q", "j1", job.token))]
    assert (await look_at_queue(store)).waiting == 1


async def test_each_settlement_is_told_what_became_of_its_lease() -> None:
    store = NotingStore()
    async with QueueService(store, OPTIONS) as service:
        job = await leased(service)
        own, stale = LeaseRef("q", "j1", job.token), LeaseRef("q", "j1", "other")
        unknown = LeaseRef("q", "j2", "other")
        extended, *others = await service.settle(
            "sms", [Extend(own, 7000), Extend(stale, 1), Fail(unknown), Release(own)]
        )
        [alone] = await service.settle("sms", [Extend(own, 1)])
    assert isinstance(extended, Extended)
    assert isinstance(others[0], StaleLease)
    assert others[1:] == [False, True]
    assert isinstance(alone, StaleLease)


async def test_a_broken_queue_is_an_error_of_each_verb_on_leases() -> None:
    class DamagedStore(MemoryStore):
        async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
            return [LeaseOutcome.BROKEN for _ in items]

    lease = LeaseRef("q", "j", "t")
    async with QueueService(DamagedStore(), OPTIONS) as service:
        for item in (service.finish(lease), Release(lease), Fail(lease), Extend(lease, 1)):
            [outcome] = await service.settle("sms", [item])
            assert isinstance(outcome, BrokenQueue)
