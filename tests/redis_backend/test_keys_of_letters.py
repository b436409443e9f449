"""What the store writes for dead letters and totals, and that it goes again."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis import Redis

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    ALL_STATES,
    Cancel,
    Clear,
    Discard,
    Extras,
    Fail,
    Finish,
    JobRef,
    JobState,
    LeaseRef,
    LetterRange,
    LetterRef,
    NewJob,
    Redrive,
    Retention,
    Take,
)
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import clear_all, dequeue_for_one, finish_all, tend_all
from support.one_queue import clear_queue, look_at_queue
from support.redis_keys import tag, tag_of
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

TAG = tag("sms")
CLOCK = f"{tag_of(0)}/clock"
OF_LETTERS = {"dead", "deaths", "letters"}
DAY = 24 * 3600 * 1000
EXPIRING_ONLY = {"minutes", "receipts"}
"""Kinds of keys that stay until they expire, which they do not by a clock that is handed in."""


def job(queue_id: str, job_id: str, **extras: Any) -> NewJob:
    found = Extras(**extras) if extras else None
    return NewJob(queue_id, job_id, b"{}", 0, 1, extras=found)


async def kill(store: QueueStore, *jobs: NewJob) -> None:
    """Let jobs become dead letters, one after the other."""
    for new in jobs:
        await store.enqueue("sms", [new])
        [leased] = (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
        lease = LeaseRef(leased.queue_id, leased.job_id, leased.token)
        await store.settle("sms", [Fail(lease, "e", dead=True)])


def kinds(keys: Redis) -> set[str]:
    found = {key.decode() for key in keys.scan_iter()} - {CLOCK}
    return {name.removeprefix(f"{TAG}/").split("/")[0] for name in found}


def total(keys: Redis, name: str) -> int:
    found = keys.hget(f"{TAG}/totals/sms", name)
    return int(found or 0)


async def redrive_all(store: QueueStore) -> None:
    for _ in range(3):  # in each round, one of those that have the same id
        after: int | None = 0
        while after is not None:
            after = (await store.redrive("sms", LetterRange(after=after), limit=2)).after
        await finish_the_rest(store)


async def finish_the_rest(store: QueueStore) -> None:
    taken = (await dequeue_for_one(store, "sms", count=100, lease_time=1000)).jobs
    refs = [LeaseRef(leased.queue_id, leased.job_id, leased.token) for leased in taken]
    await finish_all(store, "sms", refs, receipt_time=1000)


async def discard_all(store: QueueStore) -> None:
    after: int | None = 0
    while after is not None:
        after = (await store.discard("sms", LetterRange(after=after), limit=2)).after


async def discard_by_numbers(store: QueueStore) -> None:
    await store.amend("sms", [Discard(LetterRef(number)) for number in (2, 4, 1, 5, 3)])


async def discard_by_jobs(store: QueueStore) -> None:
    refs = [JobRef("p", "twice"), JobRef("q", "j"), JobRef("p", "twice"), JobRef("p", "j")]
    await store.amend("sms", [*map(Discard, refs), Cancel(JobRef("p", "twice"))])


async def let_them_age(store: QueueStore) -> None:
    for _ in range(3):
        await store.tend(limit=2, retention=Retention(max_count=0))


async def clear_the_dead(store: QueueStore) -> None:
    await clear_all(store, "sms", Clear(states={JobState.DEAD}), limit=2)


async def purge(store: QueueStore) -> None:
    await clear_queue(store, "sms", "p", purge=True)
    await clear_queue(store, "sms", "q", purge=True)


WAYS = [
    *(redrive_all, discard_all, discard_by_numbers, discard_by_jobs),
    *(let_them_age, clear_the_dead, purge),
]


@pytest.mark.parametrize("lives", [False, True])
@pytest.mark.parametrize("go", WAYS)
async def test_however_letters_go_nothing_is_left_of_them(
    store: QueueStore,
    clock: ManualClock,
    keys: Redis,
    go: Callable[[QueueStore], Awaitable[None]],
    *,
    lives: bool,
) -> None:
    letters = [job("p", "twice"), job("q", "j", ttl=9), job("p", "twice")]
    await kill(store, *letters, job("p", "twice"), job("p", "j", priority=1))
    if lives:
        await store.enqueue("sms", [job("p", "lives"), job("other", "lives")])
    assert kinds(keys) >= OF_LETTERS
    await go(store)
    assert not kinds(keys) & OF_LETTERS
    assert total(keys, "tombstones") == 0
    assert (await store.look("sms")).totals is not None
    await clear_all(store, "sms", Clear(states=ALL_STATES, counts=True))
    assert kinds(keys) <= EXPIRING_ONLY | {"totals", "due", "left", "idle"}
    clock.advance(DAY)
    await tend_all(store)
    assert kinds(keys) <= EXPIRING_ONLY


async def test_a_queue_that_has_letters_only_is_a_tombstone_until_it_exists_again(
    store: QueueStore, keys: Redis
) -> None:
    await kill(store, job("q", "a"), job("q", "b"))
    assert (total(keys, "tombstones"), keys.hlen(f"{TAG}/queues/sms")) == (1, 1)
    await store.enqueue("sms", [job("q", "c")])
    assert (total(keys, "tombstones"), keys.hlen(f"{TAG}/queues/sms")) == (0, 1)
    await clear_queue(store, "sms", "q")
    assert (total(keys, "tombstones"), keys.hlen(f"{TAG}/queues/sms")) == (1, 1)
    await store.amend("sms", [Redrive(LetterRef(1)), Cancel(JobRef("q", "a"))])
    assert (total(keys, "tombstones"), keys.hlen(f"{TAG}/queues/sms")) == (1, 1)
    await store.amend("sms", [Redrive(LetterRef(2)), Cancel(JobRef("q", "b"))])
    assert (total(keys, "tombstones"), keys.hlen(f"{TAG}/queues/sms")) == (0, 0)


async def test_of_several_letters_of_a_job_the_newest_one_that_is_left_is_meant(
    store: QueueStore, keys: Redis
) -> None:
    await kill(store, *(job("q", "j") for _ in range(6)))

    async def newest() -> int | None:
        found = keys.hget(f"{TAG}/dead/sms/q", "j")
        return None if found is None else int(found)

    seen = []
    for number in (3, 6, 4, 1, 5, 2):
        await store.amend("sms", [Discard(LetterRef(number))])
        seen.append(await newest())
    assert seen == [6, 5, 5, 5, 2, None]
    assert not kinds(keys) & OF_LETTERS


async def test_where_a_queue_has_no_letters_nothing_asks_for_them(
    own_server: RedisServer, clock: ManualClock
) -> None:
    client = own_server.client()
    async with open_store("redis", {"url": own_server.url}, clock=clock) as store:
        await store.enqueue("sms", [job("q", "j")])
        with client.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis-py types half
            lease = LeaseRef("q", "unknown", "unknown")
            await store.settle("sms", [Finish(lease, 1000)])
            await store.find("sms", [JobRef("q", "unknown"), JobRef("none", "j")])
            await store.amend("sms", [Cancel(JobRef("q", "unknown"))])
            await store.look("sms", "q")
            client.echo("that is all")
            asked = []
            for told in monitor.listen():
                if told["command"].startswith("ECHO"):
                    break
                asked.append(told["command"])
    assert asked
    assert not [command for command in asked if "/dead" in command]


async def test_a_type_is_due_at_once_when_a_letter_is_added_then_within_the_hour(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    hour = 3600 * 1000
    await kill(store, job("q", "j"))
    assert keys.zscore(f"{TAG}/due", "sms") == clock.now()
    await tend_all(store)
    assert keys.zscore(f"{TAG}/due", "sms") == clock.now() + 600_000 - clock.now() % 60_000
    clock.advance(600_000)
    await tend_all(store)  # what is left of the queue's counts goes
    assert keys.zscore(f"{TAG}/due", "sms") == clock.now() + hour
    await store.tend(limit=1, retention=Retention(max_age=700_000))
    clock.advance(hour)
    await store.tend(limit=1, retention=Retention(max_age=hour + 600_001))
    assert keys.zscore(f"{TAG}/due", "sms") == clock.now() + 1


async def test_a_cleared_queue_whose_jobs_could_not_be_counted_leaves_no_length(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await kill(store, job("fine", "dead"))
    await store.enqueue("sms", [job("broken", f"j{n}", delay=n) for n in range(5)])
    await store.dequeue("sms", [Take(1, 1000)])
    keys.hset(f"{TAG}/queues/sms", "broken", b"\xc1")
    await store.enqueue("sms", [job("other", "j")])
    await clear_queue(store, "sms", "broken")
    await clear_queue(store, "sms", "other")
    await store.enqueue("sms", [job("other", "j")])
    view = (await store.look("sms")).type
    assert view is not None
    assert (view.waiting, view.leased, view.delayed, view.queues, view.dead) == (1, 0, 0, 1, 1)


async def test_a_purge_of_a_damaged_queue_takes_its_letters_out_of_its_type(
    store: QueueStore, keys: Redis
) -> None:
    await kill(store, job("q", "a"), job("q", "b"), job("other", "c"))
    keys.hset(f"{TAG}/dead/sms/q", "#1", b"\xc1")
    keys.hset(f"{TAG}/queues/sms", "q", b"\xc1")
    assert (await clear_queue(store, "sms", "q", purge=True)).dead == 2
    assert keys.zcard(f"{TAG}/letters/sms") == 1
    assert (await look_at_queue(store, "sms", "other")).dead == 1


@pytest.mark.parametrize("cursor", ["more", "0", "c", "c.-1", f"c.{2**64}", "c.1.2", "q.1", ""])
async def test_a_cursor_that_is_none_of_a_clearing_is_refused(
    store: QueueStore, cursor: str
) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        await store.clear("sms", Clear(), cursor=cursor, limit=1)
