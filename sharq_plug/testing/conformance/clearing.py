"""Clear: a queue's jobs go for good; its rate, its receipts and the type's counts stay."""

import pytest

from sharq_plug.model import Cleared, LeaseOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import counts_of, release_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    claim,
    clear,
    counted,
    enqueue,
    finish,
    lengths,
    let_expire,
    listed,
    next_ready_at,
    reclaim,
    release_job,
    take,
    take_batch,
    take_in_turn,
)

with_and_without_purge = pytest.mark.parametrize("purge", [False, True], ids=["clear", "purge"])


async def let_one_die(store: QueueStore, clock: ManualClock, queue_id: str) -> None:
    """Give a queue one dead letter."""
    await enqueue(store, queue_id, "dead", requeue_limit=0)
    await let_expire(store, clock, dies=True)


class ClearConformance(Conformance):
    """What is cleared is gone and does not come back."""

    @with_and_without_purge
    async def test_there_is_nothing_to_clear_where_nothing_is(
        self, store: QueueStore, *, purge: bool
    ) -> None:
        assert await clear(store, "q", purge=purge) == Cleared(waiting=0, leased=0, dead=0)
        assert await listed(store, None) == set()

    @with_and_without_purge
    async def test_the_waiting_and_the_leased_go(self, store: QueueStore, *, purge: bool) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(5)))
        await take_in_turn(store, 2)
        assert await clear(store, "q", purge=purge) == Cleared(waiting=3, leased=2, dead=0)
        assert await lengths(store, "q") == (0, 0, 0)
        assert await clear(store, "q", purge=purge) == Cleared(waiting=0, leased=0, dead=0)

    @with_and_without_purge
    async def test_a_large_queue_goes_whole(self, store: QueueStore, *, purge: bool) -> None:
        for batch in range(5):
            await enqueue(store, "q", *(f"j{batch}-{n}" for n in range(1000)))
        await take_batch(store, 1000)
        assert await clear(store, "q", purge=purge) == Cleared(waiting=4000, leased=1000, dead=0)
        assert await lengths(store, "q") == (0, 0, 0)
        await enqueue(store, "q", "j0-0", "j4-999")
        assert [job.attempt for job in await take_batch(store, 9)] == [1, 1]

    @with_and_without_purge
    async def test_jobs_that_came_back_go_too(
        self, store: QueueStore, clock: ManualClock, *, purge: bool
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3")
        await release_job(store, await take(store))
        await let_expire(store, clock)
        assert (await clear(store, "q", purge=purge)).waiting == 3
        assert await take_batch(store, 9) == []

    @with_and_without_purge
    async def test_nothing_comes_back(
        self, store: QueueStore, clock: ManualClock, *, purge: bool
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(4)), interval=10)
        await take(store, lease_time=100)
        clock.advance(10)
        late = await take(store, lease_time=100)
        await clear(store, "q", purge=purge)
        for _ in range(3):
            assert await next_ready_at(store) is None
            clock.advance(60)
            assert (await reclaim(store)).requeued == 0
        assert await finish(store, claim(late)) is LeaseOutcome.UNKNOWN
        assert await release_all(store, TYPE, [claim(late)]) == [LeaseOutcome.UNKNOWN]
        assert await listed(store, None) == await listed(store) == set()

    async def test_the_lease_before_a_clearing_does_not_expire_on_the_job_after_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        await take(store, lease_time=100)
        await clear(store, "q")
        await enqueue(store, "q", "j")
        await take(store, lease_time=500)
        clock.advance(100)
        assert (await reclaim(store)).requeued == 0
        assert await lengths(store, "q") == (0, 1, 0)

    async def test_a_queue_lives_again_after_a_clearing(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        await clear(store, "q")
        await enqueue(store, "q", "j3")
        assert [job.job_id for job in await take_batch(store, 9)] == ["j3"]

    async def test_a_cleared_queue_gives_up_its_place(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        await clear(store, "a")
        await enqueue(store, "a", "j")
        assert [job.queue_id for job in await take_in_turn(store, 2)] == ["b", "a"]

    @with_and_without_purge
    async def test_the_unpaid_rate_stays(
        self, store: QueueStore, clock: ManualClock, *, purge: bool
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take(store)
        await clear(store, "q", purge=purge)
        await enqueue(store, "q", "j3", interval=1000)
        assert await next_ready_at(store) == start + 1000

    @with_and_without_purge
    async def test_other_queues_and_types_are_left_alone(
        self, store: QueueStore, *, purge: bool
    ) -> None:
        for queue_type, queue_id in ((TYPE, "q"), (TYPE, "q-"), (TYPE, "p"), ("other", "q")):
            await enqueue(store, queue_id, "j1", "j2", queue_type=queue_type)
        await take_batch(store, 3)
        await take(store, queue_type="other")
        await clear(store, "q", purge=purge)
        assert await lengths(store, "q-") == await lengths(store, "p") == (1, 1, 0)
        assert await lengths(store, "q", queue_type="other") == (1, 1, 0)
        assert await counted(store, "q-") == await counted(store, "p") == (2, 1)


class PurgeConformance(Conformance):
    """A purge takes the dead letters and the queue's own counts too."""

    async def test_dead_letters_outlive_a_clearing_and_go_with_a_purge(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_one_die(store, clock, "q")
        await enqueue(store, "q", "j")
        assert await clear(store, "q") == Cleared(waiting=1, leased=0, dead=0)
        assert await lengths(store, "q") == (0, 0, 1)
        assert await clear(store, "q", purge=True) == Cleared(waiting=0, leased=0, dead=1)
        assert await lengths(store, "q") == (0, 0, 0)

    async def test_a_purge_takes_the_dead_of_its_queue_only(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b"):
            await let_one_die(store, clock, queue_id)
        assert (await clear(store, "a", purge=True)).dead == 1
        assert await lengths(store, "b") == (0, 0, 1)

    async def test_the_queue_s_counts_outlive_a_clearing_and_go_with_a_purge(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await take(store)
        await clear(store, "q")
        assert await counted(store, "q") == (2, 1)
        await clear(store, "q", purge=True)
        assert await counted(store, "q") == (0, 0)
        await enqueue(store, "q", "j")
        assert await counted(store, "q") == (1, 0)

    async def test_the_counts_of_the_type_and_of_everything_outlive_a_purge(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        await take(store)
        await clear(store, "q", purge=True)
        for counts in (await counts_of(store, TYPE), await counts_of(store)):
            assert (sum(counts.enqueues.values()), sum(counts.dequeues.values())) == (2, 1)
