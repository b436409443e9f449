"""What must hold of a machine between any two calls."""

from sharq_memory.forgetting import forgotten_from
from sharq_memory.limits import paid_at
from sharq_memory.machine import Machine
from sharq_memory.queue import Queue
from sharq_memory.state import TypeState


def check_machine(machine: Machine, now: int) -> None:
    """Raise AssertionError if the structures disagree at `now` (ms), the latest instant."""
    for queue_type, state in machine.types.items():
        assert state.queue_type == queue_type
        assert state.noted_due <= state.due <= state.next_due()
        _check_type(state, now)


def _check_type(state: TypeState, now: int) -> None:
    for queue_id, queue in state.queues.items():
        assert queue.queue_id == queue_id
        _check_queue(queue, now)
    queues = state.queues.values()
    assert state.existing == sum(bool(queue.jobs) for queue in queues)
    assert list(state.line.places) == sorted(
        (queue.ready_since, queue.place_number, queue) for queue in queues if queue.waiting
    )
    assert list(state.expiring.entries) == sorted(
        (queue.expiring, queue.queue_id, queue) for queue in queues if queue.leased
    )
    assert list(state.forgetting.entries) == sorted(
        (queue.looked_at, queue.queue_id, queue) for queue in queues if queue.looked_at is not None
    )
    for letters in state.dead.values():
        letters.check()


def _check_queue(queue: Queue, now: int) -> None:
    waiting = list(queue.waiting_jobs())
    places = [job.place for job in waiting]
    assert places == sorted(set(places))
    assert len(waiting) == queue.waiting
    assert queue.rest is None or (queue.head is not None and queue.rest)
    leased = [job for job in queue.jobs.values() if job.token is not None]
    assert sorted((job.expires_at, job.number, job) for job in leased) == list(queue.leases or ())
    assert {job.job_id for job in waiting} | {job.job_id for job in leased} == set(queue.jobs)
    assert len(waiting) + len(leased) == len(queue.jobs)
    if not queue.jobs:
        assert queue.looked_at is not None
        assert queue.looked_at <= forgotten_from(queue)
    assert (queue.ready_since is None) == (not waiting)
    if queue.ready_since is not None:
        assert paid_at(queue) <= max(now, queue.ready_since)
    assert queue.expiring == (queue.first_lease().expires_at if queue.leases else None)
