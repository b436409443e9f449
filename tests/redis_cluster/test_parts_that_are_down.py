"""One part of a cluster is down, frozen, cut off or replaced; the other parts do not notice."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis_cluster.many_types import MANY, a_type_at, job, take, work

from faults.proxy import Proxy, Wrong
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Figures, KnownTypes, Names, TypeFigures, Types
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import counts_of, items_of
from sharq_redis.routing import map_keeper
from support.ears import Ear
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer
from support.standstill import standstill
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

AT_ONCE = 0.5
"""Seconds within which a call is answered if it waits for nothing."""
SOON = 2.0
"""Seconds within which a new primary is found."""
RECOVERY = 10.0
"""Seconds until a replica is elected and found, on a busy machine."""


@pytest.fixture
async def store(own_cluster: RedisCluster) -> AsyncIterator[QueueStore]:
    async with open_store("redis", own_cluster.options) as store:
        yield store


def types_at(cluster: RedisCluster, server: RedisServer) -> list[str]:
    return [name for name in MANY if cluster.of_type(name) is server]


async def assert_others_work(store: QueueStore, names: list[str], *, within: float) -> None:
    """Check that each call on these types is answered in time."""
    for number, name in enumerate(names):
        async with asyncio.timeout(within):
            await work(store, name, 100 + number)


async def test_a_server_that_is_down_is_a_503_for_its_types_alone(
    own_cluster: RedisCluster, store: QueueStore
) -> None:
    for name in MANY:
        await work(store, name)
        await store.enqueue(name, [job(9)])
        assert len(await take(store, name, lease_time=1)) == 1
    down, *_ = own_cluster.primaries
    lost = types_at(own_cluster, down)
    others = [name for name in MANY if name not in lost]
    down.stop()

    for name in lost:
        with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{down.port}") as refused:
            await take(store, name)
        assert refused.value.public == "The store does not answer."
    await assert_others_work(store, others[:5], within=AT_ONCE)
    ended: set[str] = set()
    async with asyncio.timeout(10):
        while not ended >= {*others}:
            ended |= {one.queue_type for one in (await store.tend(limit=10)).ended}
    found = (await store.page(None, Figures(MANY), limit=100)).items
    assert {one.queue_type for one in found if isinstance(one, TypeFigures)} == {*others}
    with pytest.raises(StoreUnavailable):
        await store.page(None, Figures(tuple(lost)), limit=100)
    with pytest.raises(StoreUnavailable):
        await items_of(store, None, Names())

    await store.health()
    [part] = [one for one in await store.health(thorough=True) if "unreachable" in one]
    assert f"127.0.0.1:{down.port}: Connection refused" in part
    down.start()
    async with asyncio.timeout(RECOVERY):
        for name in lost:
            await comes_true(lambda name=name: works(store, name))
    assert not [one for one in await store.health(thorough=True) if "unreachable" in one]


async def works(store: QueueStore, name: str) -> bool:
    with contextlib.suppress(StoreUnavailable):
        await store.enqueue(name, [job(1000)])
        return True
    return False


async def test_calls_over_all_types_wait_once_for_a_frozen_server(
    own_cluster: RedisCluster, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 1.0)
    for name in MANY:
        await work(store, name)
        await store.enqueue(name, [job()])
    frozen, *_ = own_cluster.primaries
    others = {*MANY} - {*types_at(own_cluster, frozen)}
    with standstill(frozen.pid):
        async with asyncio.timeout(2.5):
            found = (await store.page(None, Figures(MANY), limit=100)).items
            assert {one.queue_type for one in found if isinstance(one, TypeFigures)} == others
            for listing in (Names(), Types(), KnownTypes()):
                with pytest.raises(StoreUnavailable, match="no answer in time"):
                    await items_of(store, None, listing)
            with pytest.raises(StoreUnavailable, match="no answer in time"):
                await counts_of(store)
    await comes_true(lambda: lists_all(store), within=RECOVERY)


async def test_a_part_that_is_frozen_is_named_in_the_time_of_one_call(
    own_cluster: RedisCluster, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers its own callers, /-/ready?detail=1 among them, 0.25 s after that."""
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 1.5)
    await store.health()
    frozen, *_ = own_cluster.primaries
    with standstill(frozen.pid):
        async with asyncio.timeout(2.7):
            said = await store.health(thorough=True)
    [part] = [one for one in said if "unreachable" in one]
    assert f"127.0.0.1:{frozen.port}: no answer in time" in part


async def lists_all(store: QueueStore) -> bool:
    with contextlib.suppress(StoreUnavailable):
        return {*await items_of(store, None, Names())} == {*MANY}
    return False


async def test_every_call_fails_if_no_server_answers(
    own_cluster: RedisCluster, store: QueueStore
) -> None:
    await store.health()
    own_cluster.stop()
    with pytest.raises(StoreUnavailable, match="Redis at 127"):
        await store.health()
    async with open_store("redis", own_cluster.options) as new:
        with pytest.raises(StoreUnavailable, match="Connection refused"):
            await work(new, "sms")


