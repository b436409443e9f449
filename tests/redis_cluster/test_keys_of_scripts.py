"""Scripts use keys that their calls do not declare. All have the hash tag of the declared keys.

A server of a cluster does not let a script use keys of other slots. So every verb runs on many
types, on every server. The test also reads what the scripts send, since two buckets may share a
slot.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pytest
import redis
from redis.client import Monitor
from redis_cluster.many_types import MANY, a_type_at

from sharq_plug.model import (
    ALL_STATES,
    Backlogs,
    Cancel,
    Clear,
    Deduplicate,
    Discard,
    DropLimit,
    Extend,
    Extras,
    Fail,
    Figures,
    Finish,
    FreezeLimit,
    JobRef,
    Jobs,
    JobState,
    KnownTypes,
    LeaseRef,
    LetterRange,
    LetterRef,
    Letters,
    Limit,
    Names,
    NewJob,
    Overdue,
    PatchLimit,
    PatchQueue,
    PatchType,
    Queues,
    Redrive,
    Release,
    RequeueDelay,
    Reschedule,
    SetInterval,
    SettingsPatch,
    SharedLimits,
    Take,
    Types,
    Use,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import clear_all, counts_of, items_of, tend_all
from sharq_redis.library import VERBS
from sharq_redis.routing.slots import slot_of
from support.redis_cluster import RedisCluster, ask
from support.redis_keys import tag, tag_of
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

OF_ALL_KEYS = {"DEL", "UNLINK"}
"""Commands whose arguments are all keys. Of other commands only the first is."""
WITHOUT_KEYS = {"TIME"}
ROWS = 1001
"""More rows of shared limits, and queues, than one script run looks at."""
REFUSED = r"attempted to access (keys that do not hash to the same slot|a non local key)"
EXTRAS = (
    Extras(delay=50, ttl=500, requeue_delay=RequeueDelay(20)),
    Extras(priority=1, deduplicate=Deduplicate("key", 1000), headers={"a": "b"}),
    Extras(uses=(Use("x", (Limit(9, 10),)), Use("y")), cost={"token": 3}),
    None,
)


def jobs(queue_id: str, numbers: Iterable[int]) -> list[NewJob]:
    return [
        NewJob(queue_id, f"j{n}", b"{}", 10, requeue_limit=n % 2, extras=EXTRAS[n % 4])
        for n in numbers
    ]


async def use_every_verb(store: QueueStore, clock: ManualClock, name: str) -> None:
    """Make every call on a type, with every kind of job and setting."""
    limits = SettingsPatch(limits=(Limit(9, 10, 9),), concurrency=50)
    await store.configure(
        name,
        [
            PatchLimit("y", limits, freeze=5),
            PatchType(limits, SettingsPatch(weight=2)),
            PatchQueue("a", SettingsPatch(uses=("x",), max_length=50)),
            SetInterval("b", 20),
        ],
    )
    await store.enqueue(name, [*jobs("a", range(8)), *jobs("b", range(8))])
    await store.enqueue(name, jobs("a", [1]))
    clock.advance(60)
    leases = await _take(store, clock, name)
    first, second, third, *_ = leases
    await store.settle(
        name,
        [
            Finish(first, 1000, actual={"job": 2}),
            Fail(second, "why", dead=True, freeze=5, freeze_limit=FreezeLimit("y", 5)),
            Release(third, delay=5),
            *(Extend(lease, 30) for lease in leases[3:]),
        ],
    )
    clock.advance(1000)
    await tend_all(store)
    [letter, *_] = await items_of(store, name, Letters())
    await store.amend(
        name,
        [
            Redrive(LetterRef(letter.number)),
            Discard(JobRef("a", "none")),
            Cancel(JobRef("b", "j7"), leased=True),
            Reschedule(JobRef("b", "j6"), priority=3, delay=10),
        ],
    )
    await store.redrive(name, LetterRange(), limit=1)
    await store.discard(name, LetterRange("b"), limit=1)
    await _look(store, name)
    await store.configure(name, [DropLimit("y"), PatchType(defaults=SettingsPatch(weight=None))])
    await tend_all(store)
    await clear_all(store, name, Clear("a", ALL_STATES, counts=True))
    await clear_all(store, name, Clear(None, ALL_STATES, counts=True))


async def _take(store: QueueStore, clock: ManualClock, name: str) -> list[LeaseRef]:
    """Dequeue in every way; return the leases."""
    leases: list[LeaseRef] = []
    takes = [Take(2, 100, "again"), Take(2, 100, queues=("a", "b"), together=True)]
    for _ in range(6):
        for answer in await store.dequeue(name, takes):
            leases += [LeaseRef(job.queue_id, job.job_id, job.token) for job in answer.jobs]
        clock.advance(20)
    return [*dict.fromkeys(leases)]


async def _look(store: QueueStore, name: str) -> None:
    """Look at a type and list everything in it."""
    await store.find(name, [JobRef("a", "j3"), JobRef("b", "j6")], payloads=True)
    for listing in (Names(), Queues(), Queues("a"), Backlogs(), Overdue(), SharedLimits()):
        await items_of(store, name, listing, limit=1)
    for state in JobState:
        await items_of(store, name, Jobs("b", state, with_payloads=True), limit=1)
    await items_of(store, name, Letters("b"), limit=1)
    await store.look(name)
    await store.look(name, "a")


async def fill_rows(store: QueueStore, name: str) -> None:
    """Let a type have more queues and shared limits than one script run looks at."""
    extras = [Extras(uses=(Use(f"n{n}", (Limit(1, 10),)),)) for n in range(ROWS)]
    await store.enqueue(
        name, [NewJob(f"q{n}", "j", b"", 0, extras=uses) for n, uses in enumerate(extras)]
    )
    await store.look(name)
    await store.configure(name, [PatchType(defaults=SettingsPatch(concurrency=1))])


@contextlib.contextmanager
def monitored(servers: Sequence[RedisServer]) -> Iterator[Mapping[int, Monitor]]:
    """Record what servers run meanwhile; yield the records by the servers' ports."""
    with contextlib.ExitStack() as stack:
        yield {
            server.port: stack.enter_context(
                server.client().monitor()  # type: ignore[no-untyped-call]  # redis-py types half
            )
            for server in servers
        }


