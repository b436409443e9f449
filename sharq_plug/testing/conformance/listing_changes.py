"""Listings during changes: what is there throughout is listed."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sharq_plug.model import Backlogs, Jobs, JobState, Letters, Listing, Names, Queues, Types
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import pages_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import (
    discard,
    discard_range,
    let_each_die,
    numbers,
    queues,
    redrive,
)
from sharq_plug.testing.conformance.paging import keys_of
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    clear,
    enqueue,
    enqueue_in_each,
    fail_job,
    finish_job,
    new_job,
    release_job,
    take,
    take_batch,
)

MANY = 150
Change = Callable[[int], Awaitable[None]]


async def listed_while(
    store: QueueStore, queue_type: str | None, listing: Listing, change: Change, *, limit: int = 5
) -> list[Any]:
    """Follow a listing and change something after each page; return by what items are known."""
    found: list[Any] = []
    step = 0
    async for page in pages_of(store, queue_type, listing, limit=limit):
        found += keys_of(page.items)
        await change(step)
        step += 1
    return found


class ChangingQueuesConformance(Conformance):
    """Queues and types that are there throughout are listed."""

    @pytest.mark.parametrize("listing", [Queues(), Names(), Backlogs()], ids=str)
    async def test_queues_that_stay_are_listed_while_others_come_and_go(
        self, store: QueueStore, listing: Listing
    ) -> None:
        staying = {f"stays{n}" for n in range(150)}
        await enqueue_in_each(store, staying)
        await enqueue_in_each(store, (f"goes{n}" for n in range(150)))

        async def change(step: int) -> None:
            await clear(store, f"goes{step}", purge=True)
            await enqueue_in_each(store, (f"comes{step}-{n}" for n in range(3)))

        assert set(await listed_while(store, TYPE, listing, change)) >= staying

    @pytest.mark.parametrize("listing", [Names(), Types()], ids=str)
    async def test_types_that_stay_are_listed_while_others_come_and_go(
        self, store: QueueStore, listing: Listing
    ) -> None:
        staying = {f"stays{n}" for n in range(60)}
        for name in [*staying, *(f"goes{n}" for n in range(60))]:
            await enqueue(store, "q", "j", queue_type=name)

        async def change(step: int) -> None:
            await clear(store, "q", queue_type=f"goes{step}", purge=True)
            await enqueue(store, "q", "j", queue_type=f"comes{step}")

        assert set(await listed_while(store, None, listing, change)) >= staying

    @pytest.mark.parametrize("limit", [1, 5, 20])
    async def test_a_queue_that_turns_from_letters_to_jobs_and_back_is_listed(
        self, store: QueueStore, limit: int
    ) -> None:
        count = 40
        for n in range(count):
            await let_each_die(store, f"letters{n}", "j")
        await enqueue_in_each(store, (f"lives{n}" for n in range(count)))
        expected = set(await queues(store))
        assert len(expected) == 2 * count

        async def change(_step: int) -> None:
            await redrive(store, *(await numbers(store))[:3])
            for job in await take_batch(store, 5):
                await fail_job(store, job, dead=True)

        found = await listed_while(store, TYPE, Queues(), change, limit=limit)
        assert set(found) == expected

    @pytest.mark.parametrize("listing", [Queues(), Names(), Backlogs()], ids=str)
    async def test_queues_that_change_are_listed(
        self, store: QueueStore, clock: ManualClock, listing: Listing
    ) -> None:
        expected = {f"q{n}" for n in range(100)}
        await store.enqueue(TYPE, [new_job(name, job) for name in expected for job in ("a", "b")])

        async def change(_step: int) -> None:
            for n, job in enumerate(await take_batch(store, 7, lease_time=30)):
                if n % 2:
                    await release_job(store, job, delay=20)
            clock.advance(10)
            await tend_all(store)

        assert set(await listed_while(store, TYPE, listing, change)) >= expected


class ChangingJobsConformance(Conformance):
    """Jobs and letters that do not change are listed once, in their order."""

    async def test_waiting_jobs_that_stay_are_listed_while_others_go_and_come(
        self, store: QueueStore
    ) -> None:
        jobs = [f"j{n}" for n in range(MANY)]
        await enqueue(store, "q", *jobs)

        async def change(step: int) -> None:
            for _ in range(2):
                await finish_job(store, await take(store))
            await enqueue(store, "q", f"new{step}")

        found = await listed_while(store, TYPE, Jobs("q", JobState.WAITING), change)
        assert found[:MANY] == jobs

    async def test_leased_jobs_that_stay_are_listed_while_others_end(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", *(f"j{n}" for n in range(MANY)))
        leased = [await take(store, lease_time=1000 + n) for n in range(MANY)]

        async def change(step: int) -> None:
            for job in leased[step * 2 : step * 2 + 2]:
                await finish_job(store, job)

        found = await listed_while(store, TYPE, Jobs("q", JobState.LEASED), change)
        assert found == [job.job_id for job in leased]

    async def test_delayed_jobs_that_stay_are_listed_while_others_become_due(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for n in range(MANY):
            await enqueue(store, "q", f"j{n}", delay=100 + n)
        clock.advance(99)

        async def change(_step: int) -> None:
            clock.advance(3)
            await take_batch(store, 2)

        found = await listed_while(store, TYPE, Jobs("q", JobState.DELAYED), change)
        assert found == [f"j{n}" for n in range(MANY)]

    @pytest.mark.parametrize("listing", [Letters(), Letters("q")], ids=str)
    async def test_letters_that_stay_are_listed_while_others_come_and_go(
        self, store: QueueStore, listing: Letters
    ) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(MANY)))

        async def change(step: int) -> None:
            await discard(store, MANY - 5 * step, MANY - 5 * step - 1)
            await let_each_die(store, "q", f"new{step}")

        found = await listed_while(store, TYPE, listing, change)
        assert found == [*range(MANY, 0, -1)]

    async def test_dead_jobs_that_stay_are_listed_while_the_oldest_go(
        self, store: QueueStore
    ) -> None:
        jobs = [f"j{n}" for n in range(MANY)]
        await let_each_die(store, "q", *jobs)

        async def change(_step: int) -> None:
            await discard_range(store, limit=3)

        found = await listed_while(store, TYPE, Jobs("q", JobState.DEAD), change)
        assert found == jobs
