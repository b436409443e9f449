"""Memory states that are broken on purpose, one fault each: fails, extends, keys."""

from msgspec.structs import replace

from sharq_memory.keys import KeyOf, Keys, Remembrance
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Deduplicate,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Extend,
    Extended,
    Fail,
    LeaseOutcome,
    NewJob,
    Settled,
    Settlement,
)


class FailSpendsNothing(TypeState):
    def _fail(self, queue: Queue, job: Job, item: Fail, now: int) -> None:
        left = job.requeues
        super()._fail(queue, job, item, now)
        job.requeues = left


class FailOfTheLastRequeueComesBack(TypeState):
    """A job dies at the next one."""

    def _fail(self, queue: Queue, job: Job, item: Fail, now: int) -> None:
        if job.requeues == 0 and not item.dead:
            queue.end_lease(job)
            self._come_back(queue, job, now, item.delay or 0)
            return
        super()._fail(queue, job, item, now)


class PenaltiesDoNotCount(TypeState):
    """Each delay of a requeue is as long as the first."""

    def _put(self, queue: Queue, job: Job, now: int, at: int) -> None:
        if job.rare is not None:
            job.rare.penalties = 0
        super()._put(queue, job, now, at)


class ExpiryBringsNoDelay(TypeState):
    """A requeue delay holds after a fail alone."""

    def _come_back(self, queue: Queue, job: Job, now: int, delay: int = 0) -> bool:
        is_expiry = job.expires_at <= now and job.rare is not None and job.rare.penalties > 0
        return super()._come_back(queue, job, now, 0 if is_expiry else delay)


class ExtendRevivesAReclaimedLease(TypeState):
    """If nobody else leased the job since."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._reclaimed: dict[tuple[str, str], str] = {}

    def _end_leases(self, limit: int, now: int) -> list[EndedLease]:
        ended = super()._end_leases(limit, now)
        for lease in ended:
            self._reclaimed[lease.queue_id, lease.job_id] = lease.token
        return ended

    def settle(self, item: Settlement, now: int) -> Settled:
        ref = item.lease
        queue = self.queues.get(ref.queue_id)
        job = None if queue is None else queue.jobs.get(ref.job_id)
        was_theirs = self._reclaimed.get((ref.queue_id, ref.job_id), "") == ref.token
        is_back = job is not None and job.token is None and was_theirs
        if queue is None or job is None or not is_back or not isinstance(item, Extend):
            return super().settle(item, now)
        self._take_out(queue, job)
        job.token, job.expires_at = ref.token, now + item.lease_time
        queue.add_lease(job)
        self._changed(queue, now)
        return Extended(job.expires_at)


class ExtendDoesNotMoveTheReclaim(TypeState):
    """A lease that was extended is ended when it would have been."""

    def _extend(self, queue: Queue, job: Job, item: Extend, now: int) -> Extended:
        before = job.expires_at
        answer = super()._extend(queue, job, item, now)
        queue.extend_lease(job, before)
        self._changed(queue, now)
        return answer


class ExpiredLeaseIsNotExtended(TypeState):
    """Though nothing has ended it."""

    def settle(self, item: Settlement, now: int) -> Settled:
        leased = self._leased(item.lease)
        is_late = leased is not None and leased[1].expires_at <= now
        if isinstance(item, Extend) and is_late and item.lease.token is not None:
            return LeaseOutcome.STALE
        return super().settle(item, now)


class ExtendAddsToTheLease(TypeState):
    """It counts from the end of the lease, not from now."""

    def _extend(self, queue: Queue, job: Job, item: Extend, now: int) -> Extended:
        item = replace(item, lease_time=item.lease_time + max(0, job.expires_at - now))
        return super()._extend(queue, job, item, now)


class ForgetfulKeys(Keys):
    def outlive(self, queue: Queue, job: Job) -> None:
        pass


class KeyIsForgottenAtTheEnd(TypeState):
    """A job that finished or died is not remembered under its key."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.keys = ForgetfulKeys()


class LastingKeys(Keys):
    def put(self, key: KeyOf, until: int, value: Remembrance) -> None:
        super().put(key, until, (value[0], None))


class KeySurvivesAClearing(TypeState):
    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.keys = LastingKeys()


class RefusalLeavesAKey(TypeState):
    """A job that is refused for the length of its queue is remembered."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        deduplicate = None if job.extras is None else job.extras.deduplicate
        if deduplicate is not None and result.outcome is EnqueueOutcome.QUEUE_FULL:
            until = now + deduplicate.keep_for
            self.keys.put((job.queue_id, deduplicate.key), until, (job.job_id, None))
        return result


class LongKeys(Keys):
    def remember(self, queue_id: str, job: Job, deduplicate: Deduplicate, now: int) -> None:
        longer = replace(deduplicate, keep_for=deduplicate.keep_for + 1)
        super().remember(queue_id, job, longer, now)


class KeyIsKeptTooLong(TypeState):
    """By 1 ms."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.keys = LongKeys()


class DuplicateRenewsItsKey(TypeState):
    """A key is remembered from its latest duplicate on."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        deduplicate = None if job.extras is None else job.extras.deduplicate
        if deduplicate is not None and result.job_id is not None:
            until = now + deduplicate.keep_for
            self.keys.put((job.queue_id, deduplicate.key), until, (result.job_id, None))
        return result


class DuplicateNamesItself(TypeState):
    """The answer to a duplicate of a key names the job that was refused, not the first."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        result = super().enqueue(job, now)
        return result if result.job_id is None else replace(result, job_id=job.job_id)