async def test_calls_to_a_frozen_server_do_not_crowd_out_others(
    own_cluster: RedisCluster, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 1.0)
    await store.health()
    frozen, *_ = own_cluster.primaries
    lost = types_at(own_cluster, frozen)
    others = [name for name in MANY if name not in lost]
    with standstill(frozen.pid):
        calls = [asyncio.create_task(take(store, name)) for name in lost]
        await assert_others_work(store, others[:5], within=AT_ONCE)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(answer, StoreUnavailable) for answer in answers)
        finder = asyncio.create_task(take(store, lost[0]))
        await asyncio.sleep(0)
        for name in lost:
            async with asyncio.timeout(AT_ONCE):
                with pytest.raises(StoreUnavailable):
                    await take(store, name)
        await assert_others_work(store, others[:5], within=AT_ONCE)
        with pytest.raises(StoreUnavailable):
            await finder
    await comes_true(lambda: works(store, lost[0]), within=RECOVERY)


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[RedisCluster, dict[int, Proxy]]]:
    """A cluster with a proxy in front of each server; the proxies by the servers' ports."""
    proxies: dict[int, Proxy] = {}
    with ExitStack() as stack:

        def announce(port: int) -> int:
            if port not in proxies:
                proxies[port] = stack.enter_context(Proxy(port))
            return proxies[port].port

        cluster = stack.enter_context(RedisCluster(tmp_path / "cluster", announce=announce))
        yield cluster, proxies


async def test_a_network_cut_to_one_server_affects_its_types_alone(
    proxied: tuple[RedisCluster, dict[int, Proxy]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 1.0)
    cluster, proxies = proxied
    cut, *_ = cluster.primaries
    lost = types_at(cluster, cut)
    others = [name for name in MANY if name not in lost]
    async with open_store("redis", cluster.options) as store:
        for name in MANY:
            await work(store, name)
        ears = {name: Ear() for name in (lost[0], others[0])}
        async with contextlib.AsyncExitStack() as stack:
            for name, ear in ears.items():
                await stack.enter_async_context(store.watching(name, ear.wake))
            proxies[cut.port].wrong = Wrong.HOLD_ALL
            with pytest.raises(StoreUnavailable, match="no answer in time"):
                await work(store, lost[0])
            await assert_others_work(store, others, within=AT_ONCE)
            for name in others:
                await store.enqueue(name, [job(7)])
                await take(store, name, lease_time=1)
            await store.tend(limit=10)
            began = time.monotonic()
            await store.tend(limit=10)
            assert time.monotonic() - began < AT_ONCE, (
                "a part that is known to be late is not waited for"
            )
            ears[others[0]].heard.clear()
            await store.enqueue(others[0], [job(8, queue_id="another")])
            assert await ears[others[0]].next() == 0
            proxies[cut.port].wrong = Wrong.NOTHING
            await comes_true(lambda: works(store, lost[0]), within=RECOVERY)


async def test_a_call_whose_connection_is_lost_is_not_sent_again(
    proxied: tuple[RedisCluster, dict[int, Proxy]],
) -> None:
    """It may have run, and here it has: only who asked may decide to repeat it."""
    cluster, proxies = proxied
    server, *_ = cluster.primaries
    name = a_type_at(cluster, server)
    async with open_store("redis", cluster.options) as store:
        await work(store, name)
        server.client().config_resetstat()
        proxies[server.port].wrong = Wrong.CUT_REPLIES
        with pytest.raises(StoreUnavailable):
            await store.enqueue(name, [job(2)])
        proxies[server.port].wrong = Wrong.NOTHING
        assert server.client().info("commandstats")["cmdstat_fcall"]["calls"] == 1
        assert [one.job_id for one in await take(store, name, count=2)] == ["job-2"]


async def test_a_replica_that_takes_over_gets_the_calls_and_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_keeper, "EVERY", 3600.0)
    with RedisCluster(tmp_path / "cluster", replicas=1) as cluster:
        async with open_store("redis", cluster.options) as store:
            killed, *_ = cluster.primaries
            name = a_type_at(cluster, killed)
            await store.enqueue(name, [job(n) for n in range(3)])
            [taken] = await take(store, name)
            assert killed.client().wait(1, 5000) == 1
            ear = Ear()
            async with store.watching(name, ear.wake):
                killed.stop()
                await comes_true(lambda: works(store, name), within=RECOVERY)
                assert cluster.of_type(name) is cluster.replicas[0]
                assert [one.job_id for one in await take(store, name)] == ["job-1"]
                ear.heard.clear()
                for number in range(100):
                    await store.enqueue(name, [job(number, queue_id=f"new-{number}")])
                    if [f"new-{number}"] in ear.queues:
                        break
                    await asyncio.sleep(0.05)
                else:
                    pytest.fail("nothing was heard at the new primary")
            assert taken.job_id == "job-0"
            killed.start()
            cluster.await_agreement()
            await work(store, a_type_at(cluster, cluster.primaries[1]))
        async with open_store("redis", cluster.options) as store:  # where nobody listens
            name = a_type_at(cluster, cluster.primaries[2])
            await work(store, name)
            cluster.primaries[2].stop()
            await comes_true(lambda: works(store, name), within=RECOVERY)


async def test_a_frozen_primary_is_left_when_its_replica_takes_over(
    tmp_path: Path,
) -> None:
    """Its calls fail then and do not wait for it to wake up: the effect of what it runs is lost."""
    with RedisCluster(tmp_path / "cluster", replicas=1) as cluster:
        async with open_store("redis", cluster.options) as store:
            _, frozen, _ = cluster.primaries
            name = a_type_at(cluster, frozen)
            await store.enqueue(name, [job(n) for n in range(3)])
            assert frozen.client().wait(1, 5000) == 1
            with standstill(frozen.pid):
                left = asyncio.create_task(take(store, name))
                await comes_true(lambda: cluster.of_type(name) is not frozen, within=RECOVERY)
                await comes_true(lambda: works(store, name), within=SOON)
                with pytest.raises(StoreUnavailable, match="another server has taken its place"):
                    await left
