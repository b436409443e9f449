"""Pages: every listing can be followed in pages of any size, even if items are removed."""

import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    ALL_STATES,
    Backlogs,
    JobEntry,
    Jobs,
    JobState,
    Letters,
    LetterView,
    Listing,
    Names,
    Overdue,
    Page,
    Queues,
    QueueView,
    Types,
    TypeView,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of, pages_of
from sharq_plug.testing.conformance.amending import cancel
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.filling import every_state
from sharq_plug.testing.conformance.isolating import NAMES
from sharq_plug.testing.conformance.operating import clear_states, discard, let_each_die, pages
from sharq_plug.testing.conformance.vocabulary import TYPE, enqueue, take

COUNT = 7
"""How many items each listing has."""
LIMITS: Final = [*range(1, COUNT + 2), 1000]
NO_CURSORS: Final = ["", " ", "no cursor", "{}", "a/b", "\u00e9", "\0", "1\n", "x" * 501]

UNORDERED: Final[list[tuple[str | None, Listing]]] = [
    *((None, Names()), (None, Types())),
    *((TYPE, Names()), (TYPE, Queues()), (TYPE, Queues("q")), (TYPE, Backlogs())),
]
ORDERED: Final[list[tuple[str | None, Listing]]] = [
    *((TYPE, Overdue()), (TYPE, Letters()), (TYPE, Letters("q"))),
    *((TYPE, Jobs("q", state)) for state in JobState),
    *((TYPE, Jobs("q", state, with_payloads=True)) for state in JobState),
]


def name_of(case: tuple[str | None, Listing]) -> str:
    """Return the name of a case."""
    return f"{case[1]} of {case[0] or 'all'}"


every_listing = pytest.mark.parametrize("case", UNORDERED + ORDERED, ids=name_of)
every_unordered = pytest.mark.parametrize("case", UNORDERED, ids=name_of)
every_ordered = pytest.mark.parametrize("case", ORDERED, ids=name_of)


