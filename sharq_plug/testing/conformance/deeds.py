"""What producers and workers do with a type, and what its totals count of it."""

from collections.abc import Awaitable, Callable
from typing import Final

from sharq_plug.model import (
    Deduplicate,
    Delivery,
    LeaseRef,
    RequeueDelay,
    Take,
    Totals,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import (
    let_each_die,
)
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    claim_without_token,
    enqueue,
    extend_lease,
    fail_job,
    finish,
    finish_job,
    new_job,
    release_job,
    take_batch,
)

Deed = Callable[[QueueStore, ManualClock, Delivery], Awaitable[None]]

BEGUN: Final = Totals(enqueued=8, dequeued=2, failed=1, dead=1)
"""What a type has counted that was begun."""


async def begin(store: QueueStore, clock: ManualClock) -> Delivery:
    """Give an empty type a job in every state, in queues "p" and "q"; return the leased one."""
    await let_each_die(store, "q", "dead")
    await enqueue(store, "q", "leased", requeue_limit=1, requeue_delay=RequeueDelay(40))
    [job] = await take_batch(store, 1)
    await enqueue(store, "q", "waiting", "w2")
    await enqueue(store, "p", "keyed", deduplicate=Deduplicate("k", 10**6))
    await enqueue(store, "q", "delayed", delay=5000)
    await enqueue(store, "p", "due", delay=10)
    await enqueue(store, "p", "ends", ttl=20)
    clock.advance(15)
    return job


async def an_enqueue(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Enqueue a job, and one that is delayed."""
    await enqueue(store, "q", "new")
    await enqueue(store, "new", "new", delay=100)


async def an_enqueue_of_nothing_new(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Enqueue duplicates of an id and of a key, and a job for which there is no room."""
    key = Deduplicate("k", 10)
    jobs = [new_job("q", "leased"), new_job("p", "new", deduplicate=key)]
    await store.enqueue(TYPE, [*jobs, new_job("q", "new", max_queued_length=1)])


async def a_dequeue(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Dequeue, also a job that is due."""
    assert len(await take_batch(store, 4)) == 4


async def a_repeated_dequeue(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Dequeue once, and ask again."""
    await store.dequeue(TYPE, [Take(2, LEASE_TIME, "try"), Take(2, LEASE_TIME, "try")])


async def a_dequeue_that_meets_an_end(
    store: QueueStore, clock: ManualClock, _job: Delivery
) -> None:
    """Dequeue all, and let die a job whose ttl has passed."""
    clock.advance(5)
    assert len(await take_batch(store, 9)) == 4


async def a_dequeue_that_ends_a_lease(
    store: QueueStore, clock: ManualClock, _job: Delivery
) -> None:
    """Dequeue more than there is after a lease has expired; its job comes back late."""
    clock.advance(LEASE_TIME)
    assert len(await take_batch(store, 9)) == 5


async def a_finish(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Finish a job, and ask again."""
    for _ in range(2):
        await finish_job(store, job)


async def a_finish_without_a_token(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Finish a job as a client does that sends no token, and ask again."""
    for _ in range(2):
        await finish(store, claim_without_token(job))


async def a_finish_of_nothing(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Finish what has another lease, waits, is dead or is not there."""
    for job_id in ("leased", "waiting", "dead", "no"):
        await finish(store, LeaseRef("q", job_id, "token"))


async def a_release(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Release a job."""
    await release_job(store, job)


async def a_late_release(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Release a job that is to wait."""
    await release_job(store, job, delay=100)


async def a_release_at_the_end(store: QueueStore, clock: ManualClock, _job: Delivery) -> None:
    """Release a job whose ttl has passed, so that it dies."""
    await enqueue(store, "p", "short", ttl=2, priority=9)
    [job] = (await take_from(store, "p", count=1)).jobs
    clock.advance(2)
    await release_job(store, job)


async def a_fail(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Fail a job, which waits for its requeue delay."""
    await fail_job(store, job)


async def a_fail_that_kills(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Fail a job for good."""
    await fail_job(store, job, dead=True)


async def an_extension(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Extend a lease."""
    await extend_lease(store, job, 10**6)


async def an_expiry(store: QueueStore, clock: ManualClock, _job: Delivery) -> None:
    """Let a lease expire; its job comes back, and that with a ttl dies."""
    clock.advance(LEASE_TIME)
    await tend_all(store)


async def an_expiry_that_kills(store: QueueStore, clock: ManualClock, _job: Delivery) -> None:
    """Let a lease expire whose job has no requeue left."""
    await enqueue(store, "p", "last", requeue_limit=0, priority=9)
    [_] = (await take_from(store, "p", count=1, lease_time=1)).jobs
    clock.advance(1)
    await tend_all(store)


async def an_end(store: QueueStore, clock: ManualClock, _job: Delivery) -> None:
    """Let a job die whose ttl has passed."""
    clock.advance(5)
    await tend_all(store)


async def a_join(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Let a due job join."""
    await tend_all(store)


WORKERS: Final[dict[Deed, Totals]] = {
    an_enqueue: Totals(enqueued=2),
    an_enqueue_of_nothing_new: Totals(),
    a_dequeue: Totals(dequeued=4),
    a_repeated_dequeue: Totals(dequeued=2),
    a_dequeue_that_meets_an_end: Totals(dequeued=4, dead=1),
    a_dequeue_that_ends_a_lease: Totals(dequeued=5, dead=1, expired_leases=1),
    a_finish: Totals(finished=1),
    a_finish_without_a_token: Totals(finished=1),
    a_finish_of_nothing: Totals(),
    a_release: Totals(released=1),
    a_late_release: Totals(released=1),
    a_release_at_the_end: Totals(enqueued=1, dequeued=1, released=1, dead=1),
    a_fail: Totals(failed=1),
    a_fail_that_kills: Totals(failed=1, dead=1),
    an_extension: Totals(),
    an_expiry: Totals(expired_leases=1, dead=1),
    an_expiry_that_kills: Totals(enqueued=1, dequeued=1, expired_leases=1, dead=1),
    an_end: Totals(dead=1),
    a_join: Totals(),
}
"""What is done to a type that was begun, and what that adds to its totals."""
