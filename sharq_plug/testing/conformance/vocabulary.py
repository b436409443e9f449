"""The words in which the conformance tests are written: one call for one thought."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from sharq_plug.model import (
    ALL_STATES,
    Clear,
    Cleared,
    Delivery,
    EnqueueOutcome,
    EnqueueResult,
    Extend,
    Extended,
    Extras,
    Fail,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    QueueView,
    Release,
    Settled,
    Settlement,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import (
    Reclaimed,
    clear_all,
    cleared_in_all,
    dequeue_for_one,
    finish_all,
    list_all,
    outcome_of,
    reclaimed,
    tend_all,
)
from sharq_plug.testing.clock import ManualClock

TYPE = "sms"
LEASE_TIME = 60_000
RECEIPT_TIME = 60_000

Ending = Callable[[QueueStore, Delivery], Coroutine[Any, Any, object]]


def new_job(queue_id: str, job_id: str, **fields: Any) -> NewJob:
    """Return a job without a rate, to be requeued for ever, unless the fields say otherwise.

    The fields of its `Extras` may be among them.
    """
    extras = {name: fields.pop(name) for name in Extras.__struct_fields__ if name in fields}
    plain: dict[str, Any] = {"payload": b"{}", "interval": 0}
    plain["extras"] = Extras(**extras) if extras else None
    return NewJob(queue_id, job_id, **plain | fields)


async def enqueue(
    store: QueueStore, queue_id: str, *job_ids: str, queue_type: str = TYPE, **fields: Any
) -> None:
    """Enqueue jobs in one batch, all with the same fields; each must be queued."""
    jobs = [new_job(queue_id, job_id, **fields) for job_id in job_ids]
    results = await store.enqueue(queue_type, jobs)
    assert [result.outcome for result in results] == [EnqueueOutcome.QUEUED] * len(jobs)


async def enqueue_in_each(store: QueueStore, queue_ids: Iterable[str]) -> None:
    """Enqueue a job "j" in each of many queues; each must be queued."""
    jobs = [new_job(queue_id, "j") for queue_id in queue_ids]
    for start in range(0, len(jobs), 500):
        results = await store.enqueue(TYPE, jobs[start : start + 500])
        assert {result.outcome for result in results} == {EnqueueOutcome.QUEUED}


async def enqueue_one(store: QueueStore, job: NewJob, *, queue_type: str = TYPE) -> EnqueueOutcome:
    """Enqueue one job and return its outcome."""
    return (await offer(store, job, queue_type=queue_type)).outcome


async def offer(store: QueueStore, job: NewJob, *, queue_type: str = TYPE) -> EnqueueResult:
    """Enqueue one job and return the whole answer."""
    [result] = await store.enqueue(queue_type, [job])
    return result


async def take(
    store: QueueStore, *, queue_type: str = TYPE, lease_time: int = LEASE_TIME
) -> Delivery:
    """Dequeue one job; there must be one."""
    [job] = (await dequeue_for_one(store, queue_type, count=1, lease_time=lease_time)).jobs
    return job


async def take_in_turn(
    store: QueueStore, count: int, *, queue_type: str = TYPE, lease_time: int = LEASE_TIME
) -> list[Delivery]:
    """Dequeue `count` jobs, one call each."""
    return [await take(store, queue_type=queue_type, lease_time=lease_time) for _ in range(count)]


async def take_batch(
    store: QueueStore, count: int, *, queue_type: str = TYPE, lease_time: int = LEASE_TIME
) -> list[Delivery]:
    """Dequeue up to `count` jobs in one call."""
    return list((await dequeue_for_one(store, queue_type, count=count, lease_time=lease_time)).jobs)


async def job_order(store: QueueStore, count: int) -> list[str]:
    """Return the jobs that `count` single dequeues serve."""
    return [job.job_id for job in await take_in_turn(store, count)]


async def queue_order(store: QueueStore, count: int) -> list[str]:
    """Return the queues that `count` single dequeues serve."""
    return [job.queue_id for job in await take_in_turn(store, count)]


async def next_ready_at(store: QueueStore, *, queue_type: str = TYPE) -> int | None:
    """Return when an empty dequeue says to come back; it must be empty."""
    answer = await dequeue_for_one(store, queue_type, count=1, lease_time=LEASE_TIME)
    assert answer.jobs == ()
    return answer.next_ready_at


async def take_exactly_at(store: QueueStore, clock: ManualClock, instant: int) -> Delivery:
    """Dequeue one job at `instant`, when not one was ready 1 ms before."""
    clock.advance(instant - 1 - clock.now())
    await next_ready_at(store)
    clock.advance(1)
    return await take(store)


def claim(job: Delivery) -> LeaseRef:
    """Return the claim to a job's lease, with its token."""
    return LeaseRef(job.queue_id, job.job_id, job.token)


def claim_without_token(job: Delivery) -> LeaseRef:
    """Return the claim to whatever lease a job has."""
    return LeaseRef(job.queue_id, job.job_id)


async def finish(
    store: QueueStore,
    lease: LeaseRef,
    *,
    queue_type: str = TYPE,
    receipt_time: int = RECEIPT_TIME,
) -> Settled:
    """Finish one job and return the outcome."""
    [outcome] = await finish_all(store, queue_type, [lease], receipt_time=receipt_time)
    return outcome


