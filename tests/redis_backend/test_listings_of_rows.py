"""Listings and counts of ready queues: a call bounds its work however many rows there are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, islice
from typing import cast

import pytest
from redis import Redis

from sharq_plug.model import (
    ChangeOutcome,
    Extras,
    NewJob,
    Overdue,
    PatchLimit,
    PatchType,
    QueueView,
    SettingsPatch,
    Use,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import items_of

pytestmark = pytest.mark.anyio

TYPE = "sms"
PAGE = 100
ROWS_A_CALL = 1000
COMMANDS_A_ROW = 10


async def share(store: QueueStore, rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Let a queue with a job stand in each row. Return the queues in the order of their places."""
    names = sorted({name for row in rows for name in row})
    changes = [PatchLimit(name, SettingsPatch()) for name in names]
    assert {*await store.configure(TYPE, changes)} == {ChangeOutcome.CHANGED}
    queues = [f"q{at}" for at in range(len(rows))]
    jobs = [
        NewJob(queue, "j", b"{}", 0, extras=Extras(uses=tuple(map(Use, row))))
        for queue, row in zip(queues, rows, strict=True)
    ]
    for first in range(0, len(jobs), 1000):
        await store.enqueue(TYPE, jobs[first : first + 1000])
    return queues


@contextmanager
def bounded(keys: Redis, calls: int) -> Iterator[None]:
    """Show that so many calls of the store run, and how many commands these run on average."""
    keys.config_resetstat()
    yield
    stats = cast(dict[str, dict[str, int]], keys.info("commandstats"))
    counts = {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()}
    asked = sum(count for name, count in counts.items() if name.startswith("fcall"))
    assert asked == calls
    assert sum(counts.values()) < asked * ROWS_A_CALL * COMMANDS_A_ROW


async def overdue(store: QueueStore, limit: int, pages: int) -> list[str]:
    """Return the ids of the first pages."""
    found: list[str] = []
    cursor = None
    for _ in range(pages):
        page = await store.page(TYPE, Overdue(), cursor=cursor, limit=limit)
        found += [cast(QueueView, view).queue_id for view in page.items]
        cursor = page.cursor
    return found


async def test_a_page_of_ready_queues_goes_on_in_the_next_call_behind_a_thousand_rows(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    names = [f"n{number}" for number in range(142)]
    rows = list(islice(combinations(sorted(names), 2), 10_000))
    rows = [rows[at * 7919 % len(rows)] for at in range(len(rows))]
    queues = await share(store, rows)
    with bounded(keys, calls=11 * 3):
        assert await overdue(store, PAGE, 3) == queues[: 3 * PAGE]
    with bounded(keys, calls=11):
        view = (await store.look(TYPE)).type
    assert view is not None
    assert (view.ready_queues, view.ready_since) == (10_000, clock.now())


async def test_a_page_of_ready_queues_goes_on_behind_a_thousand_entries_of_the_line(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    queues = await share(store, [(f"n{number}",) for number in range(2500)])
    await store.enqueue(TYPE, [NewJob("plain", "j", b"{}", 0)])
    clock.advance(1)
    await store.enqueue(TYPE, [NewJob("late", "j", b"{}", 0)])
    queues += ["plain", "late"]
    with bounded(keys, calls=5):
        assert await overdue(store, PAGE, 1) == queues[:PAGE]
    assert [view.queue_id for view in await items_of(store, TYPE, Overdue(), limit=999)] == queues
    with bounded(keys, calls=5):
        view = (await store.look(TYPE)).type
    assert view is not None
    assert (view.ready_queues, view.ready_since) == (2502, clock.now() - 1)


async def test_no_row_is_listed_while_its_type_has_none(store: QueueStore, keys: Redis) -> None:
    await store.configure(TYPE, [PatchType(defaults=SettingsPatch())])
    await store.enqueue(TYPE, [NewJob(name, "j", b"{}", 0) for name in ("b", "a")])
    with bounded(keys, calls=1):
        assert await overdue(store, PAGE, 1) == ["b", "a"]
