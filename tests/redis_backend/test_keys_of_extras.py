"""What the store writes for jobs with extras, that it goes again, and that others pay nothing."""

from collections.abc import AsyncIterator, Awaitable
from typing import Any, cast

import pytest
from redis import Redis

from sharq_plug.model import (
    Cancel,
    Deduplicate,
    EnqueueOutcome,
    Extend,
    Extras,
    Fail,
    Finish,
    JobRef,
    LeaseRef,
    LetterRange,
    NewJob,
    Release,
    RequeueDelay,
    Take,
)
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.calls import dequeue_for_one, tend_all
from support.one_queue import clear_queue, look_at_queue
from support.redis_keys import tag, tag_of
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

TAG = tag("sms")
CLOCK = tag_of(0) + "/clock"
NEW = {"delayed", "ending", "key", "timers"}
"""The kinds of keys that only jobs with extras have."""
OF_EACH = {"delay": 100, "ttl": 5000, "deduplicate": Deduplicate("k", 10_000), "priority": 3}
"""Extras, one for each new key and one that has none."""


def job(queue_id: str, job_id: str, **extras: Any) -> NewJob:
    found = Extras(**extras) if extras else None
    return NewJob(queue_id, job_id, b"{}", 0, extras=found)


def kinds(keys: Redis) -> set[str]:
    """Return which kinds of keys there are."""
    names = {key.decode() for key in keys.scan_iter()} - {CLOCK}
    assert all(name.startswith(f"{TAG}/") for name in names)
    return {name.removeprefix(f"{TAG}/").split("/")[0] for name in names}


async def take(store: QueueStore, count: int = 100) -> list[LeaseRef]:
    """Dequeue jobs and return the claims to their leases."""
    jobs = (await dequeue_for_one(store, "sms", count=count, lease_time=1000)).jobs
    return [LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs]


async def finish_all_there_is(store: QueueStore) -> None:
    while leases := await take(store):
        await store.settle("sms", [Finish(lease, 60_000) for lease in leases])


@pytest.fixture
async def own_time(redis_url: str) -> AsyncIterator[QueueStore]:
    """A store that goes by the time of Redis, by which keys expire."""
    async with open_store("redis", {"url": redis_url}) as store:
        yield store