def told(monitor: Monitor, server: RedisServer) -> Iterator[tuple[bool, list[str]]]:
    """Yield the words of each command so far, and whether a script sent it."""
    server.client().echo("that is all")
    for command in monitor.listen():  # type: ignore[no-untyped-call]  # redis-py types half
        words = command["command"].split(" ")
        if words[0] == "ECHO":
            return
        yield command["client_type"] == "lua", words


async def test_every_key_of_a_script_has_the_hash_tag_of_its_call(
    cluster: RedisCluster, store: QueueStore, clock: ManualClock
) -> None:
    await store.health(thorough=True)
    with monitored(cluster.primaries) as monitors:
        for name in MANY:
            await use_every_verb(store, clock, name)
        for server in cluster.primaries:
            await fill_rows(store, a_type_at(cluster, server))
        await tend_all(store)
        for listing in (Names(), Types(), KnownTypes()):
            await items_of(store, None, listing)
        await store.page(None, Figures(MANY), limit=100)
        await counts_of(store)
        clock.step_back(100_000)
        await tend_all(store)
        await store.health(thorough=True)
        calls: dict[str, set[str]] = defaultdict(set)
        for server in cluster.primaries:
            mine = "?"
            for is_of_a_script, words in told(monitors[server.port], server):
                if words[0] == "FCALL":
                    mine = words[3].partition("/")[0]
                    assert {key.partition("/")[0] for key in words[3 : 3 + int(words[2])]} == {mine}
                    assert cluster.owner(slot_of(mine)) is server
                    calls[words[1].partition("_")[2].partition("_")[2]].add(mine)
                elif is_of_a_script and words[0] not in WITHOUT_KEYS:
                    keys = words[1:] if words[0] in OF_ALL_KEYS else words[1:2]
                    assert all(key.startswith(f"{mine}/") for key in keys), words
    assert {*calls} == {*VERBS}
    of_types = {tag(name) for name in MANY}
    for verb in ("enqueue", "dequeue", "settle", "amend", "redrive", "configure", "clear", "tend"):
        assert calls[verb] >= of_types


@pytest.mark.parametrize("flags", ["", " flags=no-writes"])
async def test_a_server_lets_no_script_use_keys_of_another_slot(
    cluster: RedisCluster, flags: str
) -> None:
    """So every test on a cluster would notice a script that uses such keys."""
    server, other, _ = cluster.primaries
    slots = {slot_of(tag_of(bucket)): tag_of(bucket) for bucket in range(256)}
    mine, also_mine = [one for slot, one in slots.items() if cluster.owner(slot) is server][:2]
    elsewhere = next(one for slot, one in slots.items() if cluster.owner(slot) is other)
    for key in (also_mine, elsewhere):
        text = f"#!lua{flags}\nredis.call('GET', KEYS[1]) return redis.call('GET', ARGV[1])"
        with pytest.raises(redis.ResponseError, match=f"(?i){REFUSED}"):
            ask(server, "EVAL", text, 1, f"{mine}/a", f"{key}/a")
