"""Servers and sentinels that are wrong, behind the times, or answer what nobody expects."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop
from redis_cluster.many_types import work

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Figures
from sharq_plug.plugins import open_store
from sharq_redis.access import Access
from sharq_redis.ear import Watched
from sharq_redis.options import RedisOptions, target_of
from sharq_redis.routing import sentinels
from sharq_redis.routing.cluster import Cluster
from sharq_redis.routing.slots import slot_of
from sharq_redis.target import Endpoint
from support.answering import answering, error
from support.redis_server import RedisServer, free_port
from support.waiting import comes_true

pytestmark = pytest.mark.anyio


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


def words_of(*words: object) -> bytes:
    """Return a reply that is a list of strings."""
    texts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%s\r\n" % (len(t), t) for t in texts)


def all_slots_at(port: int) -> bytes:
    """Return a reply to CLUSTER SLOTS."""
    return b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % port


async def test_a_sentinel_that_names_a_dead_primary_does_not_hide_one_that_knows_better(
    own_server: RedisServer,
) -> None:
    """One that is cut off from the others names the old primary for as long as that lasts."""
    async with (
        answering(lambda _: words_of("127.0.0.1", free_port())) as cut_off,
        answering(lambda _: words_of("127.0.0.1", own_server.port)) as right,
        open_store(
            "redis",
            {
                "sentinels": f"127.0.0.1:{cut_off}, 127.0.0.1:{right}",
                "sentinel_service": "mymaster",
            },
        ) as store,
    ):
        with pytest.raises(StoreUnavailable):
            await work(store, "sms")
        await work(store, "sms")


@pytest.mark.parametrize(
    "reply", [b"+OK\r\n", b":1\r\n", b"*0\r\n", words_of("h"), words_of("h", "x"), words_of(1, "")]
)
async def test_a_sentinel_that_makes_no_sense_is_passed_over(
    own_server: RedisServer, reply: bytes
) -> None:
    async with (
        answering(lambda _: reply) as odd,
        answering(lambda _: words_of("127.0.0.1", own_server.port)) as right,
    ):
        places = f"127.0.0.1:{odd}"
        options = {"sentinel_service": "mymaster", "sentinels": places}
        async with open_store("redis", options) as store:
            with pytest.raises(StoreUnavailable, match=places):
                await work(store, "sms")
        options["sentinels"] = f"{places}, 127.0.0.1:{right}"
        async with open_store("redis", options) as store:
            await work(store, "sms")


def test_a_sentinel_is_asked_again_after_its_connection_was_reset(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop, on which the server runs, has an error of its own for that."""
    monkeypatch.setattr(sentinels, "LOOK_EVERY", 0.05)
    questions = 0

    async def answer_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal questions
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        try:
            await reader.read(1000)
            questions += 1
            writer.write(words_of("127.0.0.1", own_server.port))
            await asyncio.sleep(0.02)
        finally:
            writer.transport.abort()

    async def run() -> None:
        async with await asyncio.start_server(answer_and_reset, "127.0.0.1", 0) as sentinel:
            place = "127.0.0.1:{1}".format(*sentinel.sockets[0].getsockname())
            options = {"sentinels": place, "sentinel_service": "mymaster"}
            async with open_store("redis", options) as store:
                await work(store, "sms")
                await comes_true(lambda: questions > 5)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("reply", [b"+OK\r\n", b":1\r\n", b"*0\r\n", b"*1\r\n:1\r\n"])
async def test_a_primary_that_does_not_say_its_role_is_a_failure_of_the_store(reply: bytes) -> None:
    async with (
        answering(lambda _: reply) as odd,
        answering(lambda _: words_of("127.0.0.1", odd)) as port,
    ):
        options = {"sentinels": f"127.0.0.1:{port}", "sentinel_service": "mymaster"}
        async with open_store("redis", options) as store:
            with pytest.raises(StoreUnavailable, match="which says that it is a"):
                await work(store, "sms")


