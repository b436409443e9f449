"""Calls that ask a queue with damaged keys among others, and clearings that end the damage.

What each verb does to such a queue by itself, test_damage.py says.
"""

import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, cast

import pytest
from redis import Redis

from sharq_plug.errors import BrokenQueue, StoreUnavailable
from sharq_plug.model import (
    ChangeOutcome,
    Delivery,
    EnqueueOutcome,
    Extras,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    SetInterval,
)
from sharq_plug.service.passes import Passes
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import (
    counts_of,
    dequeue_for_one,
    finish_all,
    list_all,
    release_all,
    tend_all,
    tend_type,
)
from support.one_queue import clear_queue, look_at_queue
from support.redis_keys import contents, tag

pytestmark = pytest.mark.anyio

TAG = tag("sms")
LEASE = 1000
GARBAGE = b"\xc1\xff garbage"
NOT_UTF8 = b"caf\xe9"

Leases = dict[str, LeaseRef]
Scored = list[tuple[bytes, float]]
Damage = Callable[[Redis, str], None]


def job(queue_id: str, job_id: str, **limits: Any) -> NewJob:
    return NewJob(queue_id, job_id, b"{}", 0, **limits)


async def fill(store: QueueStore, clock: ManualClock, queue_id: str) -> Leases:
    """Give a queue keys of every kind but `one` and `left`; return its leases by job id."""
    await store.enqueue("sms", [job(queue_id, "dead", requeue_limit=0)])
    assert (await dequeue_for_one(store, "sms", count=1, lease_time=1)).jobs
    clock.advance(1)
    assert (await tend_type(store, "sms", limit=10)).dead == 1
    await store.enqueue("sms", [job(queue_id, f"j{n}", requeue_limit=n % 2) for n in range(6)])
    leases: Leases = {}
    for _ in range(3):
        [leased] = (await dequeue_for_one(store, "sms", count=1, lease_time=LEASE)).jobs
        leases[leased.job_id] = claim(leased)
    return leases


async def fill_with_one(store: QueueStore, clock: ManualClock, queue_id: str) -> Leases:
    """Give a queue one job, which stands by itself."""
    await store.enqueue("sms", [job(queue_id, "j0")])
    return {}


async def leave_a_rate(store: QueueStore, clock: ManualClock, queue_id: str) -> Leases:
    """Let a queue be gone, with a rate that is not paid."""
    await store.enqueue("sms", [NewJob(queue_id, "gone", b"{}", 500)])
    [leased] = (await dequeue_for_one(store, "sms", count=1, lease_time=LEASE)).jobs
    await finish_all(store, "sms", [claim(leased)], receipt_time=60_000)
    return {"gone": claim(leased)}


def key_of(kind: str) -> str:
    """Return the key of a kind that the queue "broken" has."""
    return f"{TAG}/{kind}/sms/broken"


def claim(leased: Delivery) -> LeaseRef:
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
        case b"set":
            keys.delete(key)
            keys.sadd(key, GARBAGE)
        case _:
            keys.set(key, GARBAGE)


def missing(keys: Redis, key: str) -> None:
    keys.delete(key)


def garbage_record(keys: Redis, key: str) -> None:
    keys.hset(f"{TAG}/queues/sms", "broken", GARBAGE)


def short_record(keys: Redis, key: str) -> None:
    keys.hset(f"{TAG}/queues/sms", "broken", b"\x01\x02\x03")


def missing_record(keys: Redis, key: str) -> None:
    keys.hdel(f"{TAG}/queues/sms", "broken")


LENGTHS = {"fill": (3, 3), "fill_with_one": (1, 0), "leave_a_rate": (0, 0)}
KINDS = ("jobs", "rest", "leases", "dead", "deaths")
OF_THE_TYPE = (
    *(f"{TAG}/{kind}/sms" for kind in ("queues", "line", "expiring", "idle", "timers", "number")),
    f"{TAG}/types",
    f"{TAG}/due",
)
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
    *(Case(fill_with_one, "one", damage) for damage in DAMAGES),
    *(Case(fill_with_one, "", damage) for damage in RECORD_DAMAGES),
    *(Case(leave_a_rate, "left", damage) for damage in DAMAGES),
]
TOLD_CASES = [case for case in CASES if case.damage is not missing_record]
"""Without its record nobody can tell that there ever was a queue."""
every_case = pytest.mark.parametrize("case", CASES, ids=str)


