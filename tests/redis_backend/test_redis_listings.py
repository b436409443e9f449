"""Listings of the Redis backend: small hashes, large ones that change, ties, large payloads."""

from collections.abc import Iterable
from typing import Any, cast

import pytest
from redis import Redis

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    Backlogs,
    Extras,
    Fail,
    JobEntry,
    Jobs,
    JobState,
    LeaseRef,
    Letters,
    Listing,
    Names,
    NewJob,
    Overdue,
    Queues,
    QueueView,
    Types,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, finish_all, items_of
from sharq_redis.cursors import Position
from sharq_redis.scanning import page_of
from support.redis_keys import tag, tag_of

pytestmark = pytest.mark.anyio

TYPE = "sms"
TAG = tag(TYPE)
MANY = 1_000_000
FEW_COMMANDS = 60
"""More than a page of a few items sends, however many ties there are: 20 halvings end a million."""
ADD_TIES = """
local members = {}
for number = ARGV[3] + 1, ARGV[3] + 1000 do
    members[#members + 1] = ARGV[1]
    members[#members + 1] = ARGV[2] .. struct.pack('>I6', number) .. 'x' .. number
end
redis.call('ZADD', KEYS[1], unpack(members))
"""


def add_ties(keys: Redis, zset: str, instant: int, count: int, beginning: bytes = b"") -> None:
    """Add members under one instant: each is a beginning, a number in binary and a name."""
    pipeline = keys.pipeline(transaction=False)
    for first in range(0, count, 1000):
        pipeline.eval(ADD_TIES, 1, zset, str(instant), beginning.decode(), str(first))
    pipeline.execute()


def job(queue_id: str, job_id: str = "j", payload: bytes = b"{}", **extras: Any) -> NewJob:
    return NewJob(queue_id, job_id, payload, 0, extras=Extras(**extras) if extras else None)


async def enqueue_all(store: QueueStore, names: Iterable[str]) -> None:
    """Put a job into each queue."""
    jobs = [job(name) for name in names]
    for first in range(0, len(jobs), 1000):
        await store.enqueue(TYPE, jobs[first : first + 1000])


def commands_sent(keys: Redis) -> int:
    """Return how many commands Redis has run since this was asked last, scripts' commands too."""
    stats = cast(dict[str, dict[str, int]], keys.info("commandstats"))
    keys.config_resetstat()
    return sum(stat["calls"] for stat in stats.values())


async def ids_of(store: QueueStore, listing: Listing, *, limit: int) -> list[str]:
    """Return the names of all queues of a listing."""
    items = await items_of(store, TYPE, listing, limit=limit)
    return [item.queue_id if isinstance(item, QueueView) else cast(str, item) for item in items]


# Prefixes


@pytest.mark.parametrize("special", ["*", "?", "[", "]", "\\", "^"])
def test_no_prefix_holds_what_redis_would_read_as_a_pattern(special: str) -> None:
    with pytest.raises(InvalidRequest):
        Queues(f"a{special}")


async def test_a_prefix_with_any_character_of_names_is_taken_as_it_is(store: QueueStore) -> None:
    begins = [f"a{character}" for character in "-_.:@+~!"[:-1]]
    await enqueue_all(store, [f"{begin}b" for begin in begins])
    for begin in begins:
        assert await ids_of(store, Queues(begin), limit=10) == [f"{begin}b"]


# Scans


def test_names_that_fit_on_a_page_are_not_cut() -> None:
    names = [f"n{number}" for number in range(20)]
    assert page_of(names, Position(), 0, 10) == (names, None)
    assert page_of(names, Position(7), 9, 10) == (names, Position(9))


def test_what_does_not_fit_on_a_page_comes_on_the_next_ones() -> None:
    names = [f"n{number:02}" for number in range(50)]
    position: Position | None = Position(7)
    pages: list[list[str]] = []
    while position is not None and position != Position(9):
        page, position = page_of(names[::-1], position, 9, 10)
        pages.append([*page])
    assert position == Position(9)
    assert [name for page in pages for name in page] == names
    assert [len(page) for page in pages] == [10, 10, 10, 20]


def test_names_are_listed_again_if_the_scan_ends_elsewhere_than_before() -> None:
    names = ["a", "b", "c", "d", "e"]
    _, position = page_of(names, Position(7), 9, 2)
    assert position == Position(7, 9, "b")
    assert page_of(names[:3], position, 8, 2) == (names[:3], Position(8))


async def test_a_small_hash_which_redis_scans_whole_is_cut_into_pages(
    store: QueueStore, keys: Redis
) -> None:
    names = {f"q{number}" for number in range(100)}
    await enqueue_all(store, names)
    assert keys.object("ENCODING", f"{TAG}/queues/{TYPE}") == b"listpack"
    found: list[str] = []
    cursor: str | None = None
    while cursor is not None or not found:
        page = await store.page(TYPE, Names(), cursor=cursor, limit=7)
        assert 1 <= len(page.items) <= 14
        found += cast(tuple[str, ...], page.items)
        cursor = page.cursor
    assert sorted(found) == sorted(names)


