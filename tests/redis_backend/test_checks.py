"""What a ping and the weaknesses say of a Redis that does not let the server do its work."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import LeaseOutcome, LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, finish_all
from support.readme import acl_rule
from support.redis_server import RedisServer, free_port

pytestmark = pytest.mark.anyio

NOTHING_LOST = "this Redis has no persistence"
"""How the only weakness of a test's server begins."""


def job(number: int = 1) -> NewJob:
    return NewJob("q", f"job-{number}", b"{}", 0)


async def refusal(store: QueueStore) -> StoreUnavailable:
    """Return what a ping raises."""
    with pytest.raises(StoreUnavailable) as refused:
        await store.health()
    return refused.value


async def weaknesses(store: QueueStore) -> list[str]:
    """Return the weaknesses but for those of persistence."""
    return [said for said in await store.health(thorough=True) if not said.startswith(NOTHING_LOST)]


def assert_told(error: StoreUnavailable, server: RedisServer, *words: str) -> None:
    """Check that the log gets the address and the words, and clients one sentence without."""
    for word in (f"127.0.0.1:{server.port}, database 0: ", *words):
        assert word in str(error)
    assert error.public.startswith("The store ")
    assert error.public.endswith(".")
    assert not set("0123456789'\"") & set(error.public)


async def test_a_ping_leaves_no_key(store: QueueStore, redis_server: RedisServer) -> None:
    await store.health()
    assert redis_server.client().dbsize() == 0
    assert not await weaknesses(store)
    assert redis_server.client().dbsize() == 0


async def test_pings_of_several_servers_do_not_disturb_each_other(
    store: QueueStore, redis_url: str
) -> None:
    async with open_store("redis", {"url": redis_url}) as other:
        await asyncio.gather(*(each.health() for each in [store, other] * 50))
        await asyncio.gather(*(weaknesses(each) for each in [store, other] * 10))


async def test_a_ping_says_that_this_is_a_replica(own_server: RedisServer) -> None:
    async with open_store("redis", {"url": own_server.url}) as store:
        await store.health()
        own_server.command("REPLICAOF", "127.0.0.1", free_port())
        assert_told(await refusal(store), own_server, "read-only replica")
        own_server.command("REPLICAOF", "NO", "ONE")
        await store.health()


async def test_a_ping_says_that_redis_takes_no_writes(own_server: RedisServer) -> None:
    async with open_store("redis", {"url": own_server.url}) as store:
        own_server.client().config_set("min-replicas-to-write", 1)
        assert_told(await refusal(store), own_server, "takes no writes at present", "NOREPLICAS")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RedisServer]:
    """A cluster of one node, which has every slot."""
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with RedisServer(tmp_path / "node", *options) as server:
        server.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        yield server


async def test_a_ping_says_that_this_is_a_cluster(cluster: RedisServer) -> None:
    async with open_store("redis", {"url": cluster.url}) as store:
        assert_told(
            await refusal(store),
            cluster,
            "it is part of a Redis Cluster: set [redis] clustered : true",
        )
        cluster.command("CLUSTER", "DELSLOTSRANGE", 0, 16383)
        assert_told(
            await refusal(store),
            cluster,
            "it is part of a Redis Cluster: set [redis] clustered : true",
        )


async def test_a_full_redis_passes_and_says_what_it_refuses(own_server: RedisServer) -> None:
    client = own_server.client()
    async with open_store("redis", {"url": own_server.url}) as store:
        await store.enqueue("sms", [job()])
        client.script_flush()
        client.config_set("maxmemory", 1)
        await store.health()
        [full] = await weaknesses(store)
        assert "full" in full
        with pytest.raises(StoreUnavailable) as refused:
            await store.enqueue("sms", [job(2)])
        assert_told(refused.value, own_server, "its memory is full", "maxmemory")
        assert "full" in refused.value.public
        [leased] = (await dequeue_for_one(store, "sms", count=1, lease_time=60_000)).jobs
        ref = LeaseRef("q", leased.job_id, leased.token)
        assert await finish_all(store, "sms", [ref], receipt_time=1000) == [LeaseOutcome.ENDED]
        client.config_set("maxmemory", 0)
        assert not await weaknesses(store)


@asynccontextmanager
async def as_user(server: RedisServer, *changes: str) -> AsyncIterator[QueueStore]:
    """Open a store as the documented user, its rights changed."""
    server.command("ACL", "SETUSER", "sharq", "reset", *acl_rule("secret"), *changes)
    options = {"port": server.port, "username": "sharq", "password": "secret"}
    async with open_store("redis", options) as store:
        yield store


async def test_the_documented_user_lacks_nothing(own_server: RedisServer) -> None:
    async with as_user(own_server) as store:
        await store.health()
        assert not await weaknesses(store)


