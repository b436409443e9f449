"""What broken memory stores stand on; none of this has a fault of its own."""

from collections.abc import Callable

from sharq_memory.machine import Machine
from sharq_memory.queue import PRIORITY, Job, Queue
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    ChangeOutcome,
    EnqueueOutcome,
    EnqueueResult,
    NewJob,
    Release,
    SetInterval,
    Setting,
    Settled,
    Settlement,
)
from sharq_plug.testing import ManualClock


class BrokenMachine(Machine):
    """A machine whose types are in the states that `make_state` makes."""

    def __init__(self, make_state: Callable[[str], TypeState]) -> None:
        super().__init__()
        self._make_state = make_state

    def _new_state(self, queue_type: str) -> TypeState:
        return self._make_state(queue_type)


class BrokenStore(MemoryStore):
    """A memory store that stands on such a machine."""

    def __init__(self, clock: ManualClock, make_state: Callable[[str], TypeState]) -> None:
        super().__init__(clock, BrokenMachine(make_state))


class AfterBringing(TypeState):
    """For a state that does something wrong once an interval was brought to a queue."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        place = self._place_of(job.queue_id)
        result = super().enqueue(job, now)
        queue = self.queues.get(job.queue_id)
        if result.outcome is not EnqueueOutcome.QUEUE_FULL and queue is not None and queue.jobs:
            self._brought(queue, place, now)
        return result

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        if not isinstance(change, SetInterval):
            return super().configure(change, now)
        place = self._place_of(change.queue_id)
        outcome = super().configure(change, now)
        if outcome is ChangeOutcome.CHANGED:
            self._brought(self.queues[change.queue_id], place, now)
        return outcome

    def _brought(self, queue: Queue, place: tuple[float, int] | None, now: int) -> None:
        """Do it; `place` is what the queue had before."""

    def _place_of(self, queue_id: str) -> tuple[float, int] | None:
        queue = self.queues.get(queue_id)
        if queue is None or queue.ready_since is None:
            return None
        return queue.ready_since, queue.place_number

    def _stand(self, queue: Queue, ready_since: float, number: int) -> None:
        self.line.leave(queue)
        self.line.enter(queue, ready_since, number, ready_since)


class AfterReleasing(TypeState):
    """For a state that does something wrong once a job was released, unless that killed it."""

    def settle(self, item: Settlement, now: int) -> Settled:
        leased = self._leased(item.lease) if isinstance(item, Release) else None
        if leased is None:
            return super().settle(item, now)
        queue, job = leased
        token = job.token or ""
        outcome = super().settle(item, now)
        if queue.jobs.get(job.job_id) is job:
            self._released(queue, job, token, now)
        return outcome

    def _released(self, queue: Queue, job: Job, token: str, now: int) -> None:
        """Do it; `token` is that of the lease."""


class Renumbering(TypeState):
    """For a state that gives a job another number when it must not."""

    def _renumber(self, queue: Queue, job: Job, now: int, at: int) -> None:
        """Let a job, which is due `at` (ms), stand behind all others of its priority."""
        self._take_out(queue, job)
        job.place = self.line.next_number() - job.priority * PRIORITY
        self._put(queue, job, now, at)
