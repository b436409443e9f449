"""Slots that move to another server while the store works on their types."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from redis_cluster.many_types import MANY, a_type_at, job, take, work

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Names, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of
from sharq_redis.routing import map_keeper
from sharq_redis.routing.slots import slot_of
from support.answering import answering, error
from support.redis_cluster import RedisCluster, ask
from support.redis_keys import tag
from support.redis_server import RedisServer
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

JOBS = 200
AT_ONCE = 0.5
"""Seconds within which a call is answered if it waits for nothing."""


@pytest.fixture(autouse=True)
def no_other_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the map be read only when it may be out of date."""
    monkeypatch.setattr(map_keeper, "EVERY", 3600.0)


@pytest.fixture
async def store(own_cluster: RedisCluster) -> AsyncIterator[QueueStore]:
    async with open_store("redis", own_cluster.options) as store:
        await store.health()
        yield store


def a_move(cluster: RedisCluster) -> tuple[str, int, RedisServer, RedisServer]:
    """Return a type, its slot, the server that has it, and another one."""
    source, target, _ = cluster.primaries
    name = a_type_at(cluster, source)
    return name, slot_of(tag(name)), source, target


async def test_types_are_found_after_their_slots_have_moved(
    own_cluster: RedisCluster, store: QueueStore
) -> None:
    name, slot, _, target = a_move(own_cluster)
    await store.enqueue(name, [job(1), job(2)])
    own_cluster.move(slot, target)
    [taken] = await take(store, name)
    assert taken.job_id == "job-1"
    await store.enqueue(name, [job(3)])
    assert name in await items_of(store, None, Names(), limit=100)
    assert own_cluster.of_type(name) is target


async def test_one_moved_reply_is_enough_to_learn_of_a_move(
    own_cluster: RedisCluster, store: QueueStore
) -> None:
    name, slot, source, target = a_move(own_cluster)
    await store.enqueue(name, [job()])
    own_cluster.move(slot, target)
    await take(store, name)
    source.client().config_resetstat()
    for number in range(2, 9):
        await work(store, name, number)
    assert "cmdstat_fcall" not in source.client().info("commandstats")


