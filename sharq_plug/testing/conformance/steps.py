"""Steps on a queue: those that change it, and those that do not."""

from collections.abc import Awaitable, Callable
from typing import Final

from sharq_plug.model import (
    Cancel,
    ChangeOutcome,
    Delivery,
    EnqueueOutcome,
    JobRef,
    JobState,
    LeaseOutcome,
    LeaseRef,
    PatchQueue,
    Queues,
    Reschedule,
    SetInterval,
    Take,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import (
    DONE,
    amend,
    clear_states,
    jobs_in,
    redrive_job,
    redrive_range,
)
from sharq_plug.testing.conformance.setting import (
    configure,
    finish_with,
    patch,
    view_of,
)
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    clear,
    enqueue,
    enqueue_one,
    extend_lease,
    fail_job,
    finish,
    finish_job,
    new_job,
    reclaim,
    release_job,
    take,
)

Step = Callable[[QueueStore, ManualClock, Delivery], Awaitable[object]]


async def an_enqueue(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Enqueue another job."""
    await enqueue(store, "q", "another", interval=None)


async def a_duplicate_with_an_interval(
    store: QueueStore, _clock: ManualClock, _job: Delivery
) -> None:
    """Enqueue a job that waits already, and bring another interval with it."""
    job = new_job("q", "waiting", interval=77)
    assert await enqueue_one(store, job) is EnqueueOutcome.DUPLICATE


async def a_finish(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Finish the leased job."""
    await finish_job(store, job)


async def a_correction(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Finish the leased job, and say what it took."""
    await finish_with(store, job, job=1)


async def a_release(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Release the leased job."""
    await release_job(store, job)


async def a_fail(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Fail the leased job."""
    await fail_job(store, job)


async def a_death(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Fail the leased job for good."""
    await fail_job(store, job, dead=True)


async def an_extension(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Extend the lease."""
    await extend_lease(store, job, 5000)


async def a_cancel(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Cancel a job that waits."""
    assert await amend(store, Cancel(JobRef("q", "spare"))) is DONE


async def a_reschedule(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Give a job that waits another priority."""
    assert await amend(store, Reschedule(JobRef("q", "spare"), priority=3)) is DONE


async def a_redrive(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Redrive a job that died."""
    await redrive_job(store, "q", "dead")


async def a_clearing(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Clear the jobs that wait; the leased one stays."""
    assert (await clear_states(store, "q", JobState.WAITING)).waiting == 2


async def a_patch(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Change a setting of the queue."""
    await patch(store, weight=2)


async def a_patch_of_nothing(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Change no setting of the queue."""
    await patch(store)


async def a_freeze(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Freeze the queue."""
    await patch(store, freeze=1)


async def a_tend(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Tend."""
    await tend_all(store)


async def an_expiry(store: QueueStore, clock: ManualClock, _job: Delivery) -> None:
    """Let the lease expire, and have it ended."""
    clock.advance(LEASE_TIME)
    assert (await reclaim(store)).requeued == 1


async def an_expiry_that_a_dequeue_of_others_ends(
    store: QueueStore, clock: ManualClock, _job: Delivery
) -> None:
    """Let the lease expire, and have it ended by a dequeue from another queue."""
    clock.advance(LEASE_TIME)
    assert len((await take_from(store, "p")).ended) == 1


async def a_redrive_of_a_range(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Redrive all that died."""
    assert (await redrive_range(store)).count == 1


async def a_clearing_of_the_type(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Clear the jobs that wait in all queues of the type; the leased one stays."""
    assert (await clear_states(store, None, JobState.WAITING)).waiting == 2


async def a_look(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Look at the queue, and for it."""
    await store.look(TYPE, "q")
    await store.look(TYPE)
    assert await items_of(store, TYPE, Queues())
    assert await jobs_in(store, "q", JobState.WAITING)
    await view_of(store, "waiting")


async def a_dequeue_in_vain(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Dequeue, while the queue is held."""
    take_any, take_named = Take(1, LEASE_TIME), Take(1, LEASE_TIME, queues=("q",))
    for answer in await store.dequeue(TYPE, [take_any, take_named]):
        assert answer.jobs == ()


async def a_duplicate_without_an_interval(
    store: QueueStore, _clock: ManualClock, _job: Delivery
) -> None:
    """Enqueue a job that waits already."""
    job = new_job("q", "waiting", interval=None)
    assert await enqueue_one(store, job) is EnqueueOutcome.DUPLICATE


async def a_refused_enqueue(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Enqueue a job for which there is no room."""
    job = new_job("q", "no", max_queued_length=1)
    assert await enqueue_one(store, job) is EnqueueOutcome.QUEUE_FULL


async def a_refused_interval(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Bring an interval to the queue, which has limits."""
    assert await configure(store, SetInterval("q", 5)) is ChangeOutcome.LIMITS_SET


async def a_mismatch(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Change settings of the queue that are not as they were thought to be."""
    change = PatchQueue("q", if_match=("another",))
    assert await configure(store, change) is ChangeOutcome.MISMATCH


async def claims_of_others(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Finish jobs of the queue under leases that nobody has."""
    assert await finish(store, LeaseRef("q", job.job_id, "other")) is LeaseOutcome.STALE
    assert await finish(store, LeaseRef("q", "waiting")) is LeaseOutcome.UNKNOWN


async def a_cancel_of_what_is_leased(store: QueueStore, _clock: ManualClock, job: Delivery) -> None:
    """Cancel the leased job, without a word of its lease."""
    assert await amend(store, Cancel(JobRef("q", job.job_id))) is not DONE


async def steps_on_others(store: QueueStore, _clock: ManualClock, _job: Delivery) -> None:
    """Do this and that with another queue."""
    await enqueue(store, "p", "j")
    await patch(store, "p", weight=5)
    await finish_job(store, await take(store))
    await clear(store, "p")


CHANGES: Final[tuple[Step, ...]] = (
    an_enqueue,
    a_duplicate_with_an_interval,
    a_finish,
    a_correction,
    a_release,
    a_fail,
    a_death,
    an_extension,
    a_cancel,
    a_reschedule,
    a_redrive,
    a_clearing,
    a_patch,
    a_patch_of_nothing,
    a_freeze,
    a_tend,
    an_expiry,
    an_expiry_that_a_dequeue_of_others_ends,
    a_redrive_of_a_range,
    a_clearing_of_the_type,
)
"""Each changes queue "q"."""
OTHERS: Final[tuple[Step, ...]] = (
    a_look,
    a_dequeue_in_vain,
    a_duplicate_without_an_interval,
    a_refused_enqueue,
    a_refused_interval,
    a_mismatch,
    claims_of_others,
    a_cancel_of_what_is_leased,
    steps_on_others,
)
"""None of these changes queue "q"."""
