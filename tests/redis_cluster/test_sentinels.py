"""Sentinels: calls and watchers follow the primary that they name."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as LostConnection
from redis_cluster.many_types import job, take, work

from sharq_plug.errors import StoreUnavailable
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_redis.routing.sentinels import Sentinels
from sharq_redis.target import Endpoint
from support.answering import answering
from support.ears import Ear
from support.readme import acl_rule
from support.redis_keys import channel
from support.redis_server import RedisServer, free_port
from support.sentinels import SERVICE, Watch
from support.standstill import standstill
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

SOON = 2.0
"""Seconds within which a failover is followed."""
ELECTION = 15.0
"""Seconds in which sentinels notice a death and promote another, on a busy machine."""


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with Watch(tmp_path) as watch:
        yield watch


async def works(store: QueueStore, number: int) -> bool:
    with contextlib.suppress(StoreUnavailable):
        await store.enqueue("sms", [job(number)])
        return True
    return False


async def test_calls_and_watchers_follow_a_failover(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear()
    former = watch.primary
    async with open_store("redis", watch.options) as store:
        await store.health()
        await work(store, "sms")
        async with store.watching("sms", ear.wake):
            new = await asyncio.to_thread(watch.fail_over)
            began = time.monotonic()

            await comes_true(partial(_listens, new.client()), within=SOON)
            await comes_true(lambda: works(store, 2), within=SOON)
            assert time.monotonic() - began < SOON
            assert new.client().dbsize()
            ear.heard.clear()
            await store.enqueue("sms", [job(3, queue_id="new")])
            assert await ear.next() == 0
    now, no_longer = f"127.0.0.1:{new.port}", f"127.0.0.1:{former.port}"
    said = f"the primary of {SERVICE} is now {now}, no longer {no_longer}"
    assert said in [record.getMessage() for record in caplog.records]


async def test_a_primary_that_dies_is_replaced(watch: Watch) -> None:
    async with open_store("redis", watch.options) as store:
        await store.enqueue("sms", [job(1)])
        assert watch.primary.client().wait(1, 5000) == 1
        died = watch.primary
        died.stop()
        await comes_true(lambda: watch.primary is not died, within=ELECTION)
        await comes_true(lambda: works(store, 2), within=ELECTION)
        assert [one.job_id for one in await take(store, "sms", count=2)] == ["job-1", "job-2"]


async def test_a_primary_that_comes_back_as_a_replica_is_followed_when_it_is_promoted(
    watch: Watch,
) -> None:
    ear = Ear()
    async with open_store("redis", watch.options) as store:
        await work(store, "sms")
        first = watch.primary
        async with store.watching("sms", ear.wake):
            first.stop()
            await comes_true(lambda: watch.primary is not first, within=ELECTION)
            await comes_true(lambda: works(store, 2), within=ELECTION)
            await comes_true(partial(_listens, watch.primary.client()), within=SOON)
            first.start()
            await asyncio.to_thread(watch.await_replicas)
            assert await asyncio.to_thread(watch.fail_over) is first
            await comes_true(partial(_listens, first.client()), within=SOON)
            await comes_true(lambda: works(store, 3), within=SOON)
            ear.queues.clear()
            await store.enqueue("sms", [job(4, queue_id="back")])
            await comes_true(lambda: ["back"] in ear.queues)


async def test_a_store_closes_although_a_cancellation_is_swallowed(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As asyncio.wait_for may do on Python 3.11, which redis-py calls."""
    is_asked = asyncio.Event()

    async def swallow(_sentinels: Sentinels) -> Endpoint:
        is_asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        raise LostConnection("no sentinel answers")

    async with asyncio.timeout(SOON):
        async with open_store("redis", watch.options) as store:
            await work(store, "sms")
            monkeypatch.setattr(Sentinels, "primary", swallow)
            await is_asked.wait()


async def test_a_frozen_primary_is_left_when_another_is_named(watch: Watch) -> None:
    """It keeps its connections open and would answer when it wakes up, but the effect is lost."""
    ear = Ear()
    async with open_store("redis", watch.options) as store:
        await store.enqueue("sms", [job(1)])
        async with store.watching("sms", ear.wake):
            frozen = watch.primary
            assert frozen.client().wait(1, 5000) == 1
            with standstill(frozen.pid):
                left = asyncio.create_task(take(store, "sms"))
                await comes_true(lambda: watch.primary is not frozen, within=ELECTION)
                began = time.monotonic()
                await comes_true(lambda: works(store, 2), within=SOON)
                await comes_true(partial(_listens, watch.primary.client()), within=SOON)
                assert time.monotonic() - began < SOON
                with pytest.raises(StoreUnavailable):
                    await left