async def queues_served(store: QueueStore) -> list[str]:
    """Return the queues of which jobs are delivered."""
    served = await dequeue_for_one(store, "sms", count=20, lease_time=1)
    return [leased.queue_id for leased in served.jobs]


async def enqueue(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    jobs = [job("fine", "new"), job("broken", "new"), job("broken", "j4"), job("fine", "newer")]
    results = [result.outcome.value for result in await store.enqueue("sms", jobs)]
    assert (results[0], results[3]) == ("queued", "queued")
    return results[1] == "broken" == results[2]


async def set_interval(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    changes = [SetInterval("broken", 7), SetInterval("fine", 0), SetInterval("broken", 8)]
    first, fine, second = await store.configure("sms", changes)
    assert fine is ChangeOutcome.CHANGED
    return first is ChangeOutcome.BROKEN is second


async def finish(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    refs = [*leases.values(), LeaseRef("broken", "j0"), LeaseRef("fine", "leased")]
    *broken, fine = await finish_all(store, "sms", refs, receipt_time=60_000)
    assert fine is LeaseOutcome.ENDED
    return set(broken) == {LeaseOutcome.BROKEN}


async def release(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    refs = [*leases.values(), LeaseRef("broken", "j0"), LeaseRef("fine", "leased")]
    *broken, fine = await release_all(store, "sms", refs)
    assert fine is LeaseOutcome.ENDED
    return set(broken) == {LeaseOutcome.BROKEN}


async def dequeue(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    served = await queues_served(store)
    assert served.count("fine") == 2
    return "broken" not in served


async def repeat(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    served = (await dequeue_for_one(store, "sms", count=2, lease_time=LEASE, attempt_id="a")).jobs
    assert "fine" in {leased.queue_id for leased in served}
    return False


async def reclaim(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    clock.advance(LEASE)
    reclaimed = await tend_type(store, "sms", limit=20)
    assert not reclaimed.more
    assert (await look_at_queue(store, "sms", "fine")).leased == 0
    return reclaimed.requeued == 1 and reclaimed.dead == 0


async def step_back(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    clock.step_back(1000)
    assert "fine" not in await queues_served(store)
    await tend_all(store, limit=20)
    assert "fine" in await queues_served(store)
    return False


async def look(store: QueueStore, clock: ManualClock, leases: Leases) -> bool:
    assert (await look_at_queue(store, "sms", "fine")).leased == 1
    assert "fine" in await list_all(store, "sms", limit=100)
    assert await list_all(store, None, limit=100) == {"sms"}
    assert sum((await counts_of(store, "sms")).enqueues.values()) > 0
    try:
        await store.look("sms", "broken")
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
    kept: dict[bytes, Any] = {
        key: contents(keys, key) for key in keys.scan_iter(f"{TAG}/*/sms/{queue_id}")
    }
    kept[b"record"] = keys.hget(f"{TAG}/queues/sms", queue_id)
    return kept


async def prepare_both(store: QueueStore, clock: ManualClock, case: Case) -> Leases:
    """Prepare the queue "broken", and another with one leased and some waiting jobs."""
    leases = await case.prepare(store, clock, "broken")
    await store.enqueue("sms", [job("fine", "leased"), job("fine", "w1"), job("fine", "w2")])
    while True:
        [leased] = (await dequeue_for_one(store, "sms", count=1, lease_time=LEASE)).jobs
        if leased.queue_id == "fine":
            return leases
        await release_all(store, "sms", [claim(leased)])


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
    case.damage(keys, key_of(case.kind))
    before = kept_of(keys, "broken")
    if await verb(store, clock, leases):
        assert kept_of(keys, "broken") == before


@pytest.mark.parametrize("case", TOLD_CASES, ids=str)
async def test_no_job_of_a_damaged_queue_is_lost_without_a_word(
    case: Case,
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await prepare_both(store, clock, case)
    live = {"j1", "j3", "j4", "j5"} if case.prepare is fill else {"j0"}
    if case.prepare is leave_a_rate:
        await store.enqueue("sms", [job("broken", "j0")])
    case.damage(keys, key_of(case.kind))
    clock.advance(LEASE)
    delivered: set[str] = set()
    for _ in range(3):  # a damaged queue is passed over for a minute
        await tend_all(store)
        served = (await dequeue_for_one(store, "sms", count=20, lease_time=1)).jobs
        delivered |= {leased.job_id for leased in served if leased.queue_id == "broken"}
        clock.advance(60_000)
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert live <= delivered or any(line.startswith("queue broken is") for line in said)


@every_case
@pytest.mark.parametrize("purge", [True, False])
async def test_clearing_ends_the_damage_and_the_leases(
    case: Case,
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
    *,
    purge: bool,
) -> None:
    leases = await prepare_both(store, clock, case)
    case.damage(keys, key_of(case.kind))
    cleared = await clear_queue(store, "sms", "broken", purge=purge)
    assert 0 <= cleared.waiting <= 6
    assert 0 <= cleared.leased <= 3
    if case.kind:  # the record tells how many there were
        assert (cleared.waiting, cleared.leased) == LENGTHS[case.prepare.__name__]
    assert await list_all(store, "sms", limit=100) == {"fine"}
    if purge:  # else it is listed for its dead letters
        assert keys.hget(f"{TAG}/queues/sms", "broken") is None
    assert keys.zscore(f"{TAG}/expiring/sms", "broken") is None
    if case.prepare is not fill:  # for the others test_damage.py says it
        left = {key.decode().split("/")[1] for key in keys.scan_iter(f"{TAG}/*/sms/broken")}
        assert left <= {"left"}
    if case.kind == "left" and not purge:  # there was no queue, so this changed nothing
        await clear_queue(store, "sms", "broken", purge=True)
    await store.enqueue("sms", [job("broken", "again")])
    for ref in leases.values():
        [outcome] = await release_all(store, "sms", [ref])
        assert outcome is not LeaseOutcome.ENDED
    clock.advance(1000)
    served = (await dequeue_for_one(store, "sms", count=9, lease_time=LEASE)).jobs
    assert [j.job_id for j in served if j.queue_id == "broken"] == ["again"]
    if purge:  # else what is damaged of the dead letters is still there
        assert (await look_at_queue(store, "sms", "broken")).leased == 1


async def test_a_place_that_a_damaged_queue_left_does_not_serve_it_ahead_of_its_rate(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", [NewJob("broken", "old", b"{}", 1000), job("fine", "j")])
    garbage_record(keys, "")
    await clear_queue(store, "sms", "broken", purge=True)
    await store.enqueue("sms", [NewJob("broken", f"new{n}", b"{}", 1000) for n in range(3)])
    served = (await dequeue_for_one(store, "sms", count=9, lease_time=LEASE)).jobs
    assert [leased.job_id for leased in served if leased.queue_id == "broken"] == ["new0"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["minutes", "receipts", "attempt"])
async def test_damaged_bookkeeping_of_a_type_stops_no_job(
    kind: str, damage: Damage, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    leases = await prepare_both(store, clock, CASES[0])
    await finish_all(store, "sms", list(leases.values()), receipt_time=60_000)
    await dequeue_for_one(store, "sms", count=1, lease_time=1, attempt_id="a")
    found = list(keys.scan_iter(f"{TAG}/{kind}/*"))
    assert found
    for key in found:
        damage(keys, key.decode())
    await store.enqueue("sms", [job("fine", "new")])
    await tend_all(store, limit=100)
    attempt_id = "a" if kind == "attempt" else "b"
    served = (
        await dequeue_for_one(store, "sms", count=20, lease_time=LEASE, attempt_id=attempt_id)
    ).jobs
    assert "new" in {leased.job_id for leased in served}
    refs = [claim(leased) for leased in served]
    for _ in range(2):
        outcomes = await finish_all(store, "sms", refs, receipt_time=60_000)
        assert set(outcomes) == {LeaseOutcome.ENDED}


async def test_damaged_counts_of_a_type_count_nothing(store: QueueStore, keys: Redis) -> None:
    await store.enqueue("sms", [job("q", "j")])
    await store.enqueue("mail", [job("q", "j")])
    [key] = keys.scan_iter(f"{TAG}/minutes/*")
    full_of_garbage(keys, key.decode())
    assert sum((await counts_of(store, "sms")).enqueues.values()) == 0
    assert sum((await counts_of(store)).enqueues.values()) == 1


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("key", OF_THE_TYPE)
async def test_damaged_keys_of_a_type_stop_no_other_type(
    key: str, damage: Damage, store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("mail", [job("m", f"j{n}") for n in range(3)])
    await dequeue_for_one(store, "mail", count=1, lease_time=LEASE)
    await prepare_both(store, clock, CASES[0])
    await store.enqueue("sms", [job("gone", "j"), job("timed", "j", extras=Extras(delay=LEASE))])
    await clear_queue(store, "sms", "gone", purge=False)
    assert keys.exists(key)
    damage(keys, key)
    clock.advance(LEASE)
    with contextlib.suppress(StoreUnavailable):
        await store.enqueue("sms", [job("fine", "new")])
    with contextlib.suppress(StoreUnavailable):
        await dequeue_for_one(store, "sms", count=9, lease_time=LEASE)
    with contextlib.suppress(StoreUnavailable):
        await store.tend(limit=10)
    assert (await store.enqueue("mail", [job("m", "j4")]))[0].outcome is EnqueueOutcome.QUEUED
    served = (await dequeue_for_one(store, "mail", count=9, lease_time=LEASE)).jobs
    assert {leased.job_id for leased in served} == {"j0", "j1", "j2", "j4"}
    refs = [claim(leased) for leased in served]
    outcomes = await finish_all(store, "mail", refs, receipt_time=60_000)
    assert set(outcomes) == {LeaseOutcome.ENDED}


async def test_names_that_are_no_names_stop_neither_passes_nor_listings(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await prepare_both(store, clock, CASES[0])
    keys.sadd(f"{TAG}/types", NOT_UTF8, "no name", "")
    keys.zadd(f"{TAG}/due", {NOT_UTF8: 1, b"no name": 2, b"": 3})
    keys.hset(f"{TAG}/queues/".encode() + NOT_UTF8, "q", "x")
    record = keys.hget(f"{TAG}/queues/sms", "fine")
    assert record is not None
    keys.hset(f"{TAG}/queues/sms", NOT_UTF8, record)
    far = clock.now() + 10**9
    for kind in ("line", "expiring", "idle", "timers"):
        members = {
            NOT_UTF8: 1,
            b"": 2,
            b"\0\0\0\0\0\1" + NOT_UTF8: 3,
            b"\0\0\0": far,
        }
        keys.zadd(f"{TAG}/{kind}/sms", members)
    clock.advance(LEASE)
    while await Passes(store, 1).once():
        pass
    assert (await look_at_queue(store, "sms", "fine")).leased == 0
    assert await list_all(store, None, limit=100) == {"sms"}
    assert await list_all(store, "sms", limit=100) == {"broken", "fine"}
    clock.step_back(1)
    while await Passes(store, 1).once():
        pass
    assert set(await queues_served(store)) == {"broken", "fine"}


async def test_a_job_under_a_name_that_is_not_utf8_takes_no_other_out_of_the_answer(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", [job("q", "j"), job("fine", "j")])
    record = keys.hget(f"{TAG}/queues/sms", "q")
    [(place, since)] = cast(Scored, keys.zrange(f"{TAG}/line/sms", 0, 0, withscores=True))
    assert record is not None
    keys.hset(f"{TAG}/queues/sms", NOT_UTF8, record)
    keys.set(f"{TAG}/one/sms/".encode() + NOT_UTF8, keys.get(f"{TAG}/one/sms/q") or b"")
    keys.zadd(f"{TAG}/line/sms", {place[:6] + NOT_UTF8: since})
    assert set(await queues_served(store)) == {"q", "fine"}
