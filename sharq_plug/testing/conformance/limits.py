"""Limits: a queue may give so much at once after a rest, and then so much in each period."""

import pytest

from sharq_plug.model import MAX_PER, MAX_RATE, Cancel, JobRef, Limit, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import (
    EACH_SECOND,
    goes_at,
    goes_freely,
    move_to,
    spend,
    stock,
)
from sharq_plug.testing.conformance.operating import DONE, amend
from sharq_plug.testing.conformance.setting import set_limits
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    clear,
    enqueue,
    finish_job,
    next_ready_at,
    queue_order,
    reclaim,
    release_job,
    take,
    take_batch,
)

DELIVERIES = [
    (EACH_SECOND, [0, 1000, 2000]),
    (Limit(1, 1000, 3), [0, 0, 0, 1000, 2000]),
    (Limit(1, 1), [0, 1, 2]),
    (Limit(1, 1, 2), [0, 0, 1, 2]),
    (Limit(3, 1000), [0, 334, 668, 1002]),
    (Limit(3, 1000, 2), [0, 0, 334, 667, 1000, 1334]),
    (Limit(7, 10), [0, 2, 4, 6]),
    (Limit(7, 10, 2), [0, 0, 2, 3, 5, 6, 8]),
    (Limit(9, 10, 2), [0, 0, 2, 3, 4, 5, 6]),
    (Limit(10, 9, 2), [0, 0, 1, 2, 3]),
    (Limit(19, 10, 2), [0, 0, 1, 2, 2, 3, 4, 4]),
    (Limit(1000, 1), [0, 1, 2]),
    (Limit(MAX_RATE, 1, 3), [0, 0, 0, 1, 1, 1, 2, 2, 2]),
    (Limit(MAX_RATE, 1000, 2), [0, 0, 1, 1, 2, 2]),
    (Limit(1, MAX_PER), [0, MAX_PER, 2 * MAX_PER]),
    (Limit(1, MAX_PER, 2), [0, 0, MAX_PER]),
    (Limit(MAX_RATE, MAX_PER), [0, 1_000_000, 2_000_000]),
    (Limit(MAX_RATE - 1, MAX_PER, 2), [0, 0, 1_000_002, 2_000_003]),
    (Limit(MAX_RATE - 1, MAX_PER - 1, 2), [0, 0, 1_000_001, 2_000_002, 3_000_003]),
]
"""Limits, and when they let jobs of cost 1 go, as soon as each may go."""


