"""What the Redis server itself may do to us."""

import asyncio
import time
from pathlib import Path

import pytest

from sharq_plug.errors import ConfigError, StoreUnavailable
from sharq_plug.model import LeaseOutcome, LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import counts_of, dequeue_for_one, finish_all, tend_type
from support.one_queue import clear_queue, look_at_queue
from support.redis_server import RedisServer, free_port

pytestmark = pytest.mark.anyio


def job(number: int = 1, size: int = 2) -> NewJob:
    return NewJob("q", f"job-{number}", b"x" * size, 0)


async def test_scripts_are_loaded_again_after_they_were_flushed(
    store: QueueStore, redis_server: RedisServer
) -> None:
    await store.enqueue("sms", [job(1)])
    redis_server.client().script_flush()
    await store.enqueue("sms", [job(2)])
    redis_server.client().script_flush()
    assert len((await dequeue_for_one(store, "sms", count=2, lease_time=1000)).jobs) == 2
    assert (await look_at_queue(store, "sms", "q")).leased == 2


async def test_when_memory_is_full_only_an_enqueue_is_refused(own_server: RedisServer) -> None:
    client = own_server.client()
    async with open_store("redis", {"url": own_server.url}) as store:
        await store.enqueue("sms", [job(number, 1000) for number in range(3)])
        await dequeue_for_one(store, "sms", count=1, lease_time=1)
        client.config_set("maxmemory", 1)
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            await store.enqueue("sms", [job(9)])
        [leased] = (await dequeue_for_one(store, "sms", count=1, lease_time=60_000)).jobs
        time.sleep(0.002)  # noqa: ASYNC251  # Redis's own clock is the one that counts here
        assert (await tend_type(store, "sms", limit=10)).requeued == 1
        ref = LeaseRef("q", leased.job_id, leased.token)
        assert await finish_all(store, "sms", [ref], receipt_time=1000) == [LeaseOutcome.ENDED]
        assert (await clear_queue(store, "sms", "q", purge=True)).waiting == 2
        client.config_set("maxmemory", 0)
        assert (await look_at_queue(store, "sms", "q")).waiting == 0
        await store.enqueue("sms", [job(9)])


async def test_the_rate_goes_by_the_time_of_redis_not_of_the_process(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        open_store("redis", {"url": redis_url}) as right,
        open_store("redis", {"url": redis_url}) as wrong,
    ):
        await right.enqueue("sms", [NewJob("q", f"{n}", b"", 3_600_000) for n in range(2)])
        assert len((await dequeue_for_one(right, "sms", count=2, lease_time=1000)).jobs) == 1
        monkeypatch.setattr(time, "time", lambda: 0.0)
        empty = await dequeue_for_one(wrong, "sms", count=2, lease_time=1_000)
        assert not empty.jobs
        assert empty.next_ready_at is not None
        assert empty.next_ready_at > 1_700_000_000_000


async def test_counts_of_everything_reach_other_processes(redis_url: str) -> None:
    async with (
        open_store("redis", {"url": redis_url}) as one,
        open_store("redis", {"url": redis_url}) as other,
    ):
        await one.enqueue("sms", [job(1), job(2)])
        await other.enqueue("mail", [job(1)])
        await counts_of(one)
        assert sum((await counts_of(other)).enqueues.values()) == 3


async def test_a_unix_socket_a_password_and_a_database_number_work(tmp_path: Path) -> None:
    secret = "a%b;c#d"
    with RedisServer(tmp_path / "redis") as server:
        server.client().config_set("requirepass", secret)
        options = {
            "conn_type": "unix_sock",
            "unix_socket_path": str(server.socket_path),
            "password": secret,
            "db": 3,
        }
        async with open_store("redis", options) as store:
            await store.enqueue("sms", [job()])
        tcp = {"port": server.port, "password": secret, "db": 3}
        async with open_store("redis", tcp) as store:
            assert len((await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs) == 1
        async with open_store("redis", {"port": server.port}) as store:
            with pytest.raises(StoreUnavailable, match=r"(?i)auth"):
                await store.health()


async def test_a_store_out_of_reach_can_be_opened_and_says_so_when_it_is_asked() -> None:
    async with open_store("redis", {"port": free_port()}) as store:
        with pytest.raises(StoreUnavailable, match="Redis"):
            await store.health()


async def test_a_redis_that_is_too_old_is_named_at_each_ping() -> None:
    ended = asyncio.Event()

    async def answer_as_redis_6(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line.strip() == b"PING":
                writer.write(b"+PONG\r\n")
            elif line.strip() == b"INFO":
                writer.write(b"$19\r\nredis_version:6.2.1\r\n")
            elif line.strip() in (b"CLIENT", b"SELECT"):
                writer.write(b"+OK\r\n")
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(answer_as_redis_6, "127.0.0.1", 0) as old:
        async with open_store("redis", {"port": old.sockets[0].getsockname()[1]}) as store:
            for _ in range(2):
                with pytest.raises(ConfigError, match=r"Redis 6\.2\.1 is too old"):
                    await store.health()
        await ended.wait()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key_prefix": "a{b"}, "key_prefix"),
        ({"key_prefix": ""}, "key_prefix"),
        ({"url": "http://localhost"}, "url"),
        ({"port": "6379"}, "port"),
        ({"prot": 6379}, "prot"),
        ({"conn_type": "pipe"}, "conn_type"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_store("redis", options)


async def test_weak_settings_are_named(own_server: RedisServer) -> None:
    client = own_server.client()
    async with open_store("redis", {"url": own_server.url}) as store:
        assert [text.split(":")[0] for text in await store.health(thorough=True)] == [
            "this Redis has no persistence"
        ]
        client.config_set("save", "60 1")
        client.config_set("maxmemory-policy", "allkeys-lru")
        snapshots, policy = await store.health(thorough=True)
        assert "snapshots only" in snapshots
        assert "allkeys-lru" in policy
        client.config_set("appendonly", "yes")
        client.config_set("maxmemory-policy", "noeviction")
        assert not await store.health(thorough=True)
        client.config_set("appendfsync", "no")
        [fsync] = await store.health(thorough=True)
        assert "appendfsync no" in fsync


async def test_a_reply_that_is_there_counts_though_the_process_was_held_up(
    store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 0.1)
    await store.enqueue("sms", [job()])
    dequeue = asyncio.create_task(dequeue_for_one(store, "sms", count=1, lease_time=60_000))
    await asyncio.sleep(0)  # it is on its way
    time.sleep(0.3)  # noqa: ASYNC251  # that holds everything up
    assert len((await dequeue).jobs) == 1
