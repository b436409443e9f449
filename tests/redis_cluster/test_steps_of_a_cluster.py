"""Calls over all types ask each server for a bounded amount, however many types there are."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

import pytest
from redis_cluster.many_types import job, take

from sharq_plug.model import Clear, Figures, KnownTypes, Listing, Names, Types, TypeView
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import counts_of, items_of
from sharq_redis.counts import SCANS_AT_ONCE
from sharq_redis.link import Link
from sharq_redis.wire import Command
from support.redis_cluster import RedisCluster

pytestmark = pytest.mark.anyio

FEW, MANY = 200, 2000
LIMIT = 20
"""Items of a page, leases of a pass, jobs of a step of clearing."""
UNBOUNDED = {"keys", "scan", "smembers", "hgetall", "hkeys", "hvals", "sort", "lrange", "flushall"}
"""Commands that read everything. No step sends one, not even inside a script."""
Step = Callable[[], Awaitable[object]]


def types(count: int) -> list[str]:
    return [f"type-{number}" for number in range(count)]


async def fill(store: QueueStore, names: list[str]) -> None:
    """Let each type have a job that waits and one whose lease has ended."""
    for name in names:
        await store.enqueue(name, [job(1), job(2)])
        assert len(await take(store, name, lease_time=1)) == 1


def sent(cluster: RedisCluster) -> dict[str, int]:
    """Return the most of each command that any server was sent since the last call of this."""
    most: dict[str, int] = {}
    for server in cluster.primaries:
        client = server.client()
        for name, stat in client.info("commandstats").items():
            command = name.removeprefix("cmdstat_")
            most[command] = max(most.get(command, 0), stat["calls"])
        client.config_resetstat()
    return most


def page(store: QueueStore, listing: Listing) -> Step:
    return lambda: store.page(None, listing, limit=LIMIT)


def steps_of(store: QueueStore, one: str) -> dict[str, tuple[Step, int]]:
    """Return each step with the most commands a server may get for it, including in scripts."""
    figures = Figures(tuple(types(LIMIT)))
    return {
        "names": (page(store, Names()), 64 + LIMIT),
        "types": (page(store, Types()), 64 + 10 * LIMIT),
        "known types": (page(store, KnownTypes()), 64),
        "figures": (page(store, figures), 8 * LIMIT),
        "counts": (lambda: counts_of(store), 256 * 11),
        "clear": (lambda: store.clear(one, Clear(), limit=LIMIT), 20 * LIMIT),
        "tend": (lambda: store.tend(limit=LIMIT), 256 + 64 * 50),
        "check": (lambda: store.health(thorough=True), 200),
    }


async def test_a_step_sends_each_server_no_more_for_many_types_than_for_few(
    cluster: RedisCluster, store: QueueStore, clock: ManualClock
) -> None:
    await store.health()
    amounts: dict[str, list[int]] = defaultdict(list)
    for new in (types(MANY)[:FEW], types(MANY)[FEW:]):
        await fill(store, new)
        clock.advance(1000)
        for name, (step, most) in steps_of(store, new[0]).items():
            sent(cluster)
            await step()
            told = sent(cluster)
            assert not UNBOUNDED & {*told}, name
            amounts[name].append(sum(told.values()))
            assert amounts[name][-1] <= most, (name, told)
    for name, (few, many) in amounts.items():
        assert many <= 1.2 * few, name


@pytest.mark.parametrize("listing", [Names(), Types(), KnownTypes()])
async def test_each_page_names_few_types_and_all_pages_name_every_type(
    store: QueueStore, listing: Listing
) -> None:
    names = types(FEW)
    await fill(store, names)
    told: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        found = await store.page(None, listing, cursor=cursor or None, limit=LIMIT)
        assert len(found.items) <= 2 * LIMIT
        told += [
            item.queue_type if isinstance(item, TypeView) else str(item) for item in found.items
        ]
        cursor = found.cursor
    assert {*told} == {*names}
    assert len(await items_of(store, None, Names())) == FEW


async def test_counts_over_all_types_let_other_calls_through(
    cluster: RedisCluster, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = types(FEW)
    for name in names:
        await store.enqueue(name, [job()])
    rounds: list[int] = []
    ask = Link.ask

    async def noted(
        link: Link, commands: Sequence[Command], **others: float | None
    ) -> list[object]:
        rounds.append(len(commands))
        return await ask(link, commands, **others)

    monkeypatch.setattr(Link, "ask", noted)
    assert sum((await counts_of(store)).enqueues.values()) == FEW
    assert len(rounds) > len(cluster.primaries)
    assert max(rounds) <= SCANS_AT_ONCE
