"""TLS, users and passwords in every mode."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis_cluster.many_types import MANY, a_type_at, job, take, work

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Names
from sharq_plug.plugins import open_store
from sharq_plug.testing.calls import items_of
from sharq_redis.routing.slots import slot_of
from support.certificates import Authority
from support.ears import Ear
from support.readme import acl_rule
from support.redis_cluster import RedisCluster
from support.redis_keys import tag
from support.redis_server import RedisServer
from support.sentinels import SERVICE, Watch
from support.tls_front import TlsFront

pytestmark = pytest.mark.anyio

CLUSTER_RIGHTS = ("+cluster|slots", "+asking")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def ca(authority: Authority, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.write_to(path)
    return str(path)


@pytest.fixture
def secured(
    tmp_path: Path, authority: Authority
) -> Iterator[tuple[RedisCluster, dict[int, TlsFront]]]:
    """A cluster whose servers announce TLS proxies in front of them; the proxies by their ports."""
    fronts: dict[int, TlsFront] = {}
    context = authority.server_context()
    with ExitStack() as stack:

        def announce(port: int) -> int:
            if port not in fronts:
                fronts[port] = stack.enter_context(TlsFront(port, context))
            return fronts[port].port

        cluster = stack.enter_context(RedisCluster(tmp_path / "cluster", announce=announce))
        yield cluster, fronts


async def test_tls_to_one_server(tmp_path: Path, authority: Authority, ca: str) -> None:
    with (
        RedisServer(tmp_path / "redis") as server,
        TlsFront(server.port, authority.server_context()) as front,
    ):
        options = {"port": front.port, "tls": True, "tls_ca": ca}
        async with open_store("redis", options) as store:
            await work(store, "sms")
        url = f"rediss://127.0.0.1:{front.port}/0?ssl_ca_certs={ca}"
        async with open_store("redis", {"url": url}) as store:
            await work(store, "sms")
        assert front.secured == 2
        async with open_store("redis", {"port": front.port, "tls": True}) as store:
            with pytest.raises(StoreUnavailable, match="certificate verify failed"):
                await store.health()


async def test_a_client_certificate_is_presented(
    tmp_path: Path, authority: Authority, ca: str
) -> None:
    context = authority.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca)
    pair = authority.issue("ours")
    with RedisServer(tmp_path / "redis") as server, TlsFront(server.port, context) as front:
        options = {"port": front.port, "tls": True, "tls_ca": ca}
        async with open_store("redis", options) as store:
            with pytest.raises(StoreUnavailable):
                await store.health()
        ours = {"tls_cert": str(pair.cert), "tls_key": str(pair.key)}
        async with open_store("redis", {**options, **ours}) as store:
            await work(store, "sms")
        assert front.secured == 1


@pytest.mark.parametrize("by_url", [False, True], ids=["keys", "URL"])
async def test_tls_and_a_user_at_every_server_of_a_cluster(
    secured: tuple[RedisCluster, dict[int, TlsFront]], ca: str, *, by_url: bool
) -> None:
    cluster, fronts = secured
    for server in cluster.primaries:
        server.command("ACL", "SETUSER", "sharq", "reset", *acl_rule("secret"), *CLUSTER_RIGHTS)
        server.command("ACL", "SETUSER", "default", "on", ">no-one-knows-it")
    seed = fronts[cluster.primaries[0].port].port
    options: dict[str, object] = {
        "clustered": True,
        "port": seed,
        "username": "sharq",
        "password": "secret",
        "tls": True,
        "tls_ca": ca,
    }
    if by_url:
        url = f"rediss://sharq:secret@127.0.0.1:{seed}/0?ssl_ca_certs={ca}"
        options = {"clustered": True, "url": url}
    ear = Ear()
    async with open_store("redis", options) as store:
        await store.health()
        assert not [said for said in await store.health(thorough=True) if "right" in said]
        async with store.watching(MANY[0], ear.wake):
            for name in MANY[:12]:
                await work(store, name)
            assert await ear.next() == 0
    assert all(front.secured for front in fronts.values())


async def test_the_documented_rights_are_needed_and_enough_in_a_cluster(
    own_cluster: RedisCluster,
) -> None:
    for server in own_cluster.primaries:
        server.command("ACL", "SETUSER", "sharq", "reset", *acl_rule("secret"), *CLUSTER_RIGHTS)
        server.client().config_resetstat()
    options = {**own_cluster.options, "username": "sharq", "password": "secret"}
    source, target, _ = own_cluster.primaries
    name = a_type_at(own_cluster, source)
    async with open_store("redis", options) as store:
        await store.health(thorough=True)
        async with store.watching(name, Ear().wake):
            for one in MANY[:20]:
                await work(store, one)
                await store.enqueue(one, [job(2)])
        slot = slot_of(tag(name))
        own_cluster.begin_move(slot, target)
        own_cluster.move_keys(slot, source, target)
        assert name in await items_of(store, None, Names())
        own_cluster.end_move(slot, source, target)
        await store.tend(limit=10)
        assert [one.job_id for one in await take(store, name)] == ["job-2"]
    sent: set[str] = set()
    for server in own_cluster.primaries:
        stats = server.client().info("commandstats")
        sent |= {command.removeprefix("cmdstat_") for command in stats}
    rights = {word.removeprefix("+") for word in (*acl_rule("secret"), *CLUSTER_RIGHTS)}
    of_the_test = {
        *("client|setinfo", "cluster|getkeysinslot", "cluster|myid", "cluster|setslot", "hello"),
        *("config|resetstat", "migrate", "restore-asking", "auth"),
    }
    assert sent <= rights | of_the_test
    assert sent >= {"cluster|slots", "asking"}


async def test_a_login_that_a_cluster_refuses_is_not_shown(own_cluster: RedisCluster) -> None:
    options = {**own_cluster.options, "username": "sharq", "password": "h1dden"}
    async with open_store("redis", options) as store:
        with pytest.raises(StoreUnavailable, match="it refuses the login") as refused:
            await store.health()
    assert "h1dden" not in str(refused.value)
    assert "sharq" not in str(refused.value)


async def test_a_user_who_may_not_read_the_slot_map_is_reported(own_cluster: RedisCluster) -> None:
    for server in own_cluster.primaries:
        server.command("ACL", "SETUSER", "sharq", "reset", *acl_rule("secret"))
    options = {**own_cluster.options, "username": "sharq", "password": "secret"}
    async with open_store("redis", options) as store:
        with pytest.raises(StoreUnavailable, match=r"lacks a right.*cluster\|slots"):
            await store.health()


async def test_tls_to_sentinels_and_to_the_primary(
    tmp_path: Path, authority: Authority, ca: str
) -> None:
    """The sentinels name an address at which the primary speaks TLS."""
    context = authority.server_context()
    with Watch(tmp_path / "watch", sentinels=1, replicas=0) as watch, ExitStack() as stack:
        primary = stack.enter_context(TlsFront(watch.servers[0].port, context))
        sentinel = stack.enter_context(TlsFront(watch.sentinels[0].port, context))
        watch.sentinels[0].ask("SENTINEL", "REMOVE", SERVICE)
        watch.sentinels[0].ask("SENTINEL", "MONITOR", SERVICE, "127.0.0.1", primary.port, 1)
        options = {
            "sentinels": f"127.0.0.1:{sentinel.port}",
            "sentinel_service": SERVICE,
            "tls": True,
            "tls_ca": ca,
        }
        async with open_store("redis", options) as store:
            await work(store, "sms")
        assert primary.secured == 1
        assert sentinel.secured == 1
