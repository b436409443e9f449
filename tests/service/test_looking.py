"""Listings that take many store calls: complete, and one walk over backlogs at a time."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from service.asked import QUIET, turn
from sharq_memory.store import MemoryStore
from sharq_plug.errors import BrokenQueue, InvalidRequest, Overloaded
from sharq_plug.model import (
    DeathReason,
    JobEntry,
    JobState,
    JobView,
    Letters,
    LetterView,
    Listing,
    NewJob,
    Page,
    Queues,
    QueueView,
    View,
)
from sharq_plug.service import QueueService
from sharq_plug.service.looking import MUCH_PAYLOAD, PAGE_STEPS, STEP

pytestmark = pytest.mark.anyio


class ListedStore(MemoryStore):
    """Answers a listing with given pages when `go_on` is set, and notes cursors and limits."""

    def __init__(self, pages: Sequence[Sequence[Any]]) -> None:
        super().__init__()
        self._pages = pages
        self.asked: list[str | None] = []
        self.limits: list[int] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def page(
        self,
        queue_type: str | None,
        listing: Listing,
        *,
        cursor: str | None = None,
        limit: int,
    ) -> Page:
        self.asked.append(cursor)
        self.limits.append(limit)
        await self.go_on.wait()
        number = int(cursor or 0)
        following = number + 1
        return Page(
            tuple(self._pages[number]), str(following) if following < len(self._pages) else None
        )


def backlog(name: str, waiting: int = 0) -> QueueView:
    return QueueView(name, waiting=waiting)


async def put(store: MemoryStore, **lengths: int) -> None:
    for name, length in lengths.items():
        await store.enqueue("sms", [NewJob(name, f"j{n}", b"1", 0) for n in range(length)])


async def longest(service: QueueService, limit: int) -> list[tuple[str, int]]:
    found = await service.looking.longest("sms", limit=limit)
    return [(view.queue_id, view.waiting) for view in found]


async def test_the_longest_backlogs_are_found_over_all_pages() -> None:
    pages = [[backlog("b", 2), backlog("a", 2)], [], [backlog("c", 3), backlog("d", 1)]]
    store = ListedStore(pages)
    await put(store, a=2, b=2, c=3, d=1)
    async with QueueService(store, QUIET) as service:
        assert await longest(service, 3) == [("c", 3), ("a", 2), ("b", 2)]
        assert await longest(service, 1) == [("c", 3)]
    assert store.asked[:3] == [None, "1", "2"]


async def test_a_queue_that_turns_up_twice_counts_once_as_it_was_seen_last() -> None:
    store = ListedStore([[backlog("a", 9), backlog("b", 2)], [backlog("a", 1), backlog("c", 3)]])
    await put(store, a=1, b=2, c=3)
    async with QueueService(store, QUIET) as service:
        assert await longest(service, 2) == [("c", 3), ("b", 2)]


async def test_the_longest_are_shown_as_a_look_finds_them() -> None:
    store = ListedStore([[backlog("gone", 9), backlog("a", 5), backlog("b", 4)]])
    await put(store, a=1, b=2)
    async with QueueService(store, QUIET) as service:
        assert await longest(service, 9) == [("b", 2), ("a", 1)]


async def test_a_queue_that_was_damaged_meanwhile_is_left_out() -> None:
    class DamagedStore(ListedStore):
        async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
            if queue_id == "damaged":
                raise BrokenQueue(queue_id)
            return await super().look(queue_type, queue_id)

    store = DamagedStore([[backlog("damaged", 9), backlog("a", 1)]])
    await put(store, a=1)
    async with QueueService(store, QUIET) as service:
        assert await longest(service, 9) == [("a", 1)]


async def test_one_walk_over_backlogs_runs_at_a_time() -> None:
    store = ListedStore([[backlog("a", 1)]])
    await put(store, a=1)
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        store.go_on.clear()
        first = asyncio.create_task(longest(service, 1))
        await turn()
        with pytest.raises(Overloaded, match="listing by backlog"):
            await service.looking.longest("email", limit=1)
        first.cancel()
        await turn()
        store.go_on.set()
        assert await longest(service, 1) == [("a", 1)]


@pytest.mark.parametrize("limit", [0, 1001, True])
async def test_a_bad_limit_is_refused_before_the_store_is_asked(limit: int) -> None:
    store = ListedStore([[]])
    async with QueueService(store, QUIET) as service:
        with pytest.raises(InvalidRequest, match="`limit`"):
            await service.looking.longest("sms", limit=limit)
        with pytest.raises(InvalidRequest, match="`limit`"):
            await service.looking.page("sms", Queues(), limit=limit)
        with pytest.raises(InvalidRequest, match="`queue_type`"):
            await service.looking.page("s m s", Queues(), limit=1)
        with pytest.raises(InvalidRequest, match="`queue_type`"):
            await service.looking.longest("s m s", limit=1)
    assert store.asked == []


async def test_a_page_is_filled_up_to_its_limit() -> None:
    store = ListedStore([[], [backlog("a")], [], [backlog("b"), backlog("c")], [backlog("d")]])
    async with QueueService(store, QUIET) as service:
        page = await service.looking.page("sms", Queues("a"), limit=2)
    assert (page.items, page.cursor) == ((backlog("a"), backlog("b"), backlog("c")), "4")
    assert store.asked == [None, "1", "2", "3"]
    assert store.limits == [2, 2, 1, 1]


async def test_a_large_page_is_gathered_in_steps() -> None:
    store = ListedStore([[backlog("a")] * STEP] * 20)
    async with QueueService(store, QUIET) as service:
        page = await service.looking.page("sms", Queues(), limit=2 * STEP + 1)
    assert (len(page.items), page.cursor) == (3 * STEP, "3")
    assert store.limits == [STEP, STEP, 1]


async def test_a_page_ends_after_much_payload() -> None:
    half = b"x" * (MUCH_PAYLOAD // 2)
    letter = LetterView(1, "q", "j", half, DeathReason.FAILED, 1, 0, 0)
    entry = JobEntry("j", JobView(JobState.WAITING, 0, 0, 0, payload=half))
    for item in (letter, entry):
        store = ListedStore([[item]] * 20)
        async with QueueService(store, QUIET) as service:
            page = await service.looking.page("sms", Letters(), limit=9)
        assert (len(page.items), page.cursor) == (3, "3")


async def test_a_page_that_finds_nothing_in_many_steps_is_empty() -> None:
    store = ListedStore([[]] * (PAGE_STEPS + 2))
    async with QueueService(store, QUIET) as service:
        page = await service.looking.page("sms", Queues("a"), limit=1)
        assert (page.items, page.cursor) == ((), str(PAGE_STEPS))
        page = await service.looking.page("sms", Queues("a"), cursor=page.cursor, limit=1)
    assert (page.items, page.cursor) == ((), None)


async def test_names_are_gathered_over_all_pages_without_doubles() -> None:
    store = ListedStore([["a", "b"], [], ["b", "c"]])
    async with QueueService(store, QUIET) as service:
        assert await service.looking.names("sms") == ["a", "b", "c"]


async def test_a_walk_over_the_memory_store_lets_others_have_their_turn() -> None:
    store = MemoryStore()
    jobs = [NewJob(f"{number}", "j", b"1", 0) for number in range(20_000)]
    for start in range(0, len(jobs), 1000):
        await store.enqueue("sms", jobs[start : start + 1000])
    async with QueueService(store, QUIET) as service:
        walk = asyncio.create_task(service.looking.longest("sms", limit=3))
        turns = 0
        while not walk.done():
            await asyncio.sleep(0)
            turns += 1
    assert len(walk.result()) == 3
    assert turns > 20