class LimitConformance(Conformance):
    """One limit of a queue, and jobs that cost 1."""

    @pytest.mark.parametrize(("limit", "instants"), DELIVERIES)
    async def test_jobs_go_as_soon_as_the_limit_lets_them_to_the_ms(
        self, store: QueueStore, clock: ManualClock, limit: Limit, instants: list[int]
    ) -> None:
        await stock(store, limit)
        await goes_at(store, clock, *instants)

    async def test_a_burst_comes_back_bit_by_bit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 3))
        await goes_at(store, clock, 0, 0, 0)
        move_to(clock, 1999)
        await goes_at(store, clock, 1999, 2000, 3000)

    async def test_a_rest_saves_up_no_more_than_the_burst(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 3))
        await goes_at(store, clock, 0, 0, 0)
        move_to(clock, 10**6)
        await goes_at(store, clock, *[10**6] * 3, 10**6 + 1000)

    async def test_a_part_of_a_period_counts_after_a_rest(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 2))
        await goes_freely(store, 1)
        move_to(clock, 400)
        await goes_at(store, clock, 400, 1000, 2000)

    async def test_the_longest_rest_at_the_highest_rate_saves_up_one_burst(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(MAX_RATE, MAX_PER, 2))
        await goes_at(store, clock, 0, 0)
        move_to(clock, MAX_PER)
        await goes_at(store, clock, *[MAX_PER] * 2, MAX_PER + 1_000_000)

    async def test_asking_in_vain_delays_nothing_and_hurries_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(3, 100, 2))
        await goes_at(store, clock, 0, 0)
        for instant in range(34):
            move_to(clock, instant)
            await next_ready_at(store)
        await goes_at(store, clock, 34, 67, 100)

    async def test_a_batch_takes_a_whole_burst_and_no_more(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 3))
        assert [job.job_id for job in await take_batch(store, 9)] == ["0", "1", "2"]
        await goes_at(store, clock, 1000)

    async def test_a_take_of_one_queue_gets_a_whole_burst(self, store: QueueStore) -> None:
        await stock(store, Limit(1, 1000, 3))
        await stock(store, queue_id="p")
        [answer] = await store.dequeue(TYPE, [Take(9, LEASE_TIME, together=True)])
        assert [(job.queue_id, job.job_id) for job in answer.jobs] == [
            ("q", "0"),
            ("q", "1"),
            ("q", "2"),
        ]

    async def test_a_queue_with_a_burst_goes_to_the_end_of_the_line_after_each_job(
        self, store: QueueStore
    ) -> None:
        for queue_id in ("q", "p"):
            await stock(store, Limit(1, 1000, 2), queue_id=queue_id)
        await stock(store, queue_id="free")
        assert await queue_order(store, 8) == [
            *("q", "p", "free"),
            *("q", "p", "free"),
            *("free", "free"),
        ]

    async def test_each_queue_has_limits_of_its_own(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000), queue_id="slow")
        await stock(store, Limit(1, 10), queue_id="fast", jobs=2)
        await set_limits(store, Limit(1, 5), queue_id="fast", queue_type="other")
        jobs = await goes_at(store, clock, 0, 0, 10, 1000)
        assert [job.queue_id for job in jobs] == ["slow", "fast", "fast", "slow"]

    async def test_a_job_that_comes_back_gives_nothing_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 2), jobs=2)
        await release_job(store, await take(store))
        await release_job(store, await take(store))
        assert [job.attempt for job in await goes_at(store, clock, 1000, 2000)] == [3, 1]

    async def test_a_lease_that_expires_gives_nothing_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 2), jobs=2)
        for _ in range(2):
            await take(store, lease_time=1)
        move_to(clock, 1)
        assert (await reclaim(store)).requeued == 2
        assert [job.attempt for job in await goes_at(store, clock, 1000, 2000)] == [2, 2]

    @pytest.mark.parametrize("clears", [False, True])
    async def test_a_lease_that_is_cancelled_or_cleared_gives_nothing_back(
        self, store: QueueStore, clock: ManualClock, *, clears: bool
    ) -> None:
        await stock(store, EACH_SECOND, jobs=1)
        await take(store)
        if clears:
            await clear(store, "q")
        else:
            assert await amend(store, Cancel(JobRef("q", "0"), leased=True)) is DONE
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 1000)

    async def test_a_dequeue_that_is_repeated_pays_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(1, 1000, 3))
        for _ in range(3):
            [answer] = await store.dequeue(TYPE, [Take(2, LEASE_TIME, "try")])
            assert [job.job_id for job in answer.jobs] == ["0", "1"]
        await goes_at(store, clock, 0, 1000)

    async def test_no_limits_are_no_limits(self, store: QueueStore) -> None:
        await stock(store)
        await goes_freely(store, 9)

    async def test_jobs_that_come_later_find_what_is_owed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_limits(store, Limit(1, 1000, 2))
        for n in range(2):
            await spend(store, 1 + n)
        await enqueue(store, "q", "j")
        await goes_at(store, clock, 2000)

    async def test_a_lookup_of_what_is_ready_changes_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, Limit(3, 1000, 2))
        await goes_at(store, clock, 0, 0, 334)
        move_to(clock, 500)
        await store.look(TYPE, "q")
        await store.look(TYPE)
        await goes_at(store, clock, 667, 1000)

    async def test_two_types_have_two_limits_for_queues_of_one_name(
        self, store: QueueStore
    ) -> None:
        await stock(store, EACH_SECOND)
        await set_limits(store, queue_type="other")
        await enqueue(store, "q", "1", "2", queue_type="other")
        await finish_job(store, await take(store))
        assert len(await take_batch(store, 9, queue_type="other")) == 2
        assert await take_batch(store, 9) == []