async def have_items(
    store: QueueStore, name: Callable[[str, int], str] = lambda word, n: f"{word}{n}"
) -> None:
    """Give every listing COUNT items, whose names tell what they are."""
    await let_each_die(store, "q", *(name("dead", n) for n in range(COUNT)))
    await enqueue(store, "q", *(name("leased", n) for n in range(COUNT)))
    for n in range(COUNT):
        await take(store, lease_time=1000 + n // 2)
    for n in range(COUNT):
        await enqueue(store, "q", name("waiting", n), priority=n % 3)
        await enqueue(store, "q", name("delayed", n), delay=1000 + n % 3, priority=n % 2)
    for n in range(1, COUNT):
        await enqueue(store, name("q", n), "j")
        await enqueue(store, name("q", n), "j", queue_type=name("type", n))


def key_of(item: object) -> Any:
    """Return by what an item is known."""
    match item:
        case QueueView(queue_id):
            return queue_id
        case TypeView(queue_type):
            return queue_type
        case JobEntry(job_id):
            return job_id
        case LetterView(number):
            return number
    return item


def keys_of(items: Any) -> list[Any]:
    """Return by what items are known."""
    return [key_of(item) for item in items]


async def remove(store: QueueStore, case: tuple[str | None, Listing], key: Any) -> None:
    """Remove what a listing shows under this key."""
    queue_type, listing = case
    if queue_type is None:
        await clear_states(store, None, *ALL_STATES, queue_type=key)
    elif isinstance(listing, Jobs):
        await cancel(store, "q", key, leased=True)
    elif isinstance(listing, Letters):
        await discard(store, key)
    else:
        await clear_states(store, key, *ALL_STATES)


async def rest_of(
    store: QueueStore, case: tuple[str | None, Listing], cursor: str | None
) -> list[Any]:
    """Follow a listing from a cursor on to its end; return by what its items are known."""
    if cursor is None:
        return []
    rest = pages_of(store, *case, cursor=cursor, limit=2)
    return [key async for page in rest for key in keys_of(page.items)]


class PageConformance(Conformance):
    """A listing can be followed in pages of any size."""

    @every_ordered
    async def test_a_listing_with_an_order_is_the_same_in_pages_of_any_size(
        self, store: QueueStore, case: tuple[str | None, Listing]
    ) -> None:
        await have_items(store)
        whole = await store.page(*case, limit=1000)
        assert (len(whole.items), whole.cursor) == (COUNT, None)
        for limit in LIMITS:
            found = await pages(store, *case, limit=limit)
            assert [item for page in found for item in page.items] == [*whole.items]
            assert all(len(page.items) == limit for page in found[:-1])

    @every_unordered
    async def test_a_listing_without_an_order_is_complete_in_pages_of_any_size(
        self, store: QueueStore, case: tuple[str | None, Listing]
    ) -> None:
        await have_items(store)
        whole = {*keys_of(await items_of(store, *case, limit=1000))}
        assert len(whole) == COUNT
        for limit in LIMITS:
            found = await pages(store, *case, limit=limit)
            assert {key for page in found for key in keys_of(page.items)} == whole
            assert all(len(page.items) <= 2 * limit for page in found)

    @every_listing
    async def test_an_empty_listing_is_one_empty_page(
        self, store: QueueStore, case: tuple[str | None, Listing]
    ) -> None:
        assert await store.page(*case, limit=10) == Page((), None)
        await enqueue(store, "stranger", "j", queue_type="other")
        if case[0] is not None:
            assert await store.page(*case, limit=10) == Page((), None)


class CursorConformance(Conformance):
    """A cursor stays valid when its item is gone; a malformed cursor is refused."""

    @every_listing
    @pytest.mark.parametrize("limit", [1, 3, COUNT - 1])
    async def test_the_rest_is_listed_when_the_listed_items_are_gone(
        self, store: QueueStore, case: tuple[str | None, Listing], limit: int
    ) -> None:
        await have_items(store)
        whole = keys_of((await store.page(*case, limit=1000)).items)
        page = await store.page(*case, limit=limit)
        seen = keys_of(page.items)
        for key in seen:
            await remove(store, case, key)
        rest = await rest_of(store, case, page.cursor)
        left = [key for key in whole if key not in seen]
        if case in ORDERED:
            assert rest == left
        assert sorted(set(rest)) == sorted(left)

    @every_listing
    async def test_a_listing_ends_when_all_is_gone(
        self, store: QueueStore, case: tuple[str | None, Listing]
    ) -> None:
        await have_items(store)
        page = await store.page(*case, limit=1)
        for key in keys_of((await store.page(*case, limit=1000)).items):
            await remove(store, case, key)
        assert await rest_of(store, case, page.cursor) == []

    @every_listing
    async def test_a_malformed_cursor_is_refused(
        self, store: QueueStore, case: tuple[str | None, Listing]
    ) -> None:
        await have_items(store)
        cursor = (await store.page(*case, limit=1)).cursor
        for no_cursor in (*NO_CURSORS, f"{cursor}!", f"/{cursor}"):
            with pytest.raises(InvalidRequest, match="`cursor`"):
                await store.page(*case, cursor=no_cursor, limit=10)

    @every_listing
    async def test_a_cursor_of_another_listing_is_refused_or_followed(
        self, store: QueueStore, case: tuple[str | None, Listing]
    ) -> None:
        await have_items(store)
        for other in UNORDERED + ORDERED:
            cursor = (await store.page(*other, limit=2)).cursor
            try:
                page = await store.page(*case, cursor=cursor, limit=2)
            except InvalidRequest:
                continue
            assert len(page.items) <= 4

    @every_listing
    async def test_cursors_are_short_and_can_stand_in_a_url(
        self, store: QueueStore, case: tuple[str | None, Listing]
    ) -> None:
        def name(word: str, n: int) -> str:
            return f"{word}{n}".ljust(100, "@+:~._"[n % 6])

        await have_items(store, name)
        found = await pages(store, *case, limit=1)
        cursors = [page.cursor for page in found if page.cursor is not None]
        assert cursors
        assert all(re.fullmatch(r"[A-Za-z0-9_.:~-]{1,500}", cursor) for cursor in cursors)

    @pytest.mark.parametrize("listing", [Names(), Queues(), Overdue(), Backlogs()], ids=str)
    async def test_no_name_of_a_queue_breaks_a_cursor(
        self, store: QueueStore, listing: Listing
    ) -> None:
        for name in NAMES:
            await enqueue(store, name, "j")
        assert set(keys_of(await items_of(store, TYPE, listing, limit=1))) == set(NAMES)

    @pytest.mark.parametrize("listing", [Names(), Types()], ids=str)
    async def test_no_name_of_a_type_breaks_a_cursor(
        self, store: QueueStore, listing: Listing
    ) -> None:
        for name in NAMES:
            await enqueue(store, "q", "j", queue_type=name)
        assert set(keys_of(await items_of(store, None, listing, limit=1))) == set(NAMES)

    @every_state
    async def test_no_name_of_a_job_breaks_a_cursor(
        self, store: QueueStore, state: JobState
    ) -> None:
        delay = 1000 if state is JobState.DELAYED else 0
        if state is JobState.DEAD:
            await let_each_die(store, "q", *NAMES)
        else:
            await enqueue(store, "q", *NAMES, delay=delay)
        if state is JobState.LEASED:
            for n in range(len(NAMES)):
                await take(store, lease_time=1000 + n)
        found = await items_of(store, TYPE, Jobs("q", state), limit=1)
        assert keys_of(found) == NAMES
