"""The totals of a type are lost: once nothing is left of it, its lengths are right again."""

from collections.abc import Callable

import pytest
from redis import Redis

from sharq_plug.model import (
    ALL_STATES,
    Clear,
    Extras,
    Fail,
    LeaseRef,
    LetterRange,
    NewJob,
    TypeView,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import clear_all, dequeue_for_one
from support.redis_keys import tag

pytestmark = pytest.mark.anyio

TOTALS = f"{tag('sms')}/totals/sms"


def delete(keys: Redis) -> None:
    keys.delete(TOTALS)


def replace(keys: Redis) -> None:
    keys.set(TOTALS, "no hash")


every_loss = pytest.mark.parametrize("lose", [delete, replace])


def job(queue_id: str, job_id: str, delay: int = 0) -> NewJob:
    extras = Extras(delay=delay) if delay else None
    return NewJob(queue_id, job_id, b"{}", 0, extras=extras)


async def seen(store: QueueStore) -> tuple[int, int, int, int]:
    """Return how many jobs wait, are leased and are delayed, and how many queues there are."""
    view = (await store.look("sms")).type
    assert isinstance(view, TypeView)
    return view.waiting, view.leased, view.delayed, view.queues


@every_loss
async def test_a_type_that_comes_back_has_the_lengths_of_its_new_jobs(
    store: QueueStore, keys: Redis, lose: Callable[[Redis], None]
) -> None:
    await store.enqueue("sms", [job("q", "a"), job("q", "b"), job("p", "c"), job("p", "d", 1000)])
    await dequeue_for_one(store, "sms", count=1, lease_time=1000)
    lose(keys)
    await clear_all(store, "sms", Clear(states=ALL_STATES))
    assert await seen(store) == (0, 0, 0, 0)
    await store.enqueue("sms", [job("q", "e"), job("p", "f"), job("p", "g", 1000)])
    await dequeue_for_one(store, "sms", count=1, lease_time=1000)
    assert await seen(store) == (1, 1, 1, 2)


@every_loss
async def test_a_type_that_lost_its_tombstones_has_no_queue_in_the_end(
    store: QueueStore, keys: Redis, lose: Callable[[Redis], None]
) -> None:
    await store.enqueue("sms", [job("q", "dead")])
    [leased] = (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
    await store.settle("sms", [Fail(LeaseRef("q", "dead", leased.token), dead=True)])
    lose(keys)
    await store.discard("sms", LetterRange(), limit=10)
    assert await seen(store) == (0, 0, 0, 0)
    await store.enqueue("sms", [job("q", "new")])
    assert await seen(store) == (1, 0, 0, 1)
