"""A store on a cluster of three: calls on many types at once, and calls over all types."""

import asyncio

import pytest
from redis_cluster.many_types import MANY, a_type_at, job, take, work

from sharq_plug.model import Clear, Figures, KnownTypes, Names, NewJob, TypeFigures, Types, TypeView
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import counts_of, items_of
from sharq_redis.library import Library
from support.redis_cluster import RedisCluster, ask

pytestmark = pytest.mark.anyio


async def test_every_server_has_types_and_only_keys_of_its_own_slots(
    cluster: RedisCluster, store: QueueStore
) -> None:
    for name in MANY:
        await work(store, name)
        await store.enqueue(name, [job(2)])
    sizes = [server.client().dbsize() for server in cluster.primaries]
    assert all(sizes), "a server refuses keys that a script did not declare and it does not have"
    for name in MANY:
        assert [taken.job_id for taken in await take(store, name)] == ["job-2"]


async def test_each_concurrent_call_gets_its_own_reply(
    store: QueueStore,
) -> None:
    names = MANY * 5
    calls = [store.enqueue(name, [job(at)]) for at, name in enumerate(names)]
    results = await asyncio.gather(*calls)
    assert all(len(result) == 1 for result in results)
    for at, name in enumerate(MANY):
        taken = await take(store, name, count=10)
        assert {one.job_id for one in taken} == {f"job-{at + len(MANY) * n}" for n in range(5)}


async def test_calls_over_all_types_reach_all_servers(
    store: QueueStore, clock: ManualClock
) -> None:
    for name in MANY:
        await store.enqueue(name, [job(1), job(2)])
        await take(store, name)
    for listing in (Names(), KnownTypes()):
        assert {*await items_of(store, None, listing, limit=7)} == {*MANY}
    views = await items_of(store, None, Types(), limit=7)
    figures = (await store.page(None, Figures(MANY), limit=100)).items
    for found in (views, figures):
        shown = [one for one in found if isinstance(one, TypeView | TypeFigures)]
        assert {one.queue_type for one in shown} == {*MANY}
        assert {(one.waiting, one.leased) for one in shown} == {(1, 1)}
        assert len(shown) == len(MANY)
    counts = await counts_of(store)
    assert sum(counts.enqueues.values()) == 2 * len(MANY)
    assert sum(counts.dequeues.values()) == len(MANY)
    clock.advance(60_001)
    ended = (await store.tend(limit=100)).ended
    assert {lease.queue_type for lease in ended} == {*MANY}
    for name in MANY:
        assert (await store.clear(name, Clear(), limit=100)).waiting == 2
    assert await items_of(store, None, Names(), limit=100) == []


async def test_a_clock_that_steps_back_is_noticed_on_every_server(
    store: QueueStore, clock: ManualClock
) -> None:
    for name in MANY:
        await store.enqueue(name, [NewJob("q", f"j{n}", b"", 1000) for n in range(3)])
    clock.advance(1_000_000)
    for name in MANY:
        await take(store, name)
    clock.step_back(900_000)
    while (await store.tend(limit=100)).more:
        pass
    clock.advance(1000)
    for name in MANY:
        assert len(await take(store, name)) == 1, name


async def test_functions_are_loaded_on_each_server_that_lacks_them(
    cluster: RedisCluster, store: QueueStore
) -> None:
    for server in cluster.primaries:
        await work(store, a_type_at(cluster, server), 1)
        ask(server, "FUNCTION", "FLUSH", "SYNC")
        await work(store, a_type_at(cluster, server), 2)
    for server in cluster.primaries:
        [library] = ask(server, "FUNCTION", "LIST")
        assert library[1] == Library.load().name.encode()


async def test_one_server_is_enough_to_find_the_others(
    cluster: RedisCluster, clock: ManualClock
) -> None:
    for server in cluster.primaries:
        options = {"clustered": True, "url": f"redis://127.0.0.1:{server.port}/0"}
        async with open_store("redis", options, clock=clock) as store:
            await store.health()
            for name in MANY[:9]:
                await work(store, name)
    nodes = f"127.0.0.1:1, 127.0.0.1:{cluster.primaries[1].port}"
    async with open_store("redis", {"clustered": True, "nodes": nodes}, clock=clock) as store:
        await work(store, MANY[0])


async def test_what_a_cluster_may_lose_is_reported_once(
    cluster: RedisCluster, store: QueueStore
) -> None:
    assert [said.split(":")[0] for said in await store.health(thorough=True)] == [
        "this Redis has no persistence"
    ]
    first, second, _ = cluster.primaries
    try:
        first.client().config_set("appendonly", "yes")
        second.client().config_set("cluster-require-full-coverage", "yes")
        said = await store.health(thorough=True)
        assert len(said) == 2
        assert said[0].startswith(f"127.0.0.1:{second.port}, 127.0.0.1:")
        assert "cluster-require-full-coverage no" in said[1]
    finally:
        first.client().config_set("appendonly", "no")
        second.client().config_set("cluster-require-full-coverage", "no")


async def test_checks_leave_no_key_behind(cluster: RedisCluster, store: QueueStore) -> None:
    await store.health(thorough=True)
    assert [server.client().dbsize() for server in cluster.primaries] == [0, 0, 0]
