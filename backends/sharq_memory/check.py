"""What must hold of a machine between any two calls."""

from sharq_memory.dead import NO_LETTERS
from sharq_memory.forgetting import forgotten_from
from sharq_memory.limits import holds
from sharq_memory.machine import Machine
from sharq_memory.queue import Job, Queue
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
        (queue.ready_since, queue.place_number, queue) for queue in queues if queue.unleased
    )
    assert list(state.expiring.entries) == sorted(
        (queue.expiring, queue.queue_id, queue) for queue in queues if queue.leased
    )
    assert list(state.forgetting.entries) == sorted(
        (queue.looked_at, queue.queue_id, queue) for queue in queues if queue.looked_at is not None
    )
    state.timers.check({queue.queue_id: queue.first_timer() for queue in queues})
    state.attempts.check()
    state.keys.check()
    state.dead.check()
    assert not NO_LETTERS
    _check_totals(state)


def _check_totals(state: TypeState) -> None:
    """Raise AssertionError unless the totals lead to the lengths that there are."""
    totals, queues = state.totals, state.queues.values()
    assert totals.living == sum(len(queue.jobs) for queue in queues)
    assert totals.leased == sum(queue.leased for queue in queues)
    assert totals.delayed == sum(len(queue.delayed or ()) for queue in queues)
    gone = totals.redriven + totals.discarded + totals.aged_out
    assert len(state.dead) == totals.dead - gone
    assert max(state.dead.by_number, default=0) <= totals.dead
    assert not (totals.kept_until is not None and (state.existing or state.dead))


def _check_queue(queue: Queue, now: int) -> None:
    waiting = list(queue.waiting_jobs())
    places = [job.place for job in waiting]
    assert places == sorted(set(places))
    assert len(waiting) == queue.waiting
    assert queue.rest is None or (queue.head is not None and queue.rest)
    delayed = _check_delayed(queue)
    leased = [job for job in queue.jobs.values() if job.token is not None]
    assert sorted((job.expires_at, job.number, job) for job in leased) == list(queue.leases or ())
    unleased = [*waiting, *delayed]
    assert {job.job_id for job in (*unleased, *leased)} == set(queue.jobs)
    assert len(unleased) + len(leased) == len(queue.jobs)
    assert len(unleased) == queue.unleased
    _check_ending(queue, unleased)
    if not queue.jobs:
        assert queue.looked_at is not None
        assert queue.looked_at <= forgotten_from(queue)
    assert (queue.ready_since is None) == (not unleased)
    if queue.ready_since is not None:
        assert max(holds(queue, now), default=0) <= max(now, queue.ready_since)
    assert queue.expiring == (queue.first_lease().expires_at if queue.leases else None)


def _check_delayed(queue: Queue) -> list[Job]:
    """Return the delayed jobs of `queue`, each of which has its instant."""
    delayed = [entry[-1] for entry in queue.delayed or ()]
    timed = [job for job in queue.jobs.values() if job.rare is not None and job.rare.at is not None]
    assert {job.job_id for job in timed} == {job.job_id for job in delayed}
    assert queue.delayed is None or queue.delayed
    assert list(queue.delayed or ()) == sorted(
        (job.rare.at, -job.priority, job.number, job) for job in timed if job.rare is not None
    )
    return delayed


def _check_ending(queue: Queue, unleased: list[Job]) -> None:
    ends = [(job.rare.ends_at, job) for job in unleased if job.rare is not None]
    listed = sorted((end, job.number, job) for end, job in ends if end is not None)
    assert list(queue.ending or ()) == listed
    assert queue.ending is None or queue.ending
    assert queue.is_timed == bool(queue.delayed or queue.ending)
