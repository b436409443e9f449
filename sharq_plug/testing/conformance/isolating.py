"""Isolation: no name is special, no queue reaches another, no type either."""

import asyncio

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    Backlogs,
    Clear,
    Discard,
    JobRef,
    Jobs,
    JobState,
    LeaseOutcome,
    LeaseRef,
    LetterRange,
    Letters,
    Listing,
    Names,
    Overdue,
    Queues,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import (
    change_interval,
    counts_of,
    dequeue_for_one,
    finish_all,
    release_all,
)
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    claim,
    clear,
    enqueue,
    lengths,
    listed,
    new_job,
    next_ready_at,
    reclaim_of_each,
    take_batch,
    take_exactly_at,
    take_in_turn,
)

NAMES = [
    *("payload", "active", "ready", "queue", "jobs", "dead", "types", "default"),
    *("-", "_", "--", "a-b", "a_b", "A-B", "a", "A"),
    *("0", "00", "7", "007", "-1", "1e3", "1000", "0x10", "nil", "null", "None", "false"),
    *("gpt-4.1", "+441632960001", "a@b.example", "~team", "a.b", ".a", "a.", "a..b", "..-"),
    *("+", "@", "~", "-+", "+inf", "1.0", "1.50", "+1", "a+b", "a-+b", "a~b"),
    *(":", "::", "a:b", ":a", "a:", "1:2", "sms:priority:1"),
    "x" * 100,
    "." * 99 + "x",
]

NO_NAMES = [
    *("", " ", "a b", "a\n", "\na", "{a}", "a}b", "a{b", "a/b", "a*", "a?", "\0"),
    *(
        ".",
        "..",
        "...",
        "." * 100,
        "a%b",
        "a=b",
        "a#b",
        "a,b",
        "a;b",
        "a&b",
        "a\\b",
        "a^b",
        "a|b",
        "a!",
    ),
    *("\u212a", "\u00e9", "\uff11", "\u0661", "a\u200b", "\ud800"),
    "x" * 101,
]

LISTINGS: list[Listing] = [
    *(Names(), Queues(), Queues("q"), Overdue(), Backlogs(), Letters(), Letters("q")),
    *(Jobs("q", state) for state in JobState),
]

every_no_name = pytest.mark.parametrize("no_name", NO_NAMES, ids=ascii)


class NameConformance(Conformance):
    """Any name is as good as any other; what is no name is refused."""

    async def test_every_name_works_as_type_and_queue_and_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for name in NAMES:
            jobs = [new_job(queue_id, name, requeue_limit=0) for queue_id in NAMES]
            await store.enqueue(name, jobs)
        for name in NAMES:
            leased = await take_batch(store, 999, queue_type=name, lease_time=100)
            assert [job.queue_id for job in leased] == NAMES
            assert {job.job_id for job in leased} == {name}
            claims = [claim(job) for job in leased[::2]]
            outcomes = await finish_all(store, name, claims, receipt_time=1)
            assert set(outcomes) == {LeaseOutcome.ENDED}
        clock.advance(100)
        expected = set(NAMES[1::2])
        assert await listed(store, None) == set(NAMES)
        for name in NAMES:
            assert await listed(store, name) == expected
        ended = await reclaim_of_each(store, *NAMES)
        assert [reclaimed.dead for reclaimed in ended] == [len(expected)] * len(NAMES)
        assert await listed(store, None) == set()

    async def test_every_name_works_for_the_jobs_of_one_queue(self, store: QueueStore) -> None:
        await enqueue(store, "q", *NAMES)
        leased = await take_batch(store, 999)
        assert [job.job_id for job in leased] == NAMES
        assert await release_all(store, TYPE, [claim(job) for job in leased]) == [
            LeaseOutcome.ENDED
        ] * len(NAMES)
        assert [job.job_id for job in await take_in_turn(store, len(NAMES))] == NAMES

    async def test_names_that_would_run_together_are_kept_apart(self, store: QueueStore) -> None:
        for between in "-.@+~":
            ab, bc, cd = f"a{between}b", f"b{between}c", f"c{between}d"
            queues = [(ab, "c", "d"), ("a", bc, "d"), ("a", "b", cd), ("a_b", "c", "d")]
            for queue_type, queue_id, job_id in queues:
                await enqueue(store, queue_id, job_id, queue_type=queue_type)
            await clear(store, "c", queue_type=ab, purge=True)
            assert await lengths(store, bc, queue_type="a") == (1, 0, 0)
            assert await lengths(store, "b", queue_type="a") == (1, 0, 0)
            assert await lengths(store, "c", queue_type="a_b") == (1, 0, 0)
            for queue_type, queue_id, _ in queues:
                await clear(store, queue_id, queue_type=queue_type)

    @every_no_name
    async def test_what_is_no_name_is_no_queue_type(self, store: QueueStore, no_name: str) -> None:
        refusals = await asyncio.gather(
            store.enqueue(no_name, [new_job("q", "j")]),
            dequeue_for_one(store, no_name, count=1, lease_time=1),
            finish_all(store, no_name, [LeaseRef("q", "j")], receipt_time=1),
            release_all(store, no_name, [LeaseRef("q", "j")]),
            change_interval(store, no_name, "q", 1),
            store.amend(no_name, [Discard(JobRef("q", "j"))]),
            store.redrive(no_name, LetterRange(), limit=1),
            store.discard(no_name, LetterRange(), limit=1),
            store.clear(no_name, Clear("q"), limit=1),
            store.clear(no_name, Clear(), limit=1),
            store.look(no_name, "q"),
            counts_of(store, no_name),
            *(store.page(no_name, listing, limit=1) for listing in LISTINGS),
            return_exceptions=True,
        )
        assert {type(refusal) for refusal in refusals} == {InvalidRequest}
        assert await listed(store, None) == set()


