"""Memory states that are broken on purpose, one fault each: jobs by their ids."""

from msgspec.structs import replace

from sharq_memory.keys import Keys
from sharq_memory.queue import PRIORITY, Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import (
    Absence,
    AmendOutcome,
    Cancel,
    JobRef,
    JobState,
    JobView,
    Reschedule,
)


class CancelEndsLeasesUnasked(TypeState):
    def _cancel(self, change: Cancel, now: int) -> AmendOutcome:
        return super()._cancel(replace(change, leased=True), now)


class AnyonesKeys(Keys):
    def forget_job(self, queue: Queue, job: Job) -> None:
        if job.rare is not None and job.rare.extras.deduplicate is not None:
            self.drop((queue.queue_id, job.rare.extras.deduplicate.key))


class CancelFreesTheKeyOfAnother(TypeState):
    """A job that is cancelled takes its key from the job that is remembered under it by now."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.keys = AnyonesKeys()


class HeldKeys(Keys):
    def forget_job(self, queue: Queue, job: Job) -> None:
        self.outlive(queue, job)


class CancelKeepsTheKey(TypeState):
    """A job that is cancelled is remembered as one that has finished."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.keys = HeldKeys()


class CancelRemovesTheOldestLetter(TypeState):
    def _cancel(self, change: Cancel, now: int) -> AmendOutcome:
        ref = change.job
        if self._living(ref) is None:
            for number in self.dead.numbers(ref.queue_id):
                if self.dead.by_number[number].job_id == ref.job_id:
                    return self._discard(number, now)
        return super()._cancel(change, now)


class AfterRescheduling(TypeState):
    """For a state that does something wrong to a job which got another priority or time."""

    def _reschedule(self, change: Reschedule, now: int) -> AmendOutcome:
        outcome = super()._reschedule(change, now)
        found = self._living(change.job)
        if outcome is AmendOutcome.DONE and found is not None:
            queue, job = found
            at = now if job.rare is None or job.rare.at is None else job.rare.at
            self._take_out(queue, job)
            self._rescheduled(job, at)
            self._put(queue, job, now, at)
        return outcome

    def _rescheduled(self, job: Job, at: int) -> None:
        """Do it; the job is due `at` (ms)."""


class RescheduleTakesANewNumber(AfterRescheduling):
    def _rescheduled(self, job: Job, at: int) -> None:
        job.place += self.line.next_number() - job.number


class RescheduleMovesTheEndOfTheTtl(AfterRescheduling):
    """It counts from the new time."""

    def _rescheduled(self, job: Job, at: int) -> None:
        if job.rare is not None and job.rare.extras.ttl is not None:
            job.rare.ends_at = at + job.rare.extras.ttl


class RescheduleForgetsTheReturn(AfterRescheduling):
    """A job that had come back stands among those that were never delivered."""

    def _rescheduled(self, job: Job, at: int) -> None:
        job.place = job.number - job.priority * PRIORITY


class PositionIgnoresPriorities(TypeState):
    """It counts the jobs of lower numbers, returned ones first."""

    def find(self, ref: JobRef, now: int, *, payloads: bool) -> JobView | Absence:
        found = super().find(ref, now, payloads=payloads)
        if isinstance(found, JobView) and found.state is JobState.WAITING:
            queue = self.queues[ref.queue_id]
            place = _unranked(queue.jobs[ref.job_id])
            ahead = sum(_unranked(job) < place for job in queue.waiting_jobs())
            return replace(found, position=ahead)
        return found


def _unranked(job: Job) -> int:
    return job.place + job.priority * PRIORITY


class DueJobIsShownAsDelayed(TypeState):
    """Until it has joined."""

    def find(self, ref: JobRef, now: int, *, payloads: bool) -> JobView | Absence:
        found = super().find(ref, now, payloads=payloads)
        if isinstance(found, JobView) and found.state is JobState.WAITING:
            rare = self.queues[ref.queue_id].jobs[ref.job_id].rare
            if rare is not None and rare.at is not None:
                return replace(found, state=JobState.DELAYED, at=rare.at)
        return found
