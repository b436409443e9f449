"""What must hold of a machine between any two calls."""

from collections import Counter
from math import inf
from typing import Any

from sharq_memory.benches import NO_BENCHES, Benches, Row, rows_on
from sharq_memory.dead import NO_LETTERS
from sharq_memory.defaults import Defaults, version_of
from sharq_memory.forgetting import forgotten_from
from sharq_memory.holds import held_until, holds, rules_of, uses_of
from sharq_memory.limits import Limiter, end_of
from sharq_memory.machine import Machine
from sharq_memory.queue import Job, Queue
from sharq_memory.shared import SharedLimit
from sharq_memory.state import TypeState
from sharq_memory.terms import Names
from sharq_plug.model import MAX_DEBT, MAX_WEIGHT, NO_SETTINGS


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
    _check_line(state, now)
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


def _check_line(state: TypeState, now: int) -> None:
    """Raise AssertionError unless each queue stands where it is to, and each entry."""
    standing = [queue for queue in state.queues.values() if queue.unleased]
    assert list(state.line.places) == sorted(
        (queue.ready_since, queue.place_number, queue) for queue in standing if not uses_of(queue)
    )
    assert not NO_BENCHES.limits
    assert not NO_BENCHES.doubts
    rows: dict[Names, list[Queue]] = {}
    for queue in standing:
        if uses_of(queue):
            rows.setdefault(uses_of(queue), []).append(queue)
    _check_benches(state.line.benches, rows, now)
    _check_uses(state, now)


def _check_benches(benches: Benches, rows: dict[Names, list[Queue]], now: int) -> None:
    """Raise AssertionError unless these queues stand in rows, and the rows on benches."""
    assert not benches.changed
    assert not benches.touched
    assert not benches.is_opened
    assert set(benches.rows) == set(rows)
    listed = sorted(
        (place, limit.name, row)
        for limit in benches.limits.values()
        for *place, row in rows_on(limit.bench)
    )
    for names, queues in rows.items():
        row: Row = benches.rows[names]
        assert row.names == names
        assert row.bench in names
        places = sorted((*queue.place(), queue) for queue in queues)
        assert list(row.places) == places
        assert row.first == places[0]
        assert ([*row.first[:2]], row.bench, row) in listed
    assert len(listed) == len(rows)
    entries = [(*limit.spot, limit) for limit in benches.limits.values() if limit.spot is not None]
    assert list(benches.entries or ()) == sorted(entries)
    for name, limit in benches.limits.items():
        _check_entry(limit, [place for place, of, _ in listed if of == name], now)


def _check_entry(limit: SharedLimit, bench: list[Any], now: int) -> None:
    """Raise AssertionError unless a shared limit stands in line where its bench puts it."""
    held_until = limit.held_until(now)
    if limit.spot is None:
        assert not bench or inf in {held_until, bench[0][0]}
        return
    first, number = bench[0]
    assert first <= limit.spot[0] <= max(now, held_until, first)
    assert limit.spot[1] == number


def _check_uses(state: TypeState, now: int) -> None:
    """Raise AssertionError unless what uses a shared limit is counted there."""
    defaults = () if state.defaults is None else state.defaults.settings.uses or ()
    uses, leased, queues = Counter(defaults), Counter[str](), Counter[str]()
    for queue in state.queues.values():
        charged = Counter(job.charged for job in queue.jobs.values() if job.charged)
        assert charged == (
            Counter() if queue.terms is None else Counter(dict(queue.terms.charges()))
        )
        for names, leases in charged.items():
            leased.update(dict.fromkeys(names, leases))
        if queue.terms is not None:
            assert queue.terms.counted == queue.terms.named(lives=bool(queue.jobs))
            assert queue.terms.row == (queue.terms.uses if queue.unleased else ())
            assert queue.jobs or not queue.terms.brought
            uses.update(queue.terms.counted)
            queues.update(queue.terms.row)
    for name, limit in state.limits.items():
        assert limit.name == name
        _check_limiter(limit.limiter)
        assert limit.limiter.held_until(limit.leased, now) == end_of(limit.holds(limit.leased, now))
        assert limit.limiter.last is None or limit.limiter.limits
        assert (limit.uses, limit.leased, limit.queues) == (uses[name], leased[name], queues[name])
    assert {*uses, *leased, *queues} <= set(state.limits)


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
    assert terms.limiter.rules == rules_of(queue, terms)
    assert 0 <= terms.turn < MAX_WEIGHT
    assert terms.turn == 0 or queue.ready_since is not None


def _check_taken_up(queue: Queue, state: TypeState) -> None:
    """Raise AssertionError unless `queue` has the defaults, or will be found by a walk."""
    defaults, line = state.defaults or Defaults(), state.line
    version = version_of(queue)
    assert version <= defaults.latest
    if version == defaults.version:
        assert queue.terms is None or queue.terms.defaults == defaults.settings
    elif queue.ready_since is not None and uses_of(queue):
        assert line.benches.doubts.walk is not None
        start, names, place = line.benches.doubts.walk
        assert names <= uses_of(queue)
        assert (place if names == uses_of(queue) else start) <= queue.place()
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
    end = end_of(holds(queue, now))
    assert held_until(queue, now) == end
    if queue.ready_since is not None:
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