@pytest.mark.parametrize("listing", [Names(), Queues(), Backlogs()], ids=str)
async def test_queues_that_stay_are_listed_though_their_hash_grows_out_of_its_form(
    store: QueueStore, keys: Redis, listing: Listing
) -> None:
    staying = {f"q{number}" for number in range(100)}
    await enqueue_all(store, staying)
    page = await store.page(TYPE, listing, limit=7)
    found = [*page.items]
    await enqueue_all(store, [f"new{number}" for number in range(3000)])
    assert keys.object("ENCODING", f"{TAG}/queues/{TYPE}") == b"hashtable"
    while page.cursor is not None:
        page = await store.page(TYPE, listing, cursor=page.cursor, limit=7)
        assert len(page.items) <= 14
        found += page.items
    assert staying <= {item.queue_id if isinstance(item, QueueView) else item for item in found}


@pytest.mark.parametrize("listing", [Names(), Queues(), Backlogs()], ids=str)
async def test_queues_that_stay_are_listed_though_their_hash_shrinks(
    store: QueueStore, listing: Listing
) -> None:
    staying = {f"stays{number}" for number in range(100)}
    await enqueue_all(store, [f"goes{number}" for number in range(4000)])
    await enqueue_all(store, staying)
    first = await store.page(TYPE, listing, limit=7)
    found, cursor = [*first.items], first.cursor
    for _ in range(4):
        goes = (await dequeue_for_one(store, TYPE, count=1000, lease_time=1000)).jobs
        refs = [LeaseRef(leased.queue_id, leased.job_id, leased.token) for leased in goes]
        await finish_all(store, TYPE, refs, receipt_time=60_000)
    while cursor is not None:
        page = await store.page(TYPE, listing, cursor=cursor, limit=7)
        found += page.items
        cursor = page.cursor
    assert staying <= {item.queue_id if isinstance(item, QueueView) else item for item in found}


async def test_types_of_one_bucket_are_cut_into_pages(store: QueueStore, keys: Redis) -> None:
    crowd = [f"type{number}" for number in range(20_000)]
    crowd = [name for name in crowd if tag(name) == tag_of(17)][:60]
    for name in crowd:
        await store.enqueue(name, [job("q")])
    found: list[str] = []
    cursor: str | None = None
    while cursor is not None or not found:
        page = await store.page(None, Types(), cursor=cursor, limit=4)
        assert len(page.items) <= 8
        found += [cast(Any, item).queue_type for item in page.items]
        cursor = page.cursor
    assert sorted(found) == sorted(crowd)


# Ties


async def test_a_page_behind_a_million_places_with_one_instant_costs_a_few_commands(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    line = f"{TAG}/line/{TYPE}"
    add_ties(keys, line, clock.now(), MANY)
    commands_sent(keys)
    for number in (1, MANY // 3, MANY - 3):
        cursor: str | None = f"o.{clock.now()}.{number}"
        page = await store.page(TYPE, Overdue(), cursor=cursor, limit=1)
        assert commands_sent(keys) < FEW_COMMANDS
        assert page.cursor == f"o.{clock.now()}.{number + 1}"


async def test_a_page_of_many_jobs_that_are_due_at_once_costs_a_few_commands(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue(TYPE, [job("q", f"j{number}", delay=1000) for number in range(5)])
    delayed, at = f"{TAG}/delayed/{TYPE}/q", clock.now() + 1000
    [first, second, *_] = cast(list[bytes], keys.zrange(delayed, 0, -1))
    add_ties(keys, delayed, at, 100_000, b"\x09")
    keys.zrem(delayed, first)
    commands_sent(keys)
    cursor = f"d.{at}.9.{int.from_bytes(first[1:7], 'big')}"
    page = await store.page(TYPE, Jobs("q", JobState.DELAYED), cursor=cursor, limit=1)
    assert commands_sent(keys) < FEW_COMMANDS
    assert second[8:] == b"j1"
    assert [cast(JobEntry, item).job_id for item in page.items] == ["j1"]


# Payloads


@pytest.mark.parametrize("state", [JobState.WAITING, JobState.DELAYED], ids=lambda it: it.value)
async def test_a_page_without_payloads_is_whole_however_large_they_are(
    store: QueueStore, state: JobState
) -> None:
    payload = b"x" * (MAX_DEQUEUE_BYTES // 3)
    delay = {"delay": 1000} if state is JobState.DELAYED else {}
    for number in range(8):
        await store.enqueue(TYPE, [job("q", f"j{number}", payload, **delay)])
    listing = Jobs("q", state)
    page = await store.page(TYPE, listing, limit=7)
    names = [cast(JobEntry, item).job_id for item in page.items]
    assert names == [f"j{number}" for number in range(7)]
    assert page.cursor is not None
    [last] = (await store.page(TYPE, listing, cursor=page.cursor, limit=7)).items
    entry = cast(JobEntry, last)
    assert (entry.job_id, entry.job.position) == ("j7", 7)


async def test_a_page_of_dead_jobs_without_payloads_is_whole_however_large_they_are(
    store: QueueStore,
) -> None:
    payload = b"x" * (MAX_DEQUEUE_BYTES // 3)
    for number in range(4):
        await store.enqueue(TYPE, [job("q", f"j{number}", payload)])
        [leased] = (await dequeue_for_one(store, TYPE, count=1, lease_time=1000)).jobs
        ref = LeaseRef("q", leased.job_id, leased.token)
        await store.settle(TYPE, [Fail(ref, dead=True)])
    page = await store.page(TYPE, Jobs("q", JobState.DEAD), limit=4)
    assert (len(page.items), page.cursor) == (4, None)
    page = await store.page(TYPE, Letters(), limit=4)
    assert (len(page.items), page.cursor) == (3, "e.2")
