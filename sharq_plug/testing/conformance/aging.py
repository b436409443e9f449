"""Retention: letters that are too old or too many are dropped, the lowest numbers first."""

from sharq_plug.model import Retention
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import DAY, discard, let_each_die, numbers, redrive
from sharq_plug.testing.conformance.vocabulary import (
    by_state,
    enqueue,
    fail_job,
    take,
    take_batch,
)

FOR_A_SECOND = Retention(max_age=1000)
AT_MOST_3 = Retention(max_count=3)


class LetterAgeConformance(Conformance):
    """A letter is dropped `max_age` after its death."""

    async def test_a_letter_goes_at_its_ms_and_not_before(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j")
        await tend_all(store, retention=FOR_A_SECOND)
        clock.advance(999)
        await tend_all(store, retention=FOR_A_SECOND)
        assert await numbers(store) == [1]
        clock.advance(1)
        await tend_all(store, retention=FOR_A_SECOND)
        assert await numbers(store) == []
        assert await by_state(store, "q") == (0, 0, 0, 0)

    async def test_a_letter_goes_at_its_ms_also_if_nobody_tended_before(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j")
        clock.advance(1000)
        await tend_all(store, retention=FOR_A_SECOND)
        assert await numbers(store) == []

    async def test_a_letter_is_kept_for_30_days_by_default(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j")
        for _ in range(29):
            await tend_all(store)
            clock.advance(DAY)
        clock.advance(DAY - 1)
        await tend_all(store)
        assert await numbers(store) == [1]
        clock.advance(1)
        await tend_all(store)
        assert await numbers(store) == []

    async def test_its_age_counts_from_its_death(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        clock.advance(5000)
        await fail_job(store, await take(store), dead=True)
        clock.advance(999)
        await tend_all(store, retention=FOR_A_SECOND)
        assert await numbers(store) == [1]

    async def test_each_letter_goes_at_its_own_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for n in range(3):
            await let_each_die(store, "ab"[n % 2], f"j{n}")
            await tend_all(store, retention=FOR_A_SECOND)
            clock.advance(400)
        for left in ([2, 3], [3], []):
            await tend_all(store, retention=FOR_A_SECOND)
            assert await numbers(store) == left
            clock.advance(400)

    async def test_a_max_age_of_0_keeps_none(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await tend_all(store, retention=Retention(max_age=0))
        assert await numbers(store) == []

    async def test_a_job_that_dies_again_is_as_old_as_its_new_letter(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j")
        await tend_all(store, retention=FOR_A_SECOND)
        clock.advance(900)
        await redrive(store, 1)
        await fail_job(store, await take(store), dead=True)
        clock.advance(999)
        await tend_all(store, retention=FOR_A_SECOND)
        assert await numbers(store) == [2]
        clock.advance(1)
        await tend_all(store, retention=FOR_A_SECOND)
        assert await numbers(store) == []

    async def test_after_a_discard_of_the_oldest_the_next_letter_goes_in_its_time(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j1")
        clock.advance(500)
        await let_each_die(store, "q", "j2")
        await discard(store, 1)
        for expected in ([2], []):
            clock.advance(500)
            await tend_all(store, retention=FOR_A_SECOND)
            assert await numbers(store) == expected

    async def test_a_letter_waits_for_those_before_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "later")
        clock.step_back(500)
        await let_each_die(store, "q", "earlier")
        for span, expected in ((1000, [1, 2]), (500, [])):
            clock.advance(span)
            await tend_all(store, retention=FOR_A_SECOND)
            assert await numbers(store) == expected


class LetterCountConformance(Conformance):
    """Of each type the newest `max_count` letters are kept."""

    async def test_the_lowest_numbers_go_first(self, store: QueueStore) -> None:
        for n in range(5):
            await let_each_die(store, "ab"[n % 2], f"j{n}")
        await tend_all(store, retention=AT_MOST_3)
        assert await numbers(store) == [3, 4, 5]
        assert await by_state(store, "a") == (0, 0, 0, 2)
        assert await by_state(store, "b") == (0, 0, 0, 1)

    async def test_max_count_letters_are_kept(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2", "j3")
        await tend_all(store, retention=AT_MOST_3)
        assert await numbers(store) == [1, 2, 3]

    async def test_each_type_has_a_count_of_its_own(self, store: QueueStore) -> None:
        for queue_type in ("a", "b"):
            await let_each_die(store, "q", "j1", "j2", queue_type=queue_type)
        await tend_all(store, retention=AT_MOST_3)
        assert await numbers(store, queue_type="a") == [1, 2]
        assert await numbers(store, queue_type="b") == [1, 2]

    async def test_redriven_and_discarded_letters_do_not_count(self, store: QueueStore) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(5)))
        await redrive(store, 5)
        await discard(store, 4)
        await tend_all(store, retention=AT_MOST_3)
        assert await numbers(store) == [1, 2, 3]

    async def test_a_max_count_of_0_keeps_none(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await tend_all(store, retention=Retention(max_count=0))
        assert await numbers(store) == []

    async def test_letters_of_jobs_that_die_in_a_tending_count_in_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await enqueue(store, "q", "j3", "j4", requeue_limit=0)
        await take_batch(store, 2, lease_time=100)
        clock.advance(100)
        await tend_all(store, retention=AT_MOST_3)
        assert await numbers(store) == [2, 3, 4]

    async def test_a_new_letter_drops_the_oldest_at_the_next_tending(
        self, store: QueueStore
    ) -> None:
        for n in range(8):
            await let_each_die(store, "q", f"j{n}")
            await tend_all(store, retention=AT_MOST_3)
            assert await numbers(store) == list(range(max(1, n - 1), n + 2))

    async def test_old_and_surplus_letters_go_together(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        retention = Retention(max_age=1000, max_count=2)
        await let_each_die(store, "q", "j1", "j2", "j3", "j4")
        clock.advance(500)
        await let_each_die(store, "q", "j5")
        await tend_all(store, retention=retention)
        assert await numbers(store) == [4, 5]
        clock.advance(500)
        await tend_all(store, retention=retention)
        assert await numbers(store) == [5]
