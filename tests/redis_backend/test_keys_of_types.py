"""What the store writes for settings of a type, that it goes again, and that others pay little."""

import asyncio
from collections.abc import Awaitable

import pytest
from redis import Redis

from sharq_plug.model import (
    NO_SETTINGS,
    ChangeOutcome,
    Finish,
    LeaseRef,
    Limit,
    Names,
    NewJob,
    PatchQueue,
    PatchType,
    QueueRules,
    SettingsPatch,
    Take,
    TypeRules,
    Types,
)
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, tend_all
from sharq_plug.testing.conformance.setting import patch_type, rules, set_defaults, type_rules
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

TAG = tag("sms")
SETTINGS, GATE, WALK = (f"{TAG}/{kind}/sms" for kind in ("settings", "gate", "walk"))
NEW = {SETTINGS, GATE, WALK}
"""The keys that only types with settings have."""
LEASE = 1000
NOT_SO_FAST = Limit(1, 1000)
QUEUES = [f"q{n:03}" for n in range(250)]
"""More than one script run lets take up changed defaults."""


def jobs(names: list[str], job_id: str = "j") -> list[NewJob]:
    return [NewJob(name, job_id, b"{}", 0) for name in names]


def new_keys(keys: Redis) -> set[str]:
    """Return which of the new keys there are."""
    return NEW & {key.decode() for key in keys.scan_iter()}


async def take(store: QueueStore, count: int = 1) -> list[LeaseRef]:
    """Dequeue jobs and return the claims to their leases."""
    found = (await dequeue_for_one(store, "sms", count=count, lease_time=LEASE)).jobs
    return [LeaseRef(job.queue_id, job.job_id, job.token) for job in found]


async def finish(store: QueueStore, refs: list[LeaseRef]) -> None:
    await store.settle("sms", [Finish(ref, 60_000) for ref in refs])


async def commands(keys: Redis, call: Awaitable[object]) -> list[list[str]]:
    """Return the commands that a call sends, those inside of scripts too, each as its words."""
    with keys.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis-py types half
        await call
        keys.echo("that is all")
        found: list[list[str]] = []
        for told in monitor.listen():
            words = told["command"].split()
            if words[0] == "ECHO":
                return found
            found.append(words)
    raise AssertionError


async def test_a_call_on_a_type_without_settings_pays_for_one_read(
    store: QueueStore, keys: Redis
) -> None:
    await store.enqueue("sms", jobs(["a", "b"], "first"))
    told = [await commands(keys, store.enqueue("sms", jobs(["a", "b"])))]
    told.append(await commands(keys, store.dequeue("sms", [Take(2, LEASE)])))
    refs = await take(store, 2)
    told.append(await commands(keys, finish(store, refs)))
    for call in told:
        assert [words for words in call if NEW & set(words)] == [["GET", SETTINGS]]
    assert not new_keys(keys)


async def test_a_gate_without_limits_reads_nothing_of_debts(store: QueueStore, keys: Redis) -> None:
    await patch_type(store, concurrency=5)
    await store.enqueue("sms", jobs(["a"]))
    told = await commands(keys, store.dequeue("sms", [Take(1, LEASE)]))
    assert [words for words in told if NEW & set(words)] == [["GET", SETTINGS]]


