"""Listings of the jobs of a queue, a state at a time, and of dead letters."""

from typing import Any

import pytest

from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    DeathReason,
    JobEntry,
    Jobs,
    JobState,
    JobView,
    Letters,
    LetterView,
    Listing,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import as_listed
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.filling import IDS, every_state, fill
from sharq_plug.testing.conformance.finding import COST, HEADERS
from sharq_plug.testing.conformance.operating import (
    discard,
    ids_in,
    jobs_in,
    let_each_die,
    letters,
    pages,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    extend_lease,
    fail_job,
    job_order,
    let_expire,
    release_job,
    take,
    take_in_turn,
)

WAITING, DELAYED = JobState.WAITING, JobState.DELAYED
LEASED, DEAD = JobState.LEASED, JobState.DEAD


class JobListingConformance(Conformance):
    """The jobs of a queue are listed in the order in which they would go."""

    @every_state
    async def test_each_is_listed_as_it_is_found(
        self, store: QueueStore, clock: ManualClock, state: JobState
    ) -> None:
        await fill(store, clock, "q", "other")
        found = await jobs_in(store, "q", state)
        assert [entry.job_id for entry in found] == [*IDS[state]]
        assert found == [JobEntry(id_, await as_listed(store, "q", id_)) for id_ in IDS[state]]

    @every_state
    async def test_payloads_are_listed_only_on_request(
        self, store: QueueStore, clock: ManualClock, state: JobState
    ) -> None:
        await fill(store, clock, "q")
        for entry in await jobs_in(store, "q", state):
            assert entry.job.payload is None
        for entry in await jobs_in(store, "q", state, with_payloads=True):
            assert entry.job == await as_listed(store, "q", entry.job_id, payloads=True)

    @every_state
    async def test_an_unknown_queue_lists_no_jobs(
        self, store: QueueStore, clock: ManualClock, state: JobState
    ) -> None:
        await fill(store, clock, "q")
        assert await jobs_in(store, "no", state) == []

    @every_state
    async def test_the_only_job_of_a_queue_is_listed(
        self, store: QueueStore, clock: ManualClock, state: JobState
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", delay=10 if state is DELAYED else 0)
        if state in (LEASED, DEAD):
            job = await take(store, lease_time=20)
            if state is DEAD:
                await fail_job(store, job, dead=True)
        expected = {
            WAITING: JobView(WAITING, 0, -1, now, position=0),
            DELAYED: JobView(DELAYED, 0, -1, now, at=now + 10, position=0),
            LEASED: JobView(LEASED, 1, -1, now, expires_at=now + 20),
            DEAD: JobView(DEAD, 1, -1, now),
        }
        assert await jobs_in(store, "q", state) == [JobEntry("j", expected[state])]
        for other in set(JobState) - {state}:
            assert await jobs_in(store, "q", other) == []

    async def test_waiting_jobs_are_listed_by_priority_then_returned_first_then_number(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "low1", "low2", "low3")
        await enqueue(store, "q", "high1", "high2", priority=5)
        [_, returned, *_] = await take_in_turn(store, 2)
        await enqueue(store, "q", "highest", priority=9)
        await release_job(store, returned)
        order = ["highest", "high2", "low1", "low2", "low3"]
        entries = await jobs_in(store, "q", WAITING)
        assert [entry.job_id for entry in entries] == order
        assert [entry.job.position for entry in entries] == [0, 1, 2, 3, 4]
        assert await job_order(store, 5) == order

    async def test_due_jobs_that_have_not_joined_are_listed_last_among_the_waiting(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "late", delay=20, priority=9)
        await enqueue(store, "q", "low1", "low2", delay=10)
        await enqueue(store, "q", "high", delay=10, priority=1)
        await enqueue(store, "q", "later", delay=21)
        await enqueue(store, "q", "w1", "w2")
        clock.advance(20)
        order = ["w1", "w2", "high", "low1", "low2", "late"]
        assert await ids_in(store, "q", WAITING) == order
        for limit in (1, 2, 3, 5):
            assert await ids_in(store, "q", WAITING, limit=limit) == order
        await tend_all(store)
        assert await ids_in(store, "q", WAITING) == await job_order(store, 6)

    async def test_delayed_jobs_are_listed_by_time_and_priority_and_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        at = clock.now() + 100
        await enqueue(store, "q", "late", at=at + 1, priority=9)
        await enqueue(store, "q", "low1", "low2", at=at)
        await enqueue(store, "q", "high", at=at, priority=1)
        await enqueue(store, "q", "waits1", "waits2")
        entries = await jobs_in(store, "q", DELAYED)
        assert [entry.job_id for entry in entries] == ["high", "low1", "low2", "late"]
        assert [entry.job.position for entry in entries] == [2, 3, 4, 5]
        assert [entry.job.at for entry in entries] == [at, at, at, at + 1]

    async def test_leased_jobs_are_listed_by_end_and_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4")
        jobs = [await take(store, lease_time=lease_time) for lease_time in (300, 200, 200, 100)]
        assert await ids_in(store, "q", LEASED) == ["j4", "j2", "j3", "j1"]
        await extend_lease(store, jobs[3], 500)
        clock.advance(250)
        assert await ids_in(store, "q", LEASED) == ["j2", "j3", "j1", "j4"]

    async def test_dead_jobs_are_listed_by_number_one_for_each_letter(
        self, store: QueueStore
    ) -> None:
        for job_id, error in (("b", "1"), ("a", "2"), ("b", "3")):
            await let_each_die(store, "q", job_id, error=error)
        entries = await jobs_in(store, "q", DEAD)
        assert [entry.job_id for entry in entries] == ["b", "a", "b"]
        assert [entry.job.last_error for entry in entries] == ["1", "2", "3"]

    async def test_an_older_letter_is_shown_as_the_newest_is_found(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        extras: dict[str, Any] = {"priority": 2, "cost": COST, "headers": HEADERS}
        now = clock.now()
        await enqueue(store, "q", "j", requeue_limit=3, payload=b"[1]", **extras)
        await let_expire(store, clock)
        await fail_job(store, await take(store), error="broken", dead=True)
        await let_each_die(store, "q", "j")
        first = (await jobs_in(store, "q", DEAD, with_payloads=True))[0]
        shown = JobView(
            *(DEAD, 2, 2, now, 2),
            last_error="broken",
            cost=COST,
            headers=HEADERS,
            payload=b"[1]",
        )
        assert first == JobEntry("j", shown)


class LetterListingConformance(Conformance):
    """Dead letters are listed whole, the newest first."""

    async def test_a_letter_tells_all(self, store: QueueStore, clock: ManualClock) -> None:
        now = clock.now()
        extras: dict[str, Any] = {"priority": 2, "cost": COST, "headers": HEADERS}
        await enqueue(store, "q", "j", requeue_limit=1, payload=b"\xc1\x00", **extras)
        for span, error in ((10, "first"), (20, "second")):
            clock.advance(span)
            await fail_job(store, await take(store), error=error)
        assert await letters(store) == [
            LetterView(
                *(1, "q", "j", b"\xc1\x00", DeathReason.FAILED, 2, now, now + 30, 2, "second"),
                cost=COST,
                headers=HEADERS,
            )
        ]

    async def test_a_letter_of_a_plain_job_has_no_extras(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", requeue_limit=0)
        await let_expire(store, clock, dies=True)
        reason = DeathReason.REQUEUES_EXHAUSTED
        assert await letters(store) == [LetterView(1, "q", "j", b"{}", reason, 1, now, now + 1)]

    async def test_a_letter_of_an_expired_job_tells_its_reason(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "q", "j", ttl=10)
        clock.advance(15)
        await tend_all(store)
        reason = DeathReason.EXPIRED
        assert await letters(store) == [LetterView(1, "q", "j", b"{}", reason, 0, now, now + 15)]

    async def test_the_newest_comes_first(self, store: QueueStore) -> None:
        for queue_id in ("b", "a", "b", "c"):
            await let_each_die(store, queue_id, "j")
        assert [(view.number, view.queue_id) for view in await letters(store)] == [
            *((4, "c"), (3, "b"), (2, "a"), (1, "b"))
        ]
        assert [view.number for view in await letters(store, "b")] == [3, 1]

    async def test_only_letters_of_the_type_are_listed(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        assert await letters(store, queue_type="other") == await letters(store, "other") == []

    async def test_letters_that_come_after_the_first_page_may_be_left_out(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(4)))
        first = await store.page(TYPE, Letters(), limit=2)
        await let_each_die(store, "q", "new")
        await discard(store, 3)
        second = await store.page(TYPE, Letters(), cursor=first.cursor, limit=2)
        assert [letter.number for letter in second.items if isinstance(letter, LetterView)] == [
            2,
            1,
        ]


MIB = 1024 * 1024
LARGE = [
    *(Jobs("q", state, with_payloads=True) for state in JobState),
    *(Letters(), Letters("q")),
]


async def have_large_jobs(store: QueueStore, listing: Listing, *sizes: int) -> None:
    """Give queue "q" jobs with payloads of these sizes, to be listed in this order."""
    state = listing.state if isinstance(listing, Jobs) else DEAD
    order = sizes[::-1] if isinstance(listing, Letters) else sizes
    for n, size in enumerate(order):
        delay = 1000 if state is DELAYED else 0
        await enqueue(store, "q", f"j{n}", payload=b"x" * size, delay=delay)
    if state in (LEASED, DEAD):
        for n in range(len(sizes)):
            job = await take(store, lease_time=1000 + n)
            if state is DEAD:
                await fail_job(store, job, dead=True)


def payload_of(item: object) -> bytes:
    """Return the payload of a listed job or letter."""
    assert isinstance(item, JobEntry | LetterView)
    payload = item.job.payload if isinstance(item, JobEntry) else item.payload
    assert isinstance(payload, bytes)
    return payload


class LargePageConformance(Conformance):
    """A page holds payloads of 8 MiB at most, or one job."""

    @pytest.mark.parametrize("listing", LARGE, ids=str)
    @pytest.mark.parametrize(
        ("sizes", "expected"),
        [
            ((3, 3, 3), [2, 1]),
            ((4, 4, 1), [2, 1]),
            ((9, 1, 1), [1, 2]),
            ((1, 9, 1), [1, 1, 1]),
            ((2, 2, 2, 2, 2), [4, 1]),
        ],
        ids=str,
    )
    async def test_a_page_ends_before_its_payloads_exceed_8_mib(
        self, store: QueueStore, listing: Listing, sizes: tuple[int, ...], expected: list[int]
    ) -> None:
        await have_large_jobs(store, listing, *(size * MIB for size in sizes))
        found = [page.items for page in await pages(store, TYPE, listing, limit=100)]
        assert [len(items) for items in found if items] == expected
        shown = [len(payload_of(item)) // MIB for items in found for item in items]
        assert shown == [*sizes]

    async def test_without_payloads_a_page_is_not_bounded_by_them(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", payload=b"x" * MAX_DEQUEUE_BYTES)
        assert len((await store.page(TYPE, Jobs("q", WAITING), limit=100)).items) == 3