async def test_a_queue_that_uses_none_of_it_has_none_of_the_keys(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", [job("q", f"j{n}") for n in range(6)])
    released, failed, extended, dead, expired = await take(store, 5)
    await store.settle(
        "sms", [Release(released), Fail(failed), Extend(extended, 5000), Fail(dead, dead=True)]
    )
    await store.amend("sms", [Cancel(JobRef("q", "j5")), Cancel(JobRef("q", dead.job_id))])
    clock.advance(1000)
    await tend_all(store)
    assert (await look_at_queue(store, "sms", "q")).waiting == 3
    assert expired.job_id == "j4"
    assert not kinds(keys) & NEW


@pytest.mark.parametrize(
    ("extras", "expected"),
    [
        ({"delay": 100}, {"delayed", "timers"}),
        ({"ttl": 100}, {"ending", "timers"}),
        ({"deduplicate": Deduplicate("k", 100)}, {"key"}),
        ({"delay": 100, "ttl": 100}, {"delayed", "ending", "timers"}),
        ({"priority": 3, "cost": {"job": 2}, "headers": {"a": "b"}}, set()),
        ({"requeue_delay": RequeueDelay(100)}, set()),
    ],
)
async def test_each_extra_has_the_keys_that_it_needs(
    store: QueueStore, keys: Redis, extras: dict[str, Any], expected: set[str]
) -> None:
    await store.enqueue("sms", [job("q", "j", **extras), job("plain", "j")])
    assert kinds(keys) & NEW == expected
    if "timers" in expected:
        assert keys.zrange(f"{TAG}/timers/sms", 0, -1) == [b"q"]


async def test_after_finishing_everything_only_the_key_is_left_and_it_expires(
    own_time: QueueStore, keys: Redis
) -> None:
    extras = OF_EACH | {"delay": 1}
    await own_time.enqueue("sms", [job("q", "j1", **extras), job("q", "j2", ttl=5000)])
    while (await look_at_queue(own_time, "sms", "q")).waiting < 2:
        pass
    await finish_all_there_is(own_time)
    await tend_all(own_time)
    lasting = {key for key in keys.scan_iter() if keys.pttl(key) < 0}
    assert lasting == {key.encode() for key in (CLOCK, f"{TAG}/totals/sms", f"{TAG}/due")}
    assert kinds(keys) & NEW == {"key"}
    assert 9000 < keys.pttl(f"{TAG}/key/sms/q/k") <= 70_000


@pytest.mark.parametrize("how", ["clear", "purge", "cancel", "expire"])
async def test_however_its_jobs_go_a_queue_leaves_only_the_key(
    store: QueueStore, clock: ManualClock, keys: Redis, how: str
) -> None:
    await store.enqueue("sms", [job("q", "j1", **OF_EACH), job("q", "j2", ttl=5000)])
    await store.enqueue("sms", [job("other", "j")])
    if how in ("clear", "purge"):
        await clear_queue(store, "sms", "q", purge=how == "purge")
    elif how == "cancel":
        await store.amend("sms", [Cancel(JobRef("q", "j1")), Cancel(JobRef("q", "j2"))])
    else:
        clock.advance(10_000)
        await tend_all(store)
        assert (await look_at_queue(store, "sms", "q")).dead == 2
        assert (await store.discard("sms", LetterRange("q"), limit=10)).count == 2
    assert kinds(keys) & NEW == {"key"}
    assert keys.hkeys(f"{TAG}/queues/sms") == [b"other"]


async def test_a_type_is_due_for_as_long_as_something_of_it_is_timed(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", [job("a", "j", delay=300), job("b", "j", ttl=100)])
    assert keys.zscore(f"{TAG}/due", "sms") == clock.now() + 100
    clock.advance(100)
    await tend_all(store)
    assert keys.zscore(f"{TAG}/due", "sms") == clock.now() + 200
    clock.advance(200)
    await tend_all(store)
    assert not keys.exists(f"{TAG}/timers/sms")


async def test_a_dequeue_drops_a_wrong_place_of_a_queue_whose_jobs_are_delayed(
    store: QueueStore, clock: ManualClock, keys: Redis
) -> None:
    await store.enqueue("sms", [job("q", "j", delay=500), job("fine", "j")])
    for place in cast(list[bytes], keys.zrange(f"{TAG}/line/sms", 0, -1)):
        keys.zadd(f"{TAG}/line/sms", {place: 1})
    assert [lease.queue_id for lease in await take(store)] == ["fine"]
    [answer] = await store.dequeue("sms", [Take(1, 1000, queues=("q",))])
    assert (answer.jobs, answer.next_ready_at) == ((), clock.now() + 500)
    clock.advance(500)
    assert [lease.queue_id for lease in await take(store)] == ["q"]


async def test_a_damaged_queue_that_a_dequeue_names_is_logged(
    store: QueueStore, keys: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await store.enqueue("sms", [job("broken", "j"), job("fine", "j")])
    keys.hset(f"{TAG}/queues/sms", "broken", b"\xc1\x00")
    [answer] = await store.dequeue("sms", [Take(5, 1000, queues=("broken", "fine"))])
    assert [job.queue_id for job in answer.jobs] == ["fine"]
    assert [r.getMessage() for r in caplog.records if "broken" in r.getMessage()]


COUNTS = {
    "the first job of a queue": 10,
    "the second": 11,
    "the third": 8,
    "a duplicate": 5,
    "a dequeue": 10,
    "a finish": 10,
}
"""How many commands a call of one plain job runs.

One reads what is set for the type; none is for extras or for dead letters.
"""


async def test_a_plain_job_runs_no_command_for_what_others_bring(
    own_server: RedisServer, clock: ManualClock
) -> None:
    client = own_server.client()
    ran: dict[str, int] = {}

    async def count(name: str, call: Awaitable[Any]) -> Any:
        client.config_resetstat()
        answer = await call
        found = client.info("commandstats")
        frame = {"cmdstat_fcall", "cmdstat_info", "cmdstat_config|resetstat"}
        ran[name] = sum(found[command]["calls"] for command in found.keys() - frame)
        return answer

    async with open_store("redis", {"url": own_server.url}, clock=clock) as store:
        await store.enqueue("sms", [job("other", "j")])
        for name, job_id in zip(COUNTS, ("j1", "j2", "j3", "j3"), strict=False):
            [result] = await count(name, store.enqueue("sms", [job("q", job_id)]))
            assert result.outcome in (EnqueueOutcome.QUEUED, EnqueueOutcome.DUPLICATE)
        lease = (await count("a dequeue", take(store, 1)))[0]
        lease = LeaseRef(lease.queue_id, lease.job_id)  # now and then a receipt costs more
        await count("a finish", store.settle("sms", [Finish(lease, 1000)]))
    assert ran == COUNTS