@pytest.mark.parametrize("is_moved", [False, True])
async def test_while_a_slot_moves_no_script_runs_on_half_of_its_keys(
    own_cluster: RedisCluster, store: QueueStore, *, is_moved: bool
) -> None:
    """Calls wait until the slot has moved, then they run. Nothing is lost or doubled.

    The key that each call names is still there (TRYAGAIN), or has moved (ASK).
    """
    name, slot, source, target = a_move(own_cluster)
    await store.enqueue(name, [job(n, queue_id=f"q{n}") for n in range(JOBS)])
    named = f"{tag(name)}/queues/{name}".encode()
    keys = [key for key in ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 10_000) if key != named]
    moving = [*keys[: JOBS // 2], *([named] if is_moved else [])]
    own_cluster.begin_move(slot, target)
    ask(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *moving)
    before = {server.port: server.client().dbsize() for server in own_cluster.primaries}
    adding = [asyncio.create_task(store.enqueue(name, [job(n)])) for n in range(JOBS, JOBS + 10)]
    taking = asyncio.create_task(take(store, name, count=10))
    done, _ = await asyncio.wait([*adding, taking], timeout=0.5)
    assert not done
    assert {s.port: s.client().dbsize() for s in own_cluster.primaries} == before
    own_cluster.move_keys(slot, source, target)
    own_cluster.end_move(slot, source, target)
    async with asyncio.timeout(10):
        await asyncio.gather(*adding)
        taken = [one.job_id for one in await taking]
    while found := await take(store, name, count=100):
        taken += [one.job_id for one in found]
    assert sorted(taken) == sorted(f"job-{n}" for n in range(JOBS + 10))


async def test_without_the_key_that_never_exists_a_call_would_fail_and_not_wait(
    own_cluster: RedisCluster, store: QueueStore
) -> None:
    """The server stops a script at the first key that has moved; that may be after a write."""
    name, slot, source, target = a_move(own_cluster)
    await store.enqueue(name, [job(1)])
    source.client().set(f"{tag(name)}/never/0", "")
    own_cluster.begin_move(slot, target)
    ask(source, "MIGRATE", "127.0.0.1", target.port, f"{tag(name)}/line/{name}", 0, 5000)
    with pytest.raises(StoreUnavailable, match="non local key"):
        await store.enqueue(name, [job(2)])


async def test_a_slow_slot_migration_is_a_503_for_its_types_alone(
    own_cluster: RedisCluster, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 0.3)
    name, slot, source, target = a_move(own_cluster)
    await store.enqueue(name, [job(n) for n in range(5)])
    own_cluster.begin_move(slot, target)
    with pytest.raises(StoreUnavailable, match="slot of this type is moving") as refused:
        await take(store, name)
    assert refused.value.public == "The store takes no writes at present."
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 10.0)
    for _ in range(20):  # from now on nobody waits for it, so that calls do not pile up
        async with asyncio.timeout(AT_ONCE):
            with pytest.raises(StoreUnavailable, match="slot of this type is moving"):
                await take(store, name)
    for other in MANY[:20]:
        if slot_of(tag(other)) != slot:
            await work(store, other)
    assert name in await items_of(store, None, Names(), limit=100)
    await store.tend(limit=10)
    own_cluster.move_keys(slot, source, target)
    own_cluster.end_move(slot, source, target)
    assert len(await take(store, name)) == 1
    own_cluster.begin_move(slot, source)
    waiting = asyncio.create_task(take(store, name))
    await asyncio.sleep(0.1)
    assert not waiting.done(), "it has answered since, so that one may wait for it again"
    own_cluster.move_keys(slot, target, source)
    own_cluster.end_move(slot, target, source)
    assert len(await waiting) == 1


async def test_a_key_that_has_already_moved_is_read_at_its_new_server(
    own_cluster: RedisCluster, store: QueueStore
) -> None:
    """A listing asks for one key at a time, so it follows ASK and does not wait."""
    name, slot, source, target = a_move(own_cluster)
    await store.enqueue(name, [job()])
    own_cluster.begin_move(slot, target)
    own_cluster.move_keys(slot, source, target)
    target.client().config_resetstat()
    assert await items_of(store, None, Names(), limit=100) == [name]
    assert target.client().info("commandstats")["cmdstat_asking"]["calls"] >= 1
    own_cluster.end_move(slot, source, target)


@pytest.mark.parametrize("atomically", [False, True])
async def test_work_goes_on_while_slots_move_back_and_forth(
    own_cluster: RedisCluster, store: QueueStore, *, atomically: bool
) -> None:
    """Every job is delivered exactly once, through many moves under load."""
    if atomically and not own_cluster.moves_atomically:
        pytest.skip("this server has no atomic way to move a slot")
    move_to = own_cluster.move_atomically if atomically else own_cluster.move
    names = MANY[:8]
    taken: list[tuple[str, str]] = []
    is_over = asyncio.Event()

    async def produce(name: str) -> None:
        for number in range(JOBS):
            await store.enqueue(name, [job(number, queue_id=f"q{number % 7}")])

    async def consume(name: str) -> None:
        while sum(of == name for of, _ in taken) < JOBS:
            found = await take(store, name, count=3)
            taken.extend((name, one.job_id) for one in found)
            if not found:
                await asyncio.sleep(0.005)

    async def move() -> None:
        while not is_over.is_set():
            for at, name in enumerate(names):
                slot = slot_of(tag(name))
                to = own_cluster.primaries[at % 3]
                if await asyncio.to_thread(own_cluster.owner, slot) is not to:
                    await asyncio.to_thread(move_to, slot, to)

    moving = asyncio.create_task(move())
    async with asyncio.timeout(60):
        await asyncio.gather(*map(produce, names), *map(consume, names))
        is_over.set()
        await moving
    assert sorted(taken) == sorted((name, f"job-{n}") for name in names for n in range(JOBS))


async def test_a_server_that_joins_and_one_that_leaves_are_noticed(
    own_cluster: RedisCluster,
    store: QueueStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("sharq_redis.routing.cluster.RETIRED_FOR", 0.05)
    monkeypatch.setattr(map_keeper, "EVERY", 0.5)
    for name in MANY:
        await store.enqueue(name, [job()])
    leaving = own_cluster.primaries[0]
    joining = own_cluster.add("joins")
    for bucket_type in MANY:
        if own_cluster.of_type(bucket_type) is leaving:
            own_cluster.move(slot_of(tag(bucket_type)), joining)
    for name in MANY:
        assert len(await take(store, name)) == 1
    own_cluster.give_empty(leaving, joining)
    await work(store, a_type_at(own_cluster, joining), 7)

    def is_alone() -> bool:
        theirs = ("fcall", "cluster|slots")
        return not [one for one in leaving.client().client_list() if one["cmd"] in theirs]

    await comes_true(is_alone)
    leaving.stop()
    for name in MANY:
        await work(store, name, 8)
    told = [one.getMessage() for one in caplog.records if "primaries now" in one.getMessage()]
    assert told[0].startswith("the Redis Cluster has 4 primaries now: ")
    assert told[-1].startswith("the Redis Cluster has 3 primaries now: ")
    assert f":{joining.port}" in told[-1]
    assert f":{leaving.port}" not in told[-1]


async def test_a_due_job_is_tended_while_the_slot_of_another_type_moves(
    own_cluster: RedisCluster, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 0.3)
    name, slot, source, target = a_move(own_cluster)
    others = [one for one in MANY if own_cluster.of_type(one) is source and one != name]
    others = [one for one in others if slot_of(tag(one)) != slot]
    for one in (name, *others):
        await store.enqueue(one, [NewJob("q", "j", b"", 0)])
        assert len(await take(store, one, lease_time=1)) == 1
    own_cluster.begin_move(slot, target)
    await asyncio.sleep(0.01)
    ended: set[str] = set()
    async with asyncio.timeout(10):
        while ended != {*others}:
            with contextlib.suppress(StoreUnavailable):
                ended |= {one.queue_type for one in (await store.tend(limit=10)).ended}
    own_cluster.move_keys(slot, source, target)
    own_cluster.end_move(slot, source, target)
    async with asyncio.timeout(10):
        while name not in ended:
            ended |= {one.queue_type for one in (await store.tend(limit=10)).ended}


async def test_a_redirection_is_followed_even_if_the_map_is_out_of_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server that the map comes from does not know of the move yet; the target learns late."""
    monkeypatch.setattr("sharq_redis.link.DEADLINE", 2.0)
    monkeypatch.setattr(map_keeper, "LEAST_PAUSE", 0.01)
    refusals = {"FCALL": 0, "HSCAN": 0}
    ports: list[int] = []

    def slots() -> bytes:
        here = b"*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % ports[0]
        return b"*1\r\n*3\r\n:0\r\n:16383\r\n" + here

    def former(words: list[str]) -> bytes:
        return slots() if words[0] == "CLUSTER" else error(f"MOVED 1 127.0.0.1:{ports[1]}")

    def target(words: list[str]) -> bytes:
        if words[0] not in refusals:
            return slots()
        refusals[words[0]] += 1
        if refusals[words[0]] < 4:
            return error(f"MOVED 1 127.0.0.1:{ports[0]}")
        return b"*2\r\n$1\r\n0\r\n*0\r\n" if words[0] == "HSCAN" else b"*0\r\n"

    async with (
        answering(former) as first,
        answering(target) as second,
        open_store("redis", {"clustered": True, "port": first}) as store,
    ):
        ports += [first, second]
        assert await store.settle("sms", []) == []
        assert await items_of(store, "sms", Names()) == []
