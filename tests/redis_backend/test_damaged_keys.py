"""Keys of every kind, broken in turn: what each verb then does, and that clearing ends it."""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, cast

import pytest
from redis import Redis

from sharq_plug.errors import BrokenQueue
from sharq_plug.model import LeasedJob, LeaseOutcome, LeaseRef, NewJob
from sharq_plug.passes import ReclaimPasses
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio

TAG = "{sharq_server:sms}"
LEASE = 1000
GARBAGE = b"\xc1\xff garbage"
NOT_UTF8 = b"caf\xe9"

Leases = dict[str, LeaseRef]
Scored = list[tuple[bytes, float]]
Damage = Callable[[Redis, str], None]


def job(queue_id: str, job_id: str, **limits: int) -> NewJob:
    return NewJob(queue_id, job_id, b"{}", 0, **limits)


async def fill(store: QueueStore, clock: ManualClock, queue_id: str) -> Leases:
    """Give a queue keys of every kind but `only` and `left`; return its leases by job id."""
    await store.enqueue("sms", [job(queue_id, "dead", requeue_limit=0)])
    assert (await store.dequeue("sms", count=1, lease=1)).jobs
    clock.advance(1)
    assert (await store.reclaim("sms", limit=10)).dead == 1
    await store.enqueue("sms", [job(queue_id, f"j{n}", requeue_limit=n % 2) for n in range(6)])
    leases: Leases = {}
    for _ in range(3):
        [leased] = (await store.dequeue("sms", count=1, lease=LEASE)).jobs
        leases[leased.job_id] = claim(leased)
    return leases


async def fill_with_one(store: QueueStore, clock: ManualClock, queue_id: str) -> Leases:
    """Give a queue one job, which stands by itself."""
    await store.enqueue("sms", [job(queue_id, "j0")])
    return {}


async def leave_a_rate(store: QueueStore, clock: ManualClock, queue_id: str) -> Leases:
    """Let a queue be gone, with a rate that is not paid."""
    await store.enqueue("sms", [NewJob(queue_id, "gone", b"{}", 500)])
    [leased] = (await store.dequeue("sms", count=1, lease=LEASE)).jobs
    await store.finish("sms", [claim(leased)], receipt_time=60_000)
    return {"gone": claim(leased)}


def claim(leased: LeasedJob) -> LeaseRef:
    return LeaseRef(leased.queue_id, leased.job_id, leased.token)


def of_another_type(keys: Redis, key: str) -> None:
    was = keys.type(key)
    keys.delete(key)
    if was == b"string":
        keys.rpush(key, "no string")
    else:
        keys.set(key, "a string")


def full_of_garbage(keys: Redis, key: str) -> None:
    match keys.type(key):
        case b"hash":
            keys.hset(key, mapping=dict.fromkeys(keys.hkeys(key), GARBAGE))
        case b"zset":
            scores = [score for _, score in cast(Scored, keys.zrange(key, 0, -1, withscores=True))]
            keys.delete(key)
            keys.zadd(key, {GARBAGE + str(n).encode(): at for n, at in enumerate(scores)})
        case _:
            keys.set(key, GARBAGE)


def missing(keys: Redis, key: str) -> None:
    keys.delete(key)


def garbage_record(keys: Redis, key: str) -> None:
    keys.hset(f"{TAG}:queues", "broken", GARBAGE)


def short_record(keys: Redis, key: str) -> None:
    keys.hset(f"{TAG}:queues", "broken", b"\x01\x02\x03")


def missing_record(keys: Redis, key: str) -> None:
    keys.hdel(f"{TAG}:queues", "broken")


KINDS = ("jobs", "rest", "leases", "dead", "deaths")
DAMAGES = (of_another_type, full_of_garbage, missing)
RECORD_DAMAGES = (garbage_record, short_record, missing_record)


class Case(NamedTuple):
    """How a queue is prepared, and how its keys of one kind are then damaged."""

    prepare: Callable[[QueueStore, ManualClock, str], Coroutine[Any, Any, Leases]]
    kind: str
    damage: Damage

    def __str__(self) -> str:
        return f"{self.kind or 'record'} {self.damage.__name__} after {self.prepare.__name__}"