async def release(
    store: QueueStore, lease: LeaseRef, *, queue_type: str = TYPE, delay: int = 0
) -> Settled:
    """Release one job and return the outcome."""
    return await settle(store, Release(lease, delay), queue_type=queue_type)


async def fail(
    store: QueueStore, lease: LeaseRef, *, queue_type: str = TYPE, **fields: Any
) -> Settled:
    """Fail one job, with these `fields` of a `Fail`, and return the outcome."""
    return await settle(store, Fail(lease, **fields), queue_type=queue_type)


async def extend(store: QueueStore, lease: LeaseRef, lease_time: int) -> Settled:
    """Extend one lease and return the outcome."""
    return await settle(store, Extend(lease, lease_time))


async def settle(store: QueueStore, item: Settlement, *, queue_type: str = TYPE) -> Settled:
    """Say one thing of a lease and return the outcome."""
    [settled] = await store.settle(queue_type, [item])
    return outcome_of(settled)


async def finish_job(store: QueueStore, job: Delivery) -> None:
    """Finish a job whose lease is the caller's."""
    assert await finish(store, claim(job)) is LeaseOutcome.ENDED


async def release_job(store: QueueStore, job: Delivery, *, delay: int = 0) -> None:
    """Release a job whose lease is the caller's."""
    assert await release(store, claim(job), delay=delay) is LeaseOutcome.ENDED


async def fail_job(store: QueueStore, job: Delivery, **fields: Any) -> None:
    """Fail a job whose lease is the caller's."""
    assert await fail(store, claim(job), **fields) is LeaseOutcome.ENDED


async def extend_lease(store: QueueStore, job: Delivery, lease_time: int) -> None:
    """Extend the lease of a job, which is the caller's."""
    answer = await extend(store, claim(job), lease_time)
    assert isinstance(answer, Extended)


async def let_expire(store: QueueStore, clock: ManualClock, *, dies: bool = False) -> Delivery:
    """Take a job, which must be there, and have its lease expire and reclaimed; it may die of it.

    Return it as it was leased.
    """
    job = await take(store, lease_time=1)
    clock.advance(1)
    assert await reclaim(store) == Reclaimed(requeued=not dies, dead=dies, more=False)
    return job


async def reclaim(store: QueueStore, *, queue_type: str = TYPE) -> Reclaimed:
    """End all leases that have expired; return what became of those of a type."""
    [of_type] = await reclaim_of_each(store, queue_type)
    return of_type


async def reclaim_of_each(
    store: QueueStore, *queue_types: str, limit: int = 1000
) -> list[Reclaimed]:
    """End all leases that have expired; return what became of those of each type."""
    steps = await tend_all(store, limit=limit)
    return [_total([reclaimed(step, queue_type) for step in steps]) for queue_type in queue_types]


async def reclaim_in_steps(store: QueueStore, limit: int, *, queue_type: str = TYPE) -> Reclaimed:
    """End all leases that have expired, `limit` at a time; return the sums."""
    steps = [reclaimed(tended, queue_type) for tended in await tend_all(store, limit=limit)]
    assert all(step.requeued + step.dead <= limit for step in steps)
    return _total(steps)


def _total(steps: Sequence[Reclaimed]) -> Reclaimed:
    return Reclaimed(
        sum(step.requeued for step in steps), sum(step.dead for step in steps), more=False
    )


async def clear(
    store: QueueStore, queue_id: str, *, purge: bool = False, queue_type: str = TYPE
) -> Cleared:
    """Clear the living jobs of a queue; with `purge` also its dead letters and minute counts."""
    what = Clear(queue_id, ALL_STATES, counts=True) if purge else Clear(queue_id)
    return cleared_in_all(await clear_all(store, queue_type, what))


async def look(store: QueueStore, queue_id: str, *, queue_type: str = TYPE) -> QueueView:
    """Return what there is in a queue."""
    view = (await store.look(queue_type, queue_id)).queue
    assert view is not None
    assert view.queue_id == queue_id
    return view


async def lengths(
    store: QueueStore, queue_id: str, *, queue_type: str = TYPE
) -> tuple[int, int, int]:
    """Return how many jobs of a queue wait, are leased, are dead."""
    view = await look(store, queue_id, queue_type=queue_type)
    return view.waiting, view.leased, view.dead


async def by_state(
    store: QueueStore, queue_id: str, *, queue_type: str = TYPE
) -> tuple[int, int, int, int]:
    """Return how many jobs of a queue wait, are delayed, are leased, are dead."""
    view = await look(store, queue_id, queue_type=queue_type)
    return view.waiting, view.delayed, view.leased, view.dead


async def counted(store: QueueStore, queue_id: str, *, queue_type: str = TYPE) -> tuple[int, int]:
    """Return how many enqueues and dequeues a queue has counted in its ten minutes."""
    return sums((await store.look(queue_type, queue_id)).counts)


def sums(counts: MinuteCounts) -> tuple[int, int]:
    """Return the enqueues and the dequeues of all ten minutes."""
    return sum(counts.enqueues.values()), sum(counts.dequeues.values())


async def listed(store: QueueStore, queue_type: str | None = TYPE, *, limit: int = 100) -> set[str]:
    """Follow the listing of a type's queues, or (None) of the types, to its end."""
    return await list_all(store, queue_type, limit=limit)
