"""What a monitor reads of types: by plain commands; damage is passed over."""

from collections.abc import Callable

import pytest
from redis import Redis

from sharq_plug.model import (
    Extras,
    Figures,
    Limit,
    NewJob,
    PatchLimit,
    PatchType,
    SettingsPatch,
    TypeFigures,
    Use,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, items_of, tend_all
from support.redis_keys import calls, tag

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
OPEN, SHUT = Limit(1, 1, 1000), Limit(1, HOUR)
ROWS = 250
Damage = Callable[[Redis], object]


async def figures(store: QueueStore, *names: str) -> list[TypeFigures]:
    found: list[TypeFigures] = await items_of(store, None, Figures(names))
    return found


async def ready(store: QueueStore, name: str = "sms") -> tuple[int, int]:
    """Return how many queues are ready, and for how long the first has been."""
    [found] = await figures(store, name)
    return found.ready_queues, found.overdue


def key(kind: str, *names: str) -> str:
    return "/".join((tag("sms"), kind, "sms", *names))


async def enqueue(store: QueueStore, *queue_ids: str, uses: tuple[Use, ...] | None = None) -> None:
    jobs = [NewJob(name, job, b"{}", 0) for name in queue_ids for job in ("j0", "j1")]
    if uses is not None:
        jobs = [NewJob(j.queue_id, j.job_id, b"{}", 0, extras=Extras(uses=uses)) for j in jobs]
    await store.enqueue("sms", jobs)


async def gate(store: QueueStore, *limits: Limit) -> None:
    """Give the type limits, of which a dequeue has paid one unit."""
    await store.configure("sms", [PatchType(SettingsPatch(limits=limits))])
    await enqueue(store, "a", "b")
    await dequeue_for_one(store, "sms", count=1, lease_time=HOUR)


async def share(store: QueueStore, clock: ManualClock) -> None:
    """Let a queue stand in a row of x, one in a row of y, and one in the line, in this order."""
    for names in (("x",), ("y",), ()):
        uses = tuple(Use(name, (OPEN,)) for name in names)
        await enqueue(store, "".join(names) or "plain", uses=uses or None)
        clock.advance(10)


async def test_no_script_runs_for_gates_and_shared_limits(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await gate(store, OPEN)
    await share(store, clock)
    keys.config_resetstat()
    assert (await ready(store))[0] == 5
    assert {*calls(keys)} <= {"get", "hmget", "hlen", "zcard", "zcount", "zrange"}
    assert sum(calls(keys).values()) < 20


async def test_a_type_with_defaults_alone_costs_what_a_plain_one_does(
    store: QueueStore, keys: Redis
) -> None:
    await enqueue(store, "a")
    costs = []
    for change in (PatchType(), PatchType(defaults=SettingsPatch(concurrency=1))):
        await store.configure("sms", [change])
        keys.config_resetstat()
        assert (await ready(store))[0] == 1
        costs.append(calls(keys))
    assert costs[0] == costs[1]


async def test_rows_are_read_in_bounded_steps(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    for number in range(ROWS):
        await enqueue(store, f"q{number}", uses=(Use(f"n{number}", (OPEN,)),))
    clock.advance(30)
    await enqueue(store, "plain")
    keys.config_resetstat()
    assert await ready(store) == (ROWS + 1, 30)
    assert calls(keys)["hmget"] == 1 + 3
    await store.configure("sms", [PatchType(SettingsPatch(paused=True))])
    assert await ready(store) == (0, 0)


async def test_the_first_queue_in_line_is_found_behind_many_entries_of_shared_limits(
    store: QueueStore, clock: ManualClock
) -> None:
    await enqueue(store, *(f"q{number}" for number in range(2)), uses=(Use("a", (OPEN,)),))
    for number in range(ROWS):
        await enqueue(store, f"r{number}", uses=(Use(f"n{number}", (OPEN,)),))
    clock.advance(30)
    await enqueue(store, "plain")
    clock.advance(5)
    assert await ready(store) == (ROWS + 3, 35)
    await store.configure("sms", [PatchLimit("a", SettingsPatch(paused=True))])
    assert await ready(store) == (ROWS + 1, 35)


async def test_a_clock_that_steps_back_closes_nothing_for_longer(
    store: QueueStore, clock: ManualClock
) -> None:
    await gate(store, Limit(1, 100))
    clock.advance(-HOUR)
    await enqueue(store, "c")
    await tend_all(store)
    clock.advance(99)
    assert await ready(store) == (0, 0)
    clock.advance(1)
    assert (await ready(store))[0] == 3


DAMAGES_OF_A_TYPE: dict[str, Damage] = {
    "settings": lambda keys: keys.set(key("settings"), b"\xc1"),
    "settings of a later version": lambda keys: keys.set(key("settings"), b"\x03\xa0\xa0\x00\x00"),
    "limits in settings": lambda keys: keys.set(
        key("settings"), b"\x01\xaf" + b'{"l":[[0,1,1]]}' + b"\xa0\x00\x00"
    ),
    "rows": lambda keys: (keys.delete(key("rows")), keys.set(key("rows"), "text")),
    "line": lambda keys: (keys.delete(key("line")), keys.set(key("line"), "text")),
}


@pytest.mark.parametrize("damaged", DAMAGES_OF_A_TYPE)
async def test_a_type_that_is_damaged_is_left_out_and_logged(
    *,
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
    damaged: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await share(store, clock)
    DAMAGES_OF_A_TYPE[damaged](keys)
    assert [found.queue_type for found in await figures(store, "a", "sms", "b")] == ["a", "b"]
    [record] = caplog.records
    assert record.getMessage().startswith("type sms is broken: ")


DAMAGES_OF_A_ROW: dict[str, Damage] = {
    "missing": lambda keys: keys.hdel(key("limits"), "x"),
    "garbage": lambda keys: keys.hset(key("limits"), "x", b"\xc1\x00"),
    "of a later version": lambda keys: keys.hset(key("limits"), "x", b"\x02" + bytes(46)),
    "row": lambda keys: (keys.delete(key("row", "x")), keys.set(key("row", "x"), "text")),
}


@pytest.mark.parametrize("damaged", DAMAGES_OF_A_ROW)
async def test_queues_of_a_damaged_row_are_left_out(
    store: QueueStore, clock: ManualClock, keys: Redis, damaged: str
) -> None:
    await share(store, clock)
    assert await ready(store) == (3, 30)
    DAMAGES_OF_A_ROW[damaged](keys)
    [found] = await figures(store, "sms")
    view = (await store.look("sms")).type
    assert view is not None
    assert (found.ready_queues, found.overdue) == (view.ready_queues, 20)


@pytest.mark.parametrize(
    "debts", [b"\xc1", b"\x01", b"\x01\x91\xff", b"\x01\x91\xa1x", b"\xfe\x90"]
)
async def test_a_gate_whose_debts_are_damaged_owes_one_unit_of_each_limit(
    store: QueueStore, keys: Redis, debts: bytes
) -> None:
    await gate(store, Limit(1, 100, 2))
    keys.set(key("gate"), debts)
    assert await ready(store) == (2, 0)
    await store.configure("sms", [PatchType(SettingsPatch(limits=(SHUT,)))])
    keys.set(key("gate"), debts)
    assert await ready(store) == (0, 0)
