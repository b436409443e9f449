"""Slots of keys, and the slot map as servers return it."""

import asyncio

import hiredis
import pytest

from sharq_redis.routing import map_keeper
from sharq_redis.routing.refusals import Refusal, refusal_in
from sharq_redis.routing.slot_map import SlotMap
from sharq_redis.routing.slots import SLOTS, slot_of
from sharq_redis.target import Endpoint
from support.redis_cluster import RedisCluster, ask
from support.redis_keys import BUCKETS, tag_of

HERE = Endpoint("here", 1)
READINGS = 3
A, B, C = Endpoint("10.0.0.1", 7), Endpoint("::1", 8), Endpoint("here", 9)
KEYS = (
    "",
    "x",
    "123456789",
    "{a}b",
    "a{b}c{d}",
    "{}a",
    "a{}{b}",
    "{{a}}",
    "a}b{c",
    "{a",
    "schlüssel",
)


def test_slots_are_those_of_the_specification() -> None:
    assert slot_of("123456789") == 0x31C3
    assert slot_of("{user1000}.following") == slot_of("{user1000}.followers") == slot_of("user1000")


def test_a_server_computes_the_same_slots(cluster: RedisCluster) -> None:
    for key in (*KEYS, *(tag_of(bucket) for bucket in range(BUCKETS))):
        assert slot_of(key) == ask(cluster.primaries[0], "CLUSTER", "KEYSLOT", key), key


def test_every_bucket_has_a_slot_of_its_own() -> None:
    slots = {slot_of(tag_of(bucket)) for bucket in range(BUCKETS)}
    assert len(slots) > BUCKETS * 0.95


def test_a_map_names_the_primary_of_each_slot() -> None:
    replica = [b"10.0.0.3", 5, b"id"]
    found = SlotMap.read(
        [
            [0, 99, [b"10.0.0.1", 7, b"id"], replica],
            [100, 100, [b"::1", 8, b"id", []]],
            [200, SLOTS - 1, [b"10.0.0.1", 7, b"id"]],
        ],
        HERE,
    )
    assert (found.owners[0], found.owners[99], found.owners[100]) == (A, A, B)
    assert found.owners[101:200] == (None,) * 99
    assert found.owners[200] == found.owners[SLOTS - 1] == A
    assert found.primaries == (A, B)
    assert set(found.servers) == {A, B, Endpoint("10.0.0.3", 5)}
    moved = found.with_owner(150, C)
    assert moved.owners[149:152] == (None, C, None)
    assert C in moved.servers


@pytest.mark.parametrize("host", [b"", b"?", None])
def test_a_server_that_does_not_know_its_host_gets_the_host_that_was_asked(
    host: bytes | None,
) -> None:
    assert SlotMap.read([[0, 1, [host, 9, b"id"]]], HERE).primaries == (C,)


@pytest.mark.parametrize(
    "reply",
    [[[1, 0, [b"h", 1]]], [[0, SLOTS, [b"h", 1]]], [[-1, 0, [b"h", 1]]], [[0, 1]], [[0]], b"OK", 3],
)
def test_a_reply_that_is_not_a_map_is_refused(reply: object) -> None:
    with pytest.raises((ValueError, TypeError, IndexError)):
        SlotMap.read(reply, HERE)  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("MOVED 3999 10.0.0.1:7", Refusal("MOVED", 3999, A)),
        ("ASK 12 ::1:8", Refusal("ASK", 12, B)),
        ("MOVED 12 [::1]:8", Refusal("MOVED", 12, B)),
        ("MOVED 12 :9", Refusal("MOVED", 12, C)),
        ("MOVED 12 ?:9", Refusal("MOVED", 12, C)),
        ("TRYAGAIN Multiple keys request during rehashing of slot", Refusal("TRYAGAIN")),
        ("CLUSTERDOWN The cluster is down", Refusal("CLUSTERDOWN")),
        ("LOADING Redis is loading the dataset in memory", Refusal("LOADING")),
        ("MASTERDOWN Link with MASTER is down", Refusal("MASTERDOWN")),
        ("READONLY You can't write against a read only replica.", Refusal("READONLY")),
        ("MOVED", None),
        ("MOVED 12 nowhere", None),
        ("OOM command not allowed", None),
        ("ERR Script attempted to access a non local key in a cluster node", None),
        ("NOSCRIPT No matching script.", None),
    ],
)
def test_refusals_before_a_call_ran_are_told_from_other_replies(
    said: str, refusal: Refusal | None
) -> None:
    assert refusal_in(hiredis.ReplyError(said), HERE) == refusal
    assert refusal_in(said.encode(), HERE) is None, "a value is no refusal"


@pytest.mark.anyio
async def test_while_a_server_is_silent_the_map_is_read_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As soon as another has taken its place, no more is sent to it, and no answer is taken."""
    monkeypatch.setattr(map_keeper, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(map_keeper, "LEAST_PAUSE", 0.0)
    enough = asyncio.Event()
    readings = 0

    async def ask(server: Endpoint) -> list[object]:
        nonlocal readings
        readings += 1
        if readings == READINGS:
            monkeypatch.setattr(map_keeper, "LOOK_EVERY", 3600.0)
        if readings == 2 * READINGS:
            enough.set()
        return [[0, SLOTS - 1, [b"here", 1]]]

    keeper = map_keeper.MapKeeper([HERE], ask, is_silent=lambda: True)
    try:
        await keeper.map()
        async with asyncio.timeout(10):
            await enough.wait()
    finally:
        await keeper.close()