def _listens(client: Redis) -> bool:
    return channel("sms") in client.pubsub_shardchannels()


async def test_sentinels_that_are_down_or_frozen_are_skipped(watch: Watch) -> None:
    down, frozen, _ = watch.sentinels
    down.stop()
    with standstill(frozen.pid):
        async with open_store("redis", watch.options) as store:
            await work(store, "sms")


async def test_the_error_quotes_each_sentinel_when_none_names_a_primary(watch: Watch) -> None:
    down, other, _ = watch.sentinels
    down.stop()
    places = f"127.0.0.1:{down.port}, 127.0.0.1:{other.port}"
    options = {"sentinels": places, "sentinel_service": "unheard-of"}
    async with open_store("redis", options) as store:
        with pytest.raises(StoreUnavailable) as away:
            await store.health()
    assert f"127.0.0.1:{down.port}: Connection refused" in str(away.value)
    assert f"127.0.0.1:{other.port} does not know unheard-of" in str(away.value)
    assert away.value.public == "The store does not answer."


async def test_a_redis_in_place_of_a_sentinel_is_reported(watch: Watch) -> None:
    place = f"127.0.0.1:{watch.primary.port}"
    async with open_store("redis", {"sentinels": place, "sentinel_service": SERVICE}) as store:
        with pytest.raises(StoreUnavailable, match="it is not a Sentinel"):
            await store.health()


async def test_a_sentinel_in_place_of_a_redis_is_reported(watch: Watch) -> None:
    for options in ({}, {"clustered": True}):
        async with open_store("redis", {**options, "port": watch.sentinels[0].port}) as store:
            with pytest.raises(StoreUnavailable, match="a Sentinel"):
                await store.health()


def address_of(server: RedisServer) -> bytes:
    """Return the reply of a sentinel that names a server."""
    port = str(server.port)
    return f"*2\r\n$9\r\n127.0.0.1\r\n${len(port)}\r\n{port}\r\n".encode()


async def test_a_server_that_says_it_is_not_a_primary_gets_no_calls(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "replica") as replica:
        replica.command("REPLICAOF", "127.0.0.1", free_port())
        async with answering(lambda _: address_of(replica)) as port:
            options = {"sentinels": f"127.0.0.1:{port}", "sentinel_service": SERVICE}
            async with open_store("redis", options) as store:
                with pytest.raises(StoreUnavailable, match="which says that it is a slave"):
                    await work(store, "sms")
                replica.command("REPLICAOF", "NO", "ONE")
                await work(store, "sms")


async def test_sentinels_and_the_primary_have_separate_logins(tmp_path: Path) -> None:
    rights = "+sentinel|get-master-addr-by-name"
    with Watch(tmp_path, sentinels=1) as watch:
        for server in watch.servers:
            server.command("ACL", "SETUSER", "sharq", "reset", *acl_rule("a-secret"), "+role")
        watch.sentinels[0].ask("ACL", "SETUSER", "asks", "on", ">b-secret", "-@all", rights)
        watch.sentinels[0].ask("ACL", "SETUSER", "default", "-@all", "+ping", "+auth")
        options = {**watch.options, "username": "sharq", "password": "a-secret"}
        async with open_store("redis", options) as store:
            with pytest.raises(StoreUnavailable, match="its user lacks a right"):
                await store.health()
        login = {"sentinel_username": "asks", "sentinel_password": "b-secret"}
        async with open_store("redis", {**options, **login}) as store:
            await store.health()
            await work(store, "sms")
        wrong = {**options, **login, "password": "h1dden"}
        async with open_store("redis", wrong) as store:
            with pytest.raises(StoreUnavailable, match="refuses the login") as refused:
                await store.health()
        assert "h1dden" not in str(refused.value)
        wrong = {**options, **login, "sentinel_password": "h1dden"}
        async with open_store("redis", wrong) as store:
            with pytest.raises(StoreUnavailable, match="refuses the login") as refused:
                await store.health()
        assert "h1dden" not in str(refused.value)


async def test_the_database_number_counts_with_sentinels_too(watch: Watch) -> None:
    async with open_store("redis", {**watch.options, "db": 3}) as store:
        await work(store, "sms")
    assert "db3" in watch.primary.client().info("keyspace")