@pytest.mark.parametrize(
    "change",
    ["-zpopmin", "-zremrangebyrank", "-time", "-exists", "-hincrby", "-unlink", "resetkeys"],
)
async def test_a_ping_says_that_a_right_is_missing(own_server: RedisServer, change: str) -> None:
    async with as_user(own_server, change) as store:
        assert_told(await refusal(store), own_server, "its user lacks a right")


async def test_a_ping_as_a_user_without_functions_needs_scripts(own_server: RedisServer) -> None:
    async with as_user(own_server, "-fcall") as store:
        await store.health()
    async with as_user(own_server, "-function|load") as store:
        await store.health()
    async with as_user(own_server, "-fcall", "-evalsha") as store:
        assert_told(await refusal(store), own_server, "its user lacks a right")


async def test_a_ping_as_a_user_for_other_keys_fails(own_server: RedisServer) -> None:
    async with as_user(own_server, "resetkeys", "~other:*", "~{other:*") as store:
        assert_told(await refusal(store), own_server, "its user lacks a right", "key")


@pytest.mark.parametrize("change", ["-sadd", "-sscan", "-hscan", "-hsetnx", "-zrank"])
async def test_a_right_that_workers_can_do_without_is_a_weakness(
    own_server: RedisServer, change: str
) -> None:
    async with as_user(own_server, change) as store:
        await store.health()
        [lacking] = await weaknesses(store)
        assert "lacks rights" in lacking
        assert change.removeprefix("-") in lacking


@pytest.mark.parametrize("change", ["resetchannels", "-spublish", "-ssubscribe"])
async def test_a_user_without_channels_is_a_weakness(own_server: RedisServer, change: str) -> None:
    async with as_user(own_server, change) as store:
        await store.health()
        [deaf] = await weaknesses(store)
        assert "up to 5 s late" in deaf


async def test_what_may_not_be_asked_is_named(own_server: RedisServer) -> None:
    client = own_server.client()
    async with as_user(own_server, "-info") as store:
        await store.health()
        [said] = await store.health(thorough=True)
        assert "INFO" in said
    async with as_user(own_server, "-config") as store:
        await store.health()
        [said] = await store.health(thorough=True)
        assert "CONFIG GET for its snapshots" in said
        client.config_set("appendonly", "yes")
        [said] = await store.health(thorough=True)
        assert "appendfsync" in said


async def test_a_redis_without_config_is_asked_for_the_rest(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis", "--rename-command", "CONFIG", "") as server:
        async with open_store("redis", {"url": server.url}) as store:
            await store.health()
            [said] = await store.health(thorough=True)
    assert "does not say whether it has persistence" in said


async def test_a_login_that_is_refused_is_not_shown(own_server: RedisServer) -> None:
    options = {"port": own_server.port, "username": "sharq", "password": "h1dden"}
    with pytest.raises(StoreUnavailable) as refused:
        async with open_store("redis", options) as store:
            await store.health()
    assert_told(refused.value, own_server, "refuses the login")
    assert "h1dden" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 1}, "Redis at 127.0.0.1:1, database 0: Connection refused"),
        ({"url": "redis://[::1]:1/4"}, "Redis at [::1]:1, database 4: "),
        (
            {"conn_type": "unix_sock", "unix_socket_path": "/nowhere/s"},
            "Redis at /nowhere/s, database 0: No such file or directory",
        ),
        ({"host": "no.such.host.invalid"}, "Redis at no.such.host.invalid:6379, database 0: "),
    ],
    ids=["port", "IPv6", "socket", "name"],
)
async def test_an_address_out_of_reach_is_named_once(
    options: dict[str, object], words: str
) -> None:
    with pytest.raises(StoreUnavailable) as away:
        async with open_store("redis", options) as store:
            await store.health()
    assert str(away.value).startswith(words)
    assert str(away.value).count(words.split()[2].rstrip(",")) == 1
    assert away.value.public == "The store does not answer."


async def test_a_database_that_is_not_there_is_named(own_server: RedisServer) -> None:
    with pytest.raises(StoreUnavailable, match="database 99: DB index is out of range") as refused:
        async with open_store("redis", {"port": own_server.port, "db": 99}) as store:
            await store.health()
    assert refused.value.public == "The store failed."


async def test_a_user_who_may_not_select_a_database_is_told(own_server: RedisServer) -> None:
    own_server.command("ACL", "SETUSER", "sharq", *acl_rule("secret"), "-select")
    options = {"port": own_server.port, "username": "sharq", "password": "secret"}
    async with open_store("redis", options) as store:
        await store.health()
    with pytest.raises(StoreUnavailable, match="its user lacks a right"):
        async with open_store("redis", {**options, "db": 1}) as store:
            await store.health()