async def test_a_server_that_calls_the_cluster_down_is_not_the_one_to_ask_for_the_map() -> None:
    """It may be cut off from the others, which have given its slots to its replica."""
    ports: list[int] = []

    def cut_off(words: list[str]) -> bytes:
        if words[0] == "CLUSTER":
            return all_slots_at(ports[0])
        return error("CLUSTERDOWN The cluster is down")

    def right(words: list[str]) -> bytes:
        return all_slots_at(ports[1]) if words[0] == "CLUSTER" else b"*0\r\n"

    async with (
        answering(cut_off) as first,
        answering(right) as second,
    ):
        ports += [first, second]
        nodes = f"127.0.0.1:{first}, 127.0.0.1:{second}"
        async with open_store("redis", {"clustered": True, "nodes": nodes}) as store:
            assert await store.settle("sms", []) == []


@pytest.mark.parametrize("said", ["MOVED 16384 127.0.0.1:1", "MOVED 99999 127.0.0.1:1"])
async def test_a_slot_that_does_not_exist_is_a_failure_of_the_store(said: str) -> None:
    ports: list[int] = []

    def answer(words: list[str]) -> bytes:
        return all_slots_at(ports[0]) if words[0] == "CLUSTER" else error(said)

    async with answering(answer) as port:
        ports.append(port)
        async with open_store("redis", {"clustered": True, "port": port}) as store:
            with pytest.raises(StoreUnavailable):
                await store.settle("sms", [])


@pytest.mark.parametrize(
    "reply",
    [
        b"*0\r\n",
        b"+OK\r\n",
        b":1\r\n",
        b"*1\r\n*2\r\n:0\r\n:1\r\n",
        b"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:7\r\n:1\r\n",
        b"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n\xff\r\n:1\r\n",
        b"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n$1\r\n7\r\n",
        b"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n:70000\r\n",
        b"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n-ERR a\r\n:7\r\n",
    ],
)
async def test_a_map_that_makes_no_sense_is_a_failure_of_the_store(reply: bytes) -> None:
    async with (
        answering(lambda _: reply) as port,
        open_store("redis", {"clustered": True, "port": port}) as store,
    ):
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await store.health()


async def test_a_store_that_is_closed_connects_to_no_other_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call that waits to be sent again learns of another server when all is closed already."""
    asked: list[str] = []
    connected: list[str] = []
    ports: list[int] = []

    def source(words: list[str]) -> bytes:
        asked.append(words[0])
        return all_slots_at(ports[0]) if words[0] == "CLUSTER" else error("TRYAGAIN")

    def target(words: list[str]) -> bytes:
        connected.append(words[0])
        return b"*0\r\n"

    async with answering(source) as first, answering(target) as second:
        ports += [first, second]
        access = Access.to(target_of(RedisOptions(clustered=True, port=first)))
        assert isinstance(access.route, Cluster)
        call = asyncio.create_task(
            access.route.run("settle", ("{a}never", "{a}queues"), "", 1, b"")
        )
        await comes_true(lambda: "FCALL" in asked)
        await access.close()
        access.route.keeper.moved(slot_of("{a}"), Endpoint("127.0.0.1", second))
        with pytest.raises(StoreUnavailable, match="closed"):
            await call
        await access.hearing.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await access.hearing.hear(Watched("{a}wake"))
    assert connected == []


async def test_types_of_a_cluster_that_is_down_are_not_called_broken_and_are_waited_for_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 1.0)
    ports: list[int] = []

    def down(words: list[str]) -> bytes:
        if words[0] == "CLUSTER":
            return all_slots_at(ports[0])
        return words_of(1, 0) if words[0] == "TIME" else error("CLUSTERDOWN The cluster is down")

    async with answering(down) as port:
        ports.append(port)
        async with open_store("redis", {"clustered": True, "port": port}) as store:
            names = tuple(f"type-{number}" for number in range(20))
            async with asyncio.timeout(4):
                for _ in range(20):
                    with pytest.raises(StoreUnavailable, match="this part of it, is down"):
                        await store.page(None, Figures(names), limit=20)
    assert not [one for one in caplog.records if "broken" in one.getMessage()]