class IsolationConformance(Conformance):
    """What happens to one queue never shows in another."""

    async def test_equal_jobs_of_equal_queues_of_two_types_are_two(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_type in ("a", "b"):
            await enqueue(store, "q", "j", queue_type=queue_type, requeue_limit=0)
        [job] = await take_batch(store, 9, queue_type="a", lease_time=100)
        assert await lengths(store, "q", queue_type="b") == (1, 0, 0)
        [outcome] = await finish_all(store, "b", [claim(job)], receipt_time=1)
        assert outcome is LeaseOutcome.STALE
        clock.advance(100)
        b, a = await reclaim_of_each(store, "b", "a")
        assert (b.dead, a.dead) == (0, 1)
        assert await lengths(store, "q", queue_type="b") == (1, 0, 0)
        await clear(store, "q", purge=True, queue_type="b")
        assert await lengths(store, "q", queue_type="a") == (0, 0, 1)

    async def test_equal_job_ids_of_two_queues_are_two_jobs(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        a, b = await take_in_turn(store, 2)
        assert await finish_all(store, TYPE, [LeaseRef("b", "j", a.token)], receipt_time=1) == [
            LeaseOutcome.STALE
        ]
        assert await finish_all(store, TYPE, [claim(a)], receipt_time=1) == [LeaseOutcome.ENDED]
        assert await lengths(store, "b") == (0, 1, 0)
        assert await release_all(store, TYPE, [claim(b)]) == [LeaseOutcome.ENDED]

    async def test_a_flooded_and_a_throttled_queue_delay_no_other(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "flooded", *(f"j{n}" for n in range(1000)))
        await enqueue(store, "throttled", *(f"j{n}" for n in range(1000)), interval=10**9)
        assert len(await take_batch(store, 3)) == 3
        for n in range(10):
            clock.advance(1)
            await enqueue(store, "calm", f"j{n}", interval=0)
            assert "calm" in {job.queue_id for job in await take_in_turn(store, 2)}

    async def test_what_waits_in_one_type_is_nothing_to_another(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "q", "j1", "j2", interval=1000)
        await take_in_turn(store, 1)
        assert await next_ready_at(store, queue_type="other") is None
        await enqueue(store, "q", "j1", "j2", interval=5, queue_type="other")
        assert len(await take_batch(store, 9, queue_type="other")) == 1
        assert await next_ready_at(store, queue_type="other") == start + 5
        await take_exactly_at(store, clock, start + 1000)
