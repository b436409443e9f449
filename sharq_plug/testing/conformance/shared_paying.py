"""Limits of shared limits: each job pays to all that its queue uses, in one step."""

from sharq_plug.model import Limit, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.named_queues import served
from sharq_plug.testing.conformance.setting import (
    patch_type,
    set_limits,
)
from sharq_plug.testing.conformance.sharing import (
    owed,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    next_ready_at,
    take,
    take_batch,
    take_exactly_at,
)

EACH_100 = Limit(1, 100)


class SharedLimitConformance(Conformance):
    """A limit of a shared limit counts what all queues that use it give together."""

    async def test_it_counts_queues_with_and_without_a_second_one_together(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 100, 4))
        await patch_limit(store, "a")
        await patch_limit(store, "y")
        for queue_id, names in {"p": ["x"], "q": ["x", "y"], "r": ["a", "x"]}.items():
            await stock(store, queue_id, *names)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["p", "q", "r", "p"]
        assert await owed(store, "x", "a", "y") == [(4,), (), ()]
        clock.advance(200)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["q", "r"]

    async def test_queues_that_do_not_use_it_pay_nothing_and_are_not_held(
        self, store: QueueStore
    ) -> None:
        await share(store, EACH_100)
        await share(store, Limit(1, 100, 3), name="y")
        await stock(store, "a", "x")
        await stock(store, "b", jobs=4)
        await stock(store, "c", "y")
        assert sorted(job.queue_id for job in await take_batch(store, 20)) == list("abbbbccc")
        assert await owed(store, "x", "y") == [(1,), (3,)]

    async def test_a_job_pays_to_its_queue_to_both_and_to_the_gate(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await patch_type(store, limits=(Limit(1, 40),))
        await share(store, Limit(1, 30), name="x")
        await share(store, Limit(1, 20), name="y")
        await set_limits(store, Limit(1, 10))
        await stock(store, "q", "x", "y")
        await take(store)
        await take_exactly_at(store, clock, start + 40)
        await patch_type(store, limits=())
        await take_exactly_at(store, clock, start + 70)
        await share(store, name="x")
        await take_exactly_at(store, clock, start + 90)
        await share(store, name="y")
        await take_exactly_at(store, clock, start + 100)

    async def test_what_one_of_them_refuses_is_paid_to_none(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 10, 9), name="x")
        await share(store, EACH_100, name="y")
        await patch_type(store, limits=(Limit(1, 10, 9),))
        await stock(store, "ab", "x", "y")
        await take(store)
        clock.advance(50)
        for _ in range(3):
            await next_ready_at(store)
        assert await owed(store, "x", "y") == [(0,), (1,)]

    async def test_a_batch_ends_where_a_shared_limit_closes(self, store: QueueStore) -> None:
        await share(store, Limit(1, 100, 4))
        await stock(store, "ab", "x")
        await stock(store, "c", jobs=1)
        takes = [Take(2, LEASE_TIME), Take(9, LEASE_TIME, together=True), Take(9, LEASE_TIME)]
        answers = await store.dequeue(TYPE, takes)
        assert [served(answer) for answer in answers] == [
            ["a/j0", "b/j0"],
            ["c/j0"],
            ["a/j1", "b/j1"],
        ]

    async def test_a_take_together_ends_where_a_shared_limit_closes(
        self, store: QueueStore
    ) -> None:
        await share(store, Limit(1, 100, 3))
        await stock(store, "ab", "x")
        answers = await store.dequeue(TYPE, [Take(9, LEASE_TIME, together=True)] * 2)
        assert [served(answer) for answer in answers] == [["a/j0", "a/j1", "a/j2"], []]

    async def test_its_bound_holds_in_bursts_over_several_queues(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(3, 100, 5))
        await stock(store, "abcd", "x", jobs=20)
        given: list[int] = []
        for wait in (0, 10, 33, 34, 1, 70, 500, 20, 100, 3):
            clock.advance(wait)
            given += [clock.now()] * len(await take_batch(store, 99))
            for n, first in enumerate(given):
                assert len(given) - n <= 5 + (given[-1] - first) * 3 // 100
        assert len(given) == 5 + 4 + 5 + 3
