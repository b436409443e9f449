"""Dropping dead letters in bounded steps."""

import pytest

from sharq_plug.model import (
    Absence,
    JobRef,
    LeaseOutcome,
    LetterRef,
    Redrive,
    Retention,
    Totals,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.aging import AT_MOST_3, FOR_A_SECOND
from sharq_plug.testing.conformance.amending import seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import (
    DAY,
    HOUR,
    UNKNOWN,
    amend,
    let_each_die,
    letters,
    numbers,
    queues,
    totals,
    types,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    enqueue,
    fail_job,
    finish,
    reclaim,
    take,
    take_batch,
)


class LetterTendingConformance(Conformance):
    """`tend` drops letters of all queues and types in bounded steps, and counts them."""

    @pytest.mark.parametrize("retention", [Retention(max_age=0), Retention(max_count=0)], ids=str)
    async def test_a_step_drops_no_more_than_its_limit_and_says_more(
        self, store: QueueStore, retention: Retention
    ) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(10)))
        steps = []
        for _ in range(3):
            more = (await store.tend(limit=4, retention=retention)).more
            steps.append((more, await numbers(store)))
        assert steps == [(True, [5, 6, 7, 8, 9, 10]), (True, [9, 10]), (False, [])]

    async def test_many_letters_of_many_queues_go_in_steps(self, store: QueueStore) -> None:
        for n in range(8):
            await let_each_die(store, f"q{n}", *(f"j{m}" for m in range(100)))
        await tend_all(store, limit=70, retention=AT_MOST_3)
        assert await numbers(store) == [798, 799, 800]

    async def test_dropped_letters_are_counted_as_aged_out(self, store: QueueStore) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(5)))
        await tend_all(store, retention=AT_MOST_3)
        assert await totals(store) == Totals(enqueued=5, dequeued=5, failed=5, dead=5, aged_out=2)

    async def test_a_type_that_has_only_letters_is_tended(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_type in ("a", "b"):
            await let_each_die(store, "q", "j", queue_type=queue_type)
        for _ in range(30):
            clock.advance(DAY)
            await tend_all(store)
        assert await types(store) == {}

    async def test_a_queue_that_lost_its_last_letter_is_not_listed(self, store: QueueStore) -> None:
        await let_each_die(store, "a", "j1", "j2")
        await let_each_die(store, "b", *(f"j{n}" for n in range(3)))
        await tend_all(store, retention=AT_MOST_3)
        assert set(await queues(store)) == {"b"}

    async def test_a_queue_whose_letters_go_keeps_its_jobs(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await enqueue(store, "q", "waits", "j1")
        await tend_all(store, retention=Retention(max_count=0))
        assert await by_state(store, "q") == (2, 0, 0, 0)
        assert [job.job_id for job in await take_batch(store, 9)] == ["waits", "j1"]

    async def test_a_dropped_letter_is_gone(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await fail_job(store, job, dead=True)
        await tend_all(store, retention=Retention(max_count=0))
        assert await store.find(TYPE, [JobRef("q", "j")]) == [Absence.UNKNOWN]
        assert await amend(store, Redrive(LetterRef(1))) is UNKNOWN
        assert await amend(store, Redrive(JobRef("q", "j"))) is UNKNOWN
        assert await finish(store, claim(job)) is LeaseOutcome.UNKNOWN

    async def test_the_oldest_letter_of_a_job_is_dropped_first(self, store: QueueStore) -> None:
        for error in ("first", "second", "third", "fourth"):
            await let_each_die(store, "q", "j", error=error)
        await tend_all(store, retention=AT_MOST_3)
        assert [letter.last_error for letter in await letters(store)] == [
            *("fourth", "third", "second")
        ]
        assert (await seen(store, "q", "j")).last_error == "fourth"

    @pytest.mark.parametrize(
        ("shorter", "kept"), [(Retention(max_age=HOUR), []), (Retention(max_count=1), [2])], ids=str
    )
    async def test_a_shorter_retention_takes_effect_within_an_hour(
        self, store: QueueStore, clock: ManualClock, shorter: Retention, kept: list[int]
    ) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await tend_all(store)
        clock.advance(HOUR)
        await tend_all(store, retention=shorter)
        assert await numbers(store) == kept

    async def test_a_longer_retention_takes_effect_at_once(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j")
        await tend_all(store, retention=FOR_A_SECOND)
        clock.advance(1000)
        await tend_all(store)
        assert await numbers(store) == [1]

    async def test_letters_that_are_kept_do_not_cause_more(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await tend_all(store)
        for _ in range(3):
            clock.advance(HOUR)
            await tend_all(store)
            assert not (await store.tend(limit=1)).more

    async def test_ending_leases_and_dropping_letters_have_a_limit_each(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "j1", "j2", "j3")
        await enqueue(store, "p", "k1", "k2", "k3")
        await take_batch(store, 3, lease_time=100)
        clock.advance(100)
        step = await store.tend(limit=2, retention=Retention(max_count=0))
        assert (len(step.ended), step.more, await numbers(store)) == (2, True, [3])
        assert (await reclaim(store)).requeued == 1

    async def test_letters_of_many_types_go(self, store: QueueStore) -> None:
        names = [f"type{n}" for n in range(150)]
        for queue_type in names:
            await let_each_die(store, "q", "j", queue_type=queue_type)
        await tend_all(store, retention=Retention(max_count=0))
        assert await types(store) == {}
