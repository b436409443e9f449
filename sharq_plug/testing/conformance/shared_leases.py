"""The concurrency of shared limits: leases count to those that they were charged to."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sharq_plug.model import LeaseOutcome, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiter_leases import every_end
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.setting import patch, patch_type, set_defaults
from sharq_plug.testing.conformance.sharing import (
    bring,
    find_limit,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    Ending,
    claim,
    enqueue,
    finish,
    finish_job,
    next_ready_at,
    reclaim,
    take,
    take_batch,
    take_in_turn,
)

Change = Callable[[QueueStore], Awaitable[object]]


async def leased(store: QueueStore, *names: str) -> list[int]:
    """Return how many leases each of these shared limits counts."""
    return [(await find_limit(store, name)).leased for name in names]


class SharedConcurrencyConformance(Conformance):
    """So many leases of all queues that use it stand at a time."""

    async def test_queues_that_do_not_use_it_have_leases_beside_it(self, store: QueueStore) -> None:
        await patch_limit(store, concurrency=4)
        await stock(store, "abc", "x")
        assert len(await take_batch(store, 27)) == 4
        assert (await take_from(store, "c")).jobs == ()
        await stock(store, "d", jobs=2)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["d", "d"]

    async def test_leases_from_before_the_queue_used_it_do_not_count(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store, concurrency=2)
        await stock(store, "q")
        await take_batch(store, 3)
        await patch(store, "q", uses=("x",))
        assert await leased(store, "x") == [0]
        assert len(await take_batch(store, 9)) == 2

    async def test_each_of_both_the_queue_and_the_type_has_its_own(self, store: QueueStore) -> None:
        await patch_limit(store, "x", concurrency=5)
        await patch_limit(store, "y", concurrency=3)
        await patch(store, "a", concurrency=1)
        await patch_type(store, concurrency=7)
        await stock(store, "ab", "x", "y")
        await stock(store, "c", "x")
        await stock(store, "d")
        assert [job.queue_id for job in await take_batch(store, 40)] == list("abcdbcd")
        assert await leased(store, "x", "y") == [5, 3]

    @every_end
    async def test_the_end_of_a_charged_lease_makes_room_for_another_queue(
        self, store: QueueStore, end: Ending
    ) -> None:
        for name in ("x", "y"):
            await patch_limit(store, name, concurrency=1)
        await stock(store, "a", "x", "y", jobs=1)
        await stock(store, "b", "x", jobs=2)
        await stock(store, "c", "y", jobs=2)
        job = await take(store)
        assert await take_batch(store, 9) == []
        await end(store, job)
        assert await leased(store, "x", "y") == [0, 0]
        assert [job.queue_id for job in await take_batch(store, 9)] == ["b", "c"]

    async def test_many_workers_break_neither_a_limit_nor_a_concurrency(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 100, 4))
        await patch_limit(store, concurrency=6)
        await patch_limit(store, "y", concurrency=7)
        await stock(store, "ab", "x", "y")
        await stock(store, "c", "x")
        for given in (4, 2):
            batches = await asyncio.gather(*(take_batch(store, 2) for _ in range(20)))
            assert sum(map(len, batches)) == given
            clock.advance(1000)


class ChargeConformance(Conformance):
    """A lease gives back to the shared limits of its delivery, whatever its queue uses by then."""

    @every_end
    @pytest.mark.parametrize("uses", [None, ("y",), ("y", "z"), ("z",)], ids=str)
    async def test_the_end_of_a_lease_gives_back_what_its_delivery_took(
        self, store: QueueStore, end: Ending, uses: tuple[str, ...] | None
    ) -> None:
        for name in ("x", "y", "z"):
            await patch_limit(store, name)
        await stock(store, "q", "x", "y", jobs=1)
        await stock(store, "p", "x", "y", jobs=1)
        job = await take(store)
        await take(store)
        await patch(store, "q", uses=uses)
        assert await leased(store, "x", "y", "z") == [2, 2, 0]
        await end(store, job)
        assert await leased(store, "x", "y", "z") == [1, 1, 0]

    @pytest.mark.parametrize(
        "change",
        [
            lambda store: patch(store, uses=("y",)),
            lambda store: enqueue(store, "q", "k", uses=bring("y")),
            lambda store: enqueue(store, "q", "k", uses=()),
            lambda store: set_defaults(store, uses=("y",)),
        ],
        ids=["setting", "brought", "brought nothing", "defaults"],
    )
    async def test_so_it_does_whatever_changed_what_the_queue_uses(
        self, store: QueueStore, clock: ManualClock, change: Change
    ) -> None:
        for name in ("x", "y"):
            await patch_limit(store, name)
        await enqueue(store, "q", "j1", "j2", "j3", uses=bring("x"))
        finished, _ = await take_in_turn(store, 2)
        await change(store)
        await tend_all(store)
        await finish_job(store, finished)
        assert await leased(store, "x", "y") == [1, 0]
        clock.advance(LEASE_TIME)
        await reclaim(store)
        assert await leased(store, "x", "y") == [0, 0]

    async def test_a_redelivery_is_charged_to_what_the_queue_uses_then(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for name in ("x", "y"):
            await patch_limit(store, name)
        await stock(store, "q", "x", jobs=1)
        await take(store)
        await patch(store, "q", uses=("y",))
        clock.advance(LEASE_TIME)
        await reclaim(store)
        job = await take(store)
        assert await leased(store, "x", "y") == [0, 1]
        await patch(store, "q", uses=("x",))
        await finish_job(store, job)
        assert await leased(store, "x", "y") == [0, 0]

    async def test_a_stale_or_repeated_finish_gives_nothing_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", jobs=3)
        jobs = await take_in_turn(store, 3)
        for _ in range(2):
            await finish_job(store, jobs[0])
        assert await leased(store, "x") == [2]
        clock.advance(LEASE_TIME)
        await reclaim(store)
        assert len(await take_batch(store, 9)) == 2
        assert await finish(store, claim(jobs[1])) is LeaseOutcome.STALE
        assert await leased(store, "x") == [2]

    async def test_a_full_shared_limit_foresees_the_end_of_its_first_lease(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, concurrency=1)
        await stock(store, "ab", "x")
        await take(store, lease_time=700)
        assert await next_ready_at(store) == clock.now() + 700
