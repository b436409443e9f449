"""Types for tests on a cluster: many, on every server."""

from sharq_plug.model import Delivery, LeaseRef, NewJob, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import finish_all
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer

MANY = tuple(f"type-{number}" for number in range(60))


def job(number: int = 1, *, queue_id: str = "q", interval: int = 0) -> NewJob:
    return NewJob(queue_id, f"job-{number}", b"{}", interval)


def a_type_at(cluster: RedisCluster, server: RedisServer) -> str:
    """Return a type that a server has."""
    return next(name for name in MANY if cluster.of_type(name) is server)


async def take(
    store: QueueStore, queue_type: str, *, count: int = 1, lease_time: int = 60_000
) -> list[Delivery]:
    """Dequeue jobs."""
    [found] = await store.dequeue(queue_type, [Take(count, lease_time)])
    return list(found.jobs)


async def work(store: QueueStore, queue_type: str, number: int = 1) -> None:
    """Enqueue a job, dequeue it, and finish it."""
    await store.enqueue(queue_type, [job(number)])
    [taken] = await take(store, queue_type)
    assert taken.job_id == f"job-{number}"
    ref = LeaseRef(taken.queue_id, taken.job_id, taken.token)
    await finish_all(store, queue_type, [ref], receipt_time=1000)