CASES = [
    *(Case(fill, kind, damage) for kind in KINDS for damage in DAMAGES),
    *(Case(fill, "", damage) for damage in RECORD_DAMAGES),
    *(Case(fill_with_one, "only", damage) for damage in DAMAGES),
    *(Case(fill_with_one, "", damage) for damage in RECORD_DAMAGES),
    *(Case(leave_a_rate, "left", damage) for damage in DAMAGES),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


async def enqueue(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    jobs = [job("fine", "new"), job("broken", "new"), job("broken", "j4"), job("fine", "newer")]
    results = [result.outcome.value for result in await store.enqueue("sms", jobs)]
    assert (results[0], results[3]) == ("queued", "queued")
    return results[1] == "broken" == results[2]


async def set_interval(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    assert await store.set_interval("sms", "fine", 0)
    try:
        await store.set_interval("sms", "broken", 7)
    except BrokenQueue:
        return True
    return False


async def finish(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    refs = [*leases.values(), LeaseRef("broken", "j0"), LeaseRef("fine", "leased")]
    *broken, fine = await store.finish("sms", refs, receipt_time=60_000)
    assert fine is LeaseOutcome.ENDED
    return set(broken) == {LeaseOutcome.BROKEN}


async def release(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    refs = [*leases.values(), LeaseRef("broken", "j0"), LeaseRef("fine", "leased")]
    *broken, fine = await store.release("sms", refs)
    assert fine is LeaseOutcome.ENDED
    return set(broken) == {LeaseOutcome.BROKEN}


async def dequeue(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    served = [leased.queue_id for leased in (await store.dequeue("sms", count=9, lease=1)).jobs]
    assert "fine" in served
    return "broken" not in served


async def repeat(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    served = (await store.dequeue("sms", count=2, lease=LEASE, attempt_id="a")).jobs
    assert "fine" in {leased.queue_id for leased in served}
    return False


async def reclaim(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    clock.advance(LEASE)
    reclaimed = await store.reclaim("sms", limit=20)
    assert not reclaimed.more
    assert (await store.queue_metrics("sms", "fine")).leased == 0
    return reclaimed.requeued == 1 and reclaimed.dead == 0


async def step_back(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    clock.step_back(1000)
    await store.reclaim("sms", limit=20)
    assert [j.queue_id for j in (await store.dequeue("sms", count=9, lease=1)).jobs].count("fine")
    return False


async def look(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    assert (await store.queue_metrics("sms", "fine")).leased == 1
    assert "fine" in (await store.queue_ids("sms", limit=100)).names
    assert (await store.queue_types(limit=100)).names == ("sms",)
    await store.counts("sms")
    try:
        await store.queue_metrics("sms", "broken")
    except BrokenQueue:
        return True
    return False


Verb = Callable[[QueueStore, ManualClock, Leases], Coroutine[Any, Any, bool]]
VERBS: list[Verb] = [
    enqueue,
    set_interval,
    finish,
    release,
    dequeue,
    repeat,
    reclaim,
    step_back,
    look,
]
every_verb = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)


def kept_of(keys: Redis, queue_id: str) -> dict[bytes, Any]:
    """Return what Redis has of one queue, but its places, which a quarantine may move."""
    kept: dict[bytes, Any] = {key: keys.dump(key) for key in keys.scan_iter(f"{TAG}:*:{queue_id}")}
    kept[b"record"] = keys.hget(f"{TAG}:queues", queue_id)
    return kept


async def prepare_both(store: QueueStore, clock: ManualClock, case: Case) -> Leases:
    """Prepare the queue "broken", and another with one leased and some waiting jobs."""
    leases = await case.prepare(store, clock, "broken")
    await store.enqueue("sms", [job("fine", "leased"), job("fine", "w1"), job("fine", "w2")])
    while True:
        [leased] = (await store.dequeue("sms", count=1, lease=LEASE)).jobs
        if leased.queue_id == "fine":
            return leases
        await store.release("sms", [claim(leased)])


@every_case
@every_verb
async def test_a_verb_spares_other_queues_and_changes_nothing_of_one_that_it_calls_broken(
    verb: Verb,
    case: Case,
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
) -> None:
    leases = await prepare_both(store, clock, case)
    case.damage(keys, f"{TAG}:{case.kind}:broken")
    before = kept_of(keys, "broken")
    is_broken = await verb(store, clock, leases)
    if is_broken and case.kind != "left":  # a pass removes a damaged rate: nothing can mend it
        assert kept_of(keys, "broken") == before


@every_case
@pytest.mark.parametrize("purge", [True, False])
async def test_clearing_removes_a_damaged_queue_whole(
    case: Case,
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
    *,
    purge: bool,
) -> None:
    leases = await prepare_both(store, clock, case)
    case.damage(keys, f"{TAG}:{case.kind}:broken")
    cleared = await store.clear("sms", "broken", purge=purge)
    assert 0 <= cleared.waiting <= 6
    assert 0 <= cleared.leased <= 3
    if case.prepare is fill and case.kind != "jobs":
        assert cleared.waiting + cleared.leased > 0
    damaged_letters = case.damage is of_another_type and case.kind in {"dead", "deaths"}
    dead_letters = set() if purge or damaged_letters else {"dead", "deaths"}
    left = {key.decode().split(":")[2] for key in keys.scan_iter(f"{TAG}:*:broken")}
    assert left <= dead_letters | {"left"}
    assert keys.hget(f"{TAG}:queues", "broken") is None
    assert keys.zscore(f"{TAG}:expiring", "broken") is None
    clock.advance(1000)
    await store.enqueue("sms", [job("broken", "again")])
    for ref in leases.values():
        [outcome] = await store.release("sms", [ref])
        assert outcome is LeaseOutcome.UNKNOWN
    served = (await store.dequeue("sms", count=9, lease=LEASE)).jobs
    assert [j.job_id for j in served if j.queue_id == "broken"] == ["again"]


async def test_a_place_that_a_damaged_queue_left_does_not_serve_it_ahead_of_its_rate(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", [NewJob("broken", "old", b"{}", 1000), job("fine", "j")])
    garbage_record(keys, "")
    await store.clear("sms", "broken", purge=True)
    await store.enqueue("sms", [NewJob("broken", f"new{n}", b"{}", 1000) for n in range(3)])
    served = (await store.dequeue("sms", count=9, lease=LEASE)).jobs
    assert [leased.job_id for leased in served if leased.queue_id == "broken"] == ["new0"]


@pytest.mark.parametrize("damage", [of_another_type, full_of_garbage])
@pytest.mark.parametrize("kind", ["minutes", "receipts", "attempt", "ahead"])
async def test_damaged_bookkeeping_of_a_type_stops_no_job(
    kind: str, damage: Damage, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    leases = await prepare_both(store, clock, CASES[0])
    await store.finish("sms", list(leases.values()), receipt_time=60_000)
    await store.dequeue("sms", count=1, lease=1, attempt_id="a")
    clock.step_back(1000)
    await store.enqueue("sms", [job("other", "j")])
    await store.reclaim("sms", limit=1)
    found = list(keys.scan_iter(f"{TAG}:{kind}*"))
    assert found
    for key in found:
        damage(keys, key.decode())
    await store.enqueue("sms", [job("fine", "new")])
    await store.reclaim("sms", limit=100)
    attempt = "a" if kind == "attempt" else "b"
    served = (await store.dequeue("sms", count=20, lease=LEASE, attempt_id=attempt)).jobs
    assert "new" in {leased.job_id for leased in served}
    refs = [claim(leased) for leased in served]
    for _ in range(2):
        outcomes = await store.finish("sms", refs, receipt_time=60_000)
        assert set(outcomes) == {LeaseOutcome.ENDED}


async def test_names_that_are_not_utf8_stop_neither_passes_nor_listings(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await prepare_both(store, clock, CASES[0])
    keys.sadd("sharq_server:types", NOT_UTF8, "no name", "")
    keys.hset(b"{sharq_server:" + NOT_UTF8 + b"}:queues", "q", "x")
    record = keys.hget(f"{TAG}:queues", "fine")
    assert record is not None
    keys.hset(f"{TAG}:queues", NOT_UTF8, record)
    for zset in ("line", "expiring", "idle"):
        keys.zadd(f"{TAG}:{zset}", {NOT_UTF8: 1, b"": 2, b"\0\0\0\0\0\1" + NOT_UTF8: 3})
    clock.advance(LEASE)
    while await ReclaimPasses(store, 1).once():
        pass
    assert (await store.queue_metrics("sms", "fine")).leased == 0
    assert "sms" in (await store.known_types(limit=100)).names
    assert (await store.queue_types(limit=100)).names == ("sms",)
    assert set((await store.queue_ids("sms", limit=100)).names) == {"broken", "fine"}
    served = (await store.dequeue("sms", count=20, lease=LEASE)).jobs
    assert {leased.queue_id for leased in served} == {"broken", "fine"}


async def test_a_job_under_a_name_that_is_not_utf8_takes_no_other_out_of_the_answer(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", [job("q", "j"), job("fine", "j")])
    record = keys.hget(f"{TAG}:queues", "q")
    [(place, since)] = cast(Scored, keys.zrange(f"{TAG}:line", 0, 0, withscores=True))
    assert record is not None
    keys.hset(f"{TAG}:queues", NOT_UTF8, record)
    keys.set(TAG.encode() + b":only:" + NOT_UTF8, keys.get(f"{TAG}:only:q") or b"")
    keys.zadd(f"{TAG}:line", {place[:6] + NOT_UTF8: since})
    served = (await store.dequeue("sms", count=9, lease=LEASE)).jobs
    assert {leased.queue_id for leased in served} == {"q", "fine"}