async def test_settings_that_are_taken_back_leave_nothing(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await patch_type(store, limits=(NOT_SO_FAST,), paused=True)
    assert new_keys(keys) == {SETTINGS}
    await patch_type(store, limits=None, paused=None)
    assert not new_keys(keys)
    assert not keys.exists(f"{TAG}/due")


async def test_a_gate_owes_only_while_it_has_limits(store: QueueStore, keys: Redis) -> None:
    await store.enqueue("sms", jobs(["a"]))
    await patch_type(store, limits=(NOT_SO_FAST,))
    assert GATE not in new_keys(keys)
    assert await take(store)
    assert GATE in new_keys(keys)
    await patch_type(store, limits=(), concurrency=1)
    assert new_keys(keys) == {SETTINGS}


async def test_a_freeze_that_has_ended_leaves_nothing(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await patch_type(store, freeze=500)
    assert new_keys(keys) == {SETTINGS}
    clock.advance(499)
    await tend_all(store)
    assert new_keys(keys) == {SETTINGS}
    clock.advance(1)
    await tend_all(store)
    assert not new_keys(keys)
    assert not keys.exists(f"{TAG}/due")


async def test_the_version_of_defaults_stays_as_long_as_a_queue_may_have_it(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", jobs(["a"]))
    await set_defaults(store, weight=2)
    refs = await take(store)
    await set_defaults(store, weight=None)
    await tend_all(store)
    assert new_keys(keys) == {SETTINGS}
    await set_defaults(store, weight=3)  # at the instant of the first ones
    assert (await rules(store, "a")).pending
    await set_defaults(store, weight=None)
    await finish(store, refs)
    assert not new_keys(keys)


async def test_a_type_of_which_only_settings_are_left_is_listed_nowhere(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await patch_type(store, concurrency=1)
    await set_defaults(store, weight=2)
    await store.enqueue("sms", jobs(["a"]))
    await finish(store, await take(store))
    for _ in range(2):
        clock.advance(25 * 3600 * 1000)
        await tend_all(store)
        for listing in (Names(), Types()):
            assert (await store.page(None, listing, limit=10)).items == ()
    assert new_keys(keys) == {SETTINGS}
    found = await type_rules(store)
    assert (found.settings.concurrency, found.defaults.weight) == (1, 2)


async def test_a_walk_that_is_over_leaves_nothing(store: QueueStore, keys: Redis) -> None:
    await store.enqueue("sms", jobs(QUEUES))
    await set_defaults(store, weight=2)
    assert WALK in new_keys(keys)
    assert (await store.tend(limit=100)).more
    assert WALK in new_keys(keys)
    await tend_all(store, limit=100)
    assert new_keys(keys) == {SETTINGS}
    assert not (await rules(store, QUEUES[-1])).pending


async def test_a_type_that_ends_during_a_walk_ends_the_walk(store: QueueStore, keys: Redis) -> None:
    await store.enqueue("sms", jobs(QUEUES[:5]))
    await set_defaults(store, weight=2)
    await store.tend(limit=2)
    await finish(store, await take(store, 5))
    assert WALK not in new_keys(keys)


async def test_two_servers_share_a_walk(
    redis_url: str, store: QueueStore, clock: ManualClock
) -> None:
    await store.enqueue("sms", jobs(QUEUES))
    await set_defaults(store, weight=2)
    async with open_store("redis", {"url": redis_url}, clock=clock) as other:
        assert (await store.tend(limit=125)).more
        await tend_all(other, limit=125)
    for name in (QUEUES[0], QUEUES[124], QUEUES[125], QUEUES[-1]):
        assert not (await rules(store, name)).pending


async def test_servers_that_change_settings_at_once_lose_no_change(
    redis_url: str, store: QueueStore, clock: ManualClock
) -> None:
    """Each field is counted up by its own tasks, on two servers, and patches no other."""
    async with open_store("redis", {"url": redis_url}, clock=clock) as other:
        changes = [
            (a_store, field, 10 * value)
            for value in range(1, 6)
            for field in ("concurrency", "max_length")
            for a_store in (store, other)
        ]
        await asyncio.gather(
            *(a_store.configure("sms", [queue_change(field, n)]) for a_store, field, n in changes),
            *(a_store.configure("sms", [type_change(field, n)]) for a_store, field, n in changes),
        )
    settings = (await rules(store)).settings
    assert None not in (settings.concurrency, settings.max_length)
    found = await type_rules(store)
    assert None not in (found.settings.concurrency, found.defaults.max_length)


def patch_of(field: str, value: int) -> SettingsPatch:
    if field == "concurrency":
        return SettingsPatch(concurrency=value)
    return SettingsPatch(max_length=value)


def queue_change(field: str, value: int) -> PatchQueue:
    return PatchQueue("q", patch_of(field, value))


def type_change(field: str, value: int) -> PatchType:
    patch = patch_of(field, value)
    return PatchType(patch) if field == "concurrency" else PatchType(defaults=patch)


async def count_up(store: QueueStore, queue_id: str | None) -> None:
    """Set a concurrency that is one higher, by what was seen before; of the type without a name."""
    outcome = ChangeOutcome.MISMATCH
    while outcome is ChangeOutcome.MISMATCH:
        seen = (await store.look("sms", queue_id)).rules
        assert isinstance(seen, QueueRules | TypeRules)
        patch = SettingsPatch(concurrency=(seen.settings.concurrency or 0) + 1)
        if_match = (seen.tag(),)
        change: PatchQueue | PatchType = PatchType(patch, if_match=if_match)
        if queue_id is not None:
            change = PatchQueue(queue_id, patch, if_match=if_match)
        [outcome] = await store.configure("sms", [change])
    assert outcome is ChangeOutcome.CHANGED


@pytest.mark.parametrize("queue_id", ["q", None])
async def test_no_change_replaces_settings_that_its_maker_has_not_seen(
    queue_id: str | None, redis_url: str, store: QueueStore, clock: ManualClock
) -> None:
    async with open_store("redis", {"url": redis_url}, clock=clock) as other:
        await asyncio.gather(*(count_up(one, queue_id) for one in (store, other) for _ in range(8)))
    found = (await store.look("sms", queue_id)).rules
    assert isinstance(found, QueueRules | TypeRules)
    assert found.settings.concurrency == 16


async def test_a_server_sees_what_another_one_has_set(
    redis_url: str, store: QueueStore, clock: ManualClock
) -> None:
    await store.enqueue("sms", jobs(["a", "b"]))
    async with open_store("redis", {"url": redis_url}, clock=clock) as other:
        assert (await type_rules(other)).settings == NO_SETTINGS
        await patch_type(store, paused=True)
        assert await take(other) == []
        await patch_type(store, paused=None)
        assert len(await take(other, 2)) == 2
