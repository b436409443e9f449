"""What must hold of a machine between any two calls."""

from math import inf

from msgspec.structs import replace

from sharq_memory.dead import NO_LETTERS
from sharq_memory.defaults import Defaults, version_of
from sharq_memory.forgetting import forgotten_from
from sharq_memory.holds import holds
from sharq_memory.limits import Limiter, end_of
from sharq_memory.machine import Machine
from sharq_memory.queue import Job, Queue
from sharq_memory.state import TypeState
from sharq_plug.model import MAX_DEBT, MAX_WEIGHT, NO_SETTINGS, limits_of_interval


def check_machine(machine: Machine, now: int) -> None:
    """Raise AssertionError if the structures disagree at `now` (ms), the latest instant."""
    for queue_type, state in machine.types.items():
        assert state.queue_type == queue_type
        assert state.noted_due <= state.due <= max(now, state.next_due())
        _check_type(state, now)


def _check_type(state: TypeState, now: int) -> None:
    for queue_id, queue in state.queues.items():
        assert queue.queue_id == queue_id
        _check_queue(queue, now)
        _check_terms(queue)
        _check_taken_up(queue, state)
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
    _check_rules(state)


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


def _check_rules(state: TypeState) -> None:
    """Raise AssertionError unless the gate and the defaults can be what they are."""
    gate, defaults = state.gate, state.defaults
    if gate is not None:
        _check_limiter(gate.limiter)
        assert gate.limiter.last is None or gate.limiter.limits
    if defaults is not None:
        assert defaults.version == (0 if defaults.settings == NO_SETTINGS else defaults.latest)


def _check_limiter(limiter: Limiter) -> None:
    assert len(limiter.debts) == len(limiter.limits)
    assert all(0 <= debt <= MAX_DEBT for debt in limiter.debts)
    assert limiter.last is not None or not any(limiter.debts)


def _check_terms(queue: Queue) -> None:
    """Raise AssertionError unless what is in effect follows from what is set, and what is paid."""
    terms = queue.terms
    if terms is None:
        return
    _check_limiter(terms.limiter)
    assert queue.last is None
    rules = terms.settings.or_else(terms.defaults)
    limits = limits_of_interval(queue.interval) if rules.limits is None else rules.limits
    assert terms.limiter.rules == replace(rules, limits=limits)
    assert 0 <= terms.turn < MAX_WEIGHT
    assert terms.turn == 0 or queue.ready_since is not None


def _check_taken_up(queue: Queue, state: TypeState) -> None:
    """Raise AssertionError unless `queue` has the defaults, or will be found by a walk."""
    defaults, line = state.defaults or Defaults(), state.line
    version = version_of(queue)
    assert version <= defaults.latest
    if version == defaults.version:
        assert queue.terms is None or queue.terms.defaults == defaults.settings
    elif queue.ready_since is not None:
        assert line.doubtful is not None
        assert line.doubtful <= queue.place()


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
    if not queue.jobs and forgotten_from(queue) < inf:
        assert queue.looked_at is not None
        assert queue.looked_at <= forgotten_from(queue)
    assert (queue.ready_since is None) == (not unleased)
    if queue.ready_since is not None:
        end = end_of(holds(queue, now))
        assert end <= max(now, queue.ready_since)
        assert (end == inf) == (queue.ready_since == inf)
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
