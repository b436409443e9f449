"""Wake-ups on a cluster: heard on every server, and while slots move."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis_cluster.many_types import MANY, a_type_at, job

from sharq_plug.errors import StoreUnavailable
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_redis.routing import map_keeper
from sharq_redis.routing.ears import AGAIN_IN
from sharq_redis.routing.slots import slot_of
from support.ears import Ear
from support.redis_cluster import RedisCluster
from support.redis_keys import channel, tag
from support.redis_server import RedisServer
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

SOON = 2.0
"""Seconds within which a change of servers is followed."""


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def other(cluster: RedisCluster) -> AsyncIterator[QueueStore]:
    """A second store on the same cluster."""
    async with open_store("redis", cluster.options) as other:
        yield other


def listens(server: RedisServer, queue_type: str) -> bool:
    """Say whether anybody listens to the channel of a type at a server."""
    return channel(queue_type) in server.client().pubsub_shardchannels()


async def hears(ear: Ear, store: QueueStore, queue_type: str) -> None:
    """Wait until the ear hears of an enqueue by its queue id, so it was announced."""
    for number in range(200):
        with contextlib.suppress(StoreUnavailable):
            await store.enqueue(queue_type, [job(number, queue_id=f"q{number}")])
        await asyncio.sleep(0.02)
        if any(names == [f"q{number}"] for names in ear.queues):
            return
    pytest.fail("nothing was heard")


async def test_an_enqueue_wakes_watchers_of_its_type_on_every_server(
    cluster: RedisCluster, store: QueueStore, other: QueueStore
) -> None:
    ears = {name: Ear() for name in MANY[:12]}
    async with contextlib.AsyncExitStack() as stack:
        for name, ear in ears.items():
            await stack.enter_async_context(other.watching(name, ear.wake))
        for name, ear in ears.items():
            await store.enqueue(name, [job()])
            assert await ear.next() == 0
            assert ear.queues == [["q"]]
        pubsub = [server.client().client_list(_type="pubsub") for server in cluster.primaries]
        assert [len(clients) for clients in pubsub] == [1, 1, 1], "one connection to each server"


async def test_a_watcher_still_hears_after_its_slot_has_moved(
    own_cluster: RedisCluster, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_keeper, "EVERY", 3600.0)
    async with open_store("redis", own_cluster.options) as store:
        for target in own_cluster.primaries[::-1]:
            source = next(one for one in own_cluster.primaries if one is not target)
            name = a_type_at(own_cluster, source)
            ear = Ear()
            async with store.watching(name, ear.wake):
                assert listens(source, name)
                own_cluster.move(slot_of(tag(name)), target)
                await ear.next(within=SOON)
                await comes_true(lambda name=name, target=target: listens(target, name))
                assert not listens(source, name)
                ear.heard.clear()
                await store.enqueue(name, [job(queue_id="after")])
                assert await ear.next() == 0
                assert ear.queues[-1] == ["after"]
            await comes_true(lambda name=name, target=target: not listens(target, name))


async def test_a_watcher_that_arrives_after_an_unnoticed_move_hears_too(
    own_cluster: RedisCluster, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_keeper, "EVERY", 3600.0)
    async with open_store("redis", own_cluster.options) as store:
        await store.health()
        source, target, _ = own_cluster.primaries
        name = a_type_at(own_cluster, source)
        own_cluster.move(slot_of(tag(name)), target)
        async with store.watching(name, ear.wake):
            await hears(ear, store, name)
            assert listens(target, name)


async def test_a_watcher_that_leaves_while_its_slot_moves_is_subscribed_nowhere(
    own_cluster: RedisCluster, ear: Ear
) -> None:
    async with open_store("redis", own_cluster.options) as store:
        source, target, _ = own_cluster.primaries
        name = a_type_at(own_cluster, source)
        another = next(one for one in MANY if one != name and own_cluster.of_type(one) is source)
        async with store.watching(another, ear.wake):
            async with store.watching(name, Ear().wake):
                own_cluster.move(slot_of(tag(name)), target)
            await comes_true(lambda: not listens(source, name) and not listens(target, name))
            await hears(ear, store, another)


async def test_many_watchers_come_and_go_while_slots_move(own_cluster: RedisCluster) -> None:
    """Every watcher is woken for each new job, however often its slot moves."""
    async with open_store("redis", own_cluster.options) as store:
        names = MANY[:6]
        is_over = asyncio.Event()

        async def move() -> None:
            at = 0
            while not is_over.is_set():
                name, target = names[at % 6], own_cluster.primaries[at % 3]
                slot = slot_of(tag(name))
                if await asyncio.to_thread(own_cluster.owner, slot) is not target:
                    await asyncio.to_thread(own_cluster.move, slot, target)
                at += 5

        async def watch(name: str) -> None:
            for number in range(60):
                ear = Ear()
                async with store.watching(name, ear.wake):
                    await store.enqueue(name, [job(number, queue_id=f"q{number}")])
                    await ear.next(within=SOON)

        moving = asyncio.create_task(move())
        async with asyncio.timeout(60):
            await asyncio.gather(*map(watch, names))
            is_over.set()
            await moving


async def test_a_cluster_without_sharded_channels_is_not_asked_for_them_repeatedly(
    tmp_path: Path, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    lacking = ("--rename-command", "SSUBSCRIBE", "", "--rename-command", "SPUBLISH", "")
    with RedisCluster(tmp_path, *lacking) as cluster:
        async with open_store("redis", cluster.options) as store:
            [said] = [one for one in await store.health(thorough=True) if "late" in one]
            assert "ERR unknown command 'SPUBLISH'" in said
            for server in cluster.primaries:
                server.client().config_resetstat()
            async with store.watching("sms", ear.wake):
                await store.enqueue("sms", [job()])
                await asyncio.sleep(5 * AGAIN_IN)
            stats = [server.client().info("commandstats") for server in cluster.primaries]
            assert not any("cmdstat_cluster|slots" in one for one in stats)
    [record] = [one for one in caplog.records if "wake-ups are refused" in one.getMessage()]
    assert "get jobs late" in record.getMessage()
