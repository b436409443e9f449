"""Wake-ups: heard by other stores, and through everything that may befall the connection."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from redis import Redis

from faults.proxy import Proxy, Wrong
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import change_interval, dequeue_for_one, release_all
from support.ears import WITHIN, Ear
from support.redis_keys import channel, tag
from support.redis_server import RedisServer, free_port
from support.standstill import standstill

pytestmark = pytest.mark.anyio

CHANNEL = channel("sms")
OTHER_CHANNEL = channel("other")
MAIL_CHANNEL = channel("mail")


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def other(redis_url: str, store: QueueStore, clock: ManualClock) -> AsyncIterator[QueueStore]:
    """A second store on the same Redis."""
    async with open_store("redis", {"url": redis_url}, clock=clock) as other:
        yield other


def job(number: int = 1, *, queue_id: str = "q", interval: int = 0) -> NewJob:
    return NewJob(queue_id, f"job-{number}", b"{}", interval)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while not holds():  # noqa: ASYNC110  # it becomes true in Redis, which tells nobody
            await asyncio.sleep(0.01)


async def hears(ear: Ear, store: QueueStore) -> None:
    """Wait until the ear hears of an enqueue."""
    for number in range(1000):
        await store.enqueue("sms", [job(number, queue_id=f"q{number}")])
        try:
            await ear.next(within=0.1)
        except TimeoutError:
            continue
        return
    pytest.fail("nothing was heard")


async def test_an_enqueue_by_one_store_wakes_a_watcher_of_another(
    store: QueueStore, other: QueueStore, ear: Ear
) -> None:
    async with other.watching("sms", ear.wake):
        await store.enqueue("sms", [job()])
        assert await ear.next() == 0


async def test_what_is_told_is_the_delay_of_the_first_new_place(
    store: QueueStore, other: QueueStore, ear: Ear, clock: ManualClock
) -> None:
    await store.enqueue("sms", [job(queue_id=queue, interval=5000) for queue in "ab"])
    await dequeue_for_one(store, "sms", count=1, lease_time=60_000)
    clock.advance(1000)
    [second] = (await dequeue_for_one(store, "sms", count=1, lease_time=60_000)).jobs
    clock.advance(500)
    async with other.watching("sms", ear.wake):
        await store.enqueue("sms", [job(2, queue_id=queue, interval=5000) for queue in "ba"])
        assert await ear.next() == 3500, "a may go 5000 ms after it went, 1500 ms ago"
        await change_interval(store, "sms", "b", 700)
        assert await ear.next() == 200
        await change_interval(store, "sms", "b", 100)
        assert await ear.next() == 0
        await release_all(store, "sms", [LeaseRef("b", second.job_id, second.token)])
        await store.enqueue("sms", [job(queue_id="c")])
        assert await ear.next() == 0
        assert not ear.heard, "a job that came back to a queue in line gave it no new place"


async def test_a_broken_queue_takes_nobodys_wake_up(
    store: QueueStore, ear: Ear, keys: Redis
) -> None:
    keys.set(f"{tag('sms')}/jobs/sms/broken", "no hash")
    async with store.watching("sms", ear.wake):
        await store.enqueue("sms", [job(queue_id="broken"), job(), job(2, queue_id="broken")])
        assert await ear.next() == 0


async def test_many_jobs_in_one_call_wake_once_and_other_types_never(
    store: QueueStore, ear: Ear
) -> None:
    async with store.watching("sms", ear.wake):
        await store.enqueue("mail", [job()])
        await store.enqueue("sm", [job()])
        await store.enqueue("sms", [job(n, queue_id=f"q{n}", interval=n) for n in range(100)])
        assert await ear.next() == 0
        await store.health()
        assert not ear.heard


async def test_every_watcher_of_a_type_is_woken_until_it_leaves(
    store: QueueStore, ear: Ear
) -> None:
    stays = Ear()
    async with store.watching("sms", stays.wake):
        async with store.watching("sms", ear.wake):
            await store.enqueue("sms", [job(1, queue_id="a")])
            assert (await ear.next(), await stays.next()) == (0, 0)
        await store.enqueue("sms", [job(1, queue_id="b")])
        assert await stays.next() == 0
        assert not ear.heard


async def test_leaving_leaves_no_channel_and_entering_again_hears_again(
    store: QueueStore, ear: Ear, keys: Redis
) -> None:
    for number in range(3):
        async with store.watching("sms", ear.wake):
            assert keys.pubsub_shardchannels() == [CHANNEL]
            await store.enqueue("sms", [job(queue_id=f"q{number}")])
            assert await ear.next() == 0
    async with store.watching("other", ear.wake):  # its SSUBSCRIBE comes after the SUNSUBSCRIBE
        assert keys.pubsub_shardchannels() == [OTHER_CHANNEL]


async def test_watchers_share_one_connection(store: QueueStore, ear: Ear, keys: Redis) -> None:
    async with (
        store.watching("sms", ear.wake),
        store.watching("sms", ear.wake),
        store.watching("mail", ear.wake),
    ):
        assert len(keys.client_list(_type="pubsub")) == 1


async def test_without_watchers_the_connection_is_soon_closed(
    store: QueueStore, ear: Ear, keys: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.ear.PING_INTERVAL", 0.01)

    def clients() -> set[str]:
        return {client["id"] for client in keys.client_list()}

    before = clients()
    async with store.watching("sms", ear.wake):
        opened = clients() - before
        assert len(opened) == 1
    await until(lambda: not opened & clients())
    async with store.watching("sms", ear.wake):
        await store.enqueue("sms", [job()])
        assert await ear.next() == 0


async def test_while_nothing_happens_nothing_is_sent_but_a_ping_now_and_then(
    store: QueueStore, ear: Ear, keys: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.ear.PING_INTERVAL", 0.05)
    async with store.watching("sms", ear.wake):
        keys.config_resetstat()
        await until(lambda: keys.info("commandstats").get("cmdstat_ping", {}).get("calls") == 3)
        sent = {name.removeprefix("cmdstat_") for name in keys.info("commandstats")}
        assert sent <= {"ping", "info", "config|resetstat"}
    assert not ear.heard


async def test_a_watcher_whose_connection_is_killed_is_told_and_hears_again(
    store: QueueStore, other: QueueStore, ear: Ear, keys: Redis
) -> None:
    async with other.watching("sms", ear.wake):
        keys.client_kill_filter(_type="pubsub")
        assert await ear.next() == 0, "it could not listen"
        assert await ear.next() == 0, "it listens again, and may have missed some"
        await store.enqueue("sms", [job()])
        assert await ear.next() == 0


async def test_a_watcher_hears_again_after_redis_was_away(
    own_server: RedisServer, ear: Ear
) -> None:
    async with (
        open_store("redis", {"url": own_server.url}) as store,
        store.watching("sms", ear.wake),
    ):
        own_server.stop()
        assert await ear.next() == 0
        with pytest.raises(StoreUnavailable):
            async with store.watching("mail", Ear().wake):
                pass
        own_server.start()
        assert await ear.next() == 0
        await hears(ear, store)


async def test_a_frozen_redis_is_noticed_and_nobody_may_enter(
    own_server: RedisServer, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.ear.PING_INTERVAL", 0.1)
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 0.5)
    async with (
        open_store("redis", {"url": own_server.url}) as store,
        store.watching("sms", ear.wake),
    ):
        with standstill(own_server.pid):
            with pytest.raises(StoreUnavailable, match="no answer in time"):
                async with store.watching("mail", Ear().wake):
                    pass
            assert await ear.next() == 0
        assert await ear.next() == 0
        await hears(ear, store)


async def test_leaving_while_redis_is_away_neither_fails_nor_waits(
    own_server: RedisServer, ear: Ear
) -> None:
    async with open_store("redis", {"url": own_server.url}) as store:
        async with asyncio.timeout(WITHIN):
            async with store.watching("sms", ear.wake):
                own_server.stop()
                assert await ear.next() == 0


@pytest.mark.parametrize("redis", ["up", "frozen"])
async def test_a_store_closes_at_once_while_someone_watches(
    own_server: RedisServer, ear: Ear, redis: str
) -> None:
    store = open_store("redis", {"url": own_server.url})
    await store.__aenter__()
    async with asyncio.timeout(2), store.watching("sms", ear.wake):
        if redis == "frozen":
            os.kill(own_server.pid, signal.SIGSTOP)
        await store.__aexit__(None, None, None)
        with pytest.raises(StoreUnavailable, match="closed"):
            async with store.watching("mail", ear.wake):
                pass
    os.kill(own_server.pid, signal.SIGCONT)
    assert [t.get_name() for t in asyncio.all_tasks() if "wake" in t.get_name()] == []


async def test_a_watcher_that_is_cancelled_while_it_enters_leaves_nothing(
    own_server: RedisServer, ear: Ear
) -> None:
    async with open_store("redis", {"url": own_server.url}) as store:
        os.kill(own_server.pid, signal.SIGSTOP)
        entering = asyncio.create_task(store.watching("sms", ear.wake).__aenter__())
        await asyncio.sleep(0.05)
        entering.cancel()
        await asyncio.wait({entering})
        os.kill(own_server.pid, signal.SIGCONT)
        async with store.watching("other", ear.wake):
            assert own_server.client().pubsub_shardchannels() == [OTHER_CHANNEL]


def user_without_channels(server: RedisServer) -> dict[str, object]:
    """Return the options of a user that may do everything but use channels."""
    server.client().acl_setuser(
        "app", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"], reset=True
    )
    return {"port": server.port, "username": "app", "password": "secret"}


async def test_a_user_who_may_not_use_channels_can_enqueue_and_watch(
    own_server: RedisServer, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store("redis", user_without_channels(own_server)) as store:
        async with store.watching("sms", ear.wake), store.watching("mail", ear.wake):
            await store.enqueue("sms", [job()])
            assert len((await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs) == 1
        [weakness] = [said for said in await store.health(thorough=True) if "wake-ups" in said]
        assert "up to 5 s late" in weakness
    [told] = [record for record in caplog.records if "wake-ups" in record.getMessage()]
    assert told.levelname == "WARNING"
    assert f"127.0.0.1:{own_server.port}, database 0" in told.getMessage()


async def test_a_user_who_is_given_the_channels_is_woken_from_then_on(
    own_server: RedisServer, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.ear.PING_INTERVAL", 0.05)
    options = user_without_channels(own_server)
    async with open_store("redis", options) as store, store.watching("sms", ear.wake):
        own_server.client().acl_setuser("app", enabled=True, channels=["*"])
        assert await ear.next() == 0, "it may have missed some"
        await hears(ear, store)
        assert not [said for said in await store.health(thorough=True) if "wake-ups" in said]


async def test_a_user_who_loses_the_channels_goes_on_without(
    own_server: RedisServer, ear: Ear
) -> None:
    options = user_without_channels(own_server)
    own_server.client().acl_setuser("app", enabled=True, channels=["*"])
    async with open_store("redis", options) as store, store.watching("sms", ear.wake):
        own_server.command("ACL", "SETUSER", "app", "resetchannels")
        assert await ear.next() == 0, "Redis has closed the connection"
        async with store.watching("mail", ear.wake):
            await store.enqueue("sms", [job()])
            assert len((await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs) == 1


async def test_databases_of_one_redis_do_not_wake_each_other(
    redis_server: RedisServer, redis_url: str, ear: Ear
) -> None:
    other_ear = Ear()
    async with (
        open_store("redis", {"port": redis_server.port, "db": 0}) as zero,
        open_store("redis", {"port": redis_server.port, "db": 1}) as one,
        zero.watching("sms", ear.wake),
        one.watching("sms", other_ear.wake),
    ):
        await zero.enqueue("sms", [job()])
        assert await ear.next() == 0
        await one.enqueue("sms", [job(1), job(2, queue_id="r")])
        assert await other_ear.next() == 0
        assert (ear.heard, other_ear.heard) == ([], [])


async def test_watchers_follow_an_address_that_moves_to_the_new_primary(
    own_server: RedisServer, redis_server: RedisServer, redis_url: str, ear: Ear
) -> None:
    with Proxy(own_server.port) as address:
        options = {"url": f"redis://127.0.0.1:{address.port}/0"}
        async with (
            open_store("redis", options) as store,
            open_store("redis", {"url": redis_url}) as at_the_new_primary,
            store.watching("sms", ear.wake),
        ):
            await store.health()  # on a connection to the old primary
            address.target = redis_server.port
            own_server.command("REPLICAOF", "127.0.0.1", free_port())
            with pytest.raises(StoreUnavailable, match="read-only replica"):
                await dequeue_for_one(store, "sms", count=1, lease_time=1000)
            assert await ear.next() == 0, "it could not listen"
            assert await ear.next() == 0, "it listens to the new primary"
            await at_the_new_primary.enqueue("sms", [job()])
            assert await ear.next() == 0
            assert len((await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs) == 1


async def test_a_watcher_that_is_cancelled_while_it_subscribes_leaves_no_channel(
    own_server: RedisServer, ear: Ear
) -> None:
    async with (
        open_store("redis", {"url": own_server.url}) as store,
        store.watching("other", ear.wake),
    ):
        os.kill(own_server.pid, signal.SIGSTOP)
        entering = asyncio.create_task(store.watching("sms", ear.wake).__aenter__())
        await asyncio.sleep(0.05)
        entering.cancel()
        await asyncio.wait({entering})
        os.kill(own_server.pid, signal.SIGCONT)
        async with store.watching("mail", ear.wake):  # its SSUBSCRIBE comes after all that
            heard = set(own_server.client().pubsub_shardchannels())
        assert heard == {OTHER_CHANNEL, MAIL_CHANNEL}


async def test_many_types_are_heard_again_however_far_away_redis_is(
    own_server: RedisServer, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 1.0)
    with Proxy(own_server.port) as far_away:
        far_away.wrong = Wrong.LAG
        async with (
            open_store("redis", {"url": f"redis://127.0.0.1:{far_away.port}/0"}) as store,
            AsyncExitStack() as watches,
        ):
            watched = [store.watching(f"type-{number}", Ear().wake) for number in range(29)]
            watched.append(store.watching("last", ear.wake))
            await asyncio.gather(*map(watches.enter_async_context, watched))
            own_server.client().client_kill_filter(_type="pubsub")
            assert await ear.next() == 0, "it could not listen"
            assert await ear.next() == 0, "it listens again"
