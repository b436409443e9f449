"""The state of one type as rows of plain values, and back.

A row is (VERSION, kind, ...). It holds what is known nowhere else: indexes follow from it.
What waits to be freed is in no row.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from msgspec import convert, to_builtins
from msgspec.structs import astuple, replace

from sharq_memory.dead import DeadLetter
from sharq_memory.defaults import Defaults
from sharq_memory.doubts import Walk
from sharq_memory.gate import Gate
from sharq_memory.queue import Job, Queue, Rare
from sharq_memory.shared import SharedLimit
from sharq_memory.state import TypeState
from sharq_memory.tally import Tally
from sharq_memory.terms import Terms
from sharq_memory.totals import Counters
from sharq_plug.model import LeaseRef

Row: TypeAlias = tuple[Any, ...]

VERSION = 5
"""Changes with the meaning of any row."""


def rows_of_type(state: TypeState) -> Iterator[Row]:
    """Yield what `put_row` is to be given, in this order: kind, queue type, the other values."""
    name = state.queue_type
    tally, totals = state.tally.row(), astuple(state.totals)
    rules = to_builtins(state.gate), to_builtins(state.defaults)
    line, benches = state.line, state.line.benches
    doubted = line.doubtful, benches.doubts.walk, benches.doubts.limits
    yield "type", name, line.number, *doubted, tally, totals, *rules
    for limit in state.limits.values():
        yield "limit", name, to_builtins(replace(limit, bench=None))
    for queue in state.queues.values():
        yield "queue", name, *_row_of_queue(queue)
        for job in queue.jobs.values():
            yield "job", name, queue.queue_id, *_row_of_job(job)
    for row in benches.rows.values():
        yield "row", name, row.names, row.bench
    for number, letter in state.dead.by_number.items():
        yield "letter", name, number, to_builtins(letter), state.dead.looked_at
    for ref, until in state.receipts.items():
        yield "receipt", name, until, *astuple(ref)
    for attempt_id, until, refs in state.attempts.items():
        yield "attempt", name, attempt_id, until, tuple(astuple(ref) for ref in refs)
    for key, until, remembered in state.keys.items():
        yield "key", name, *key, until, *remembered


def put_row(state: TypeState, kind: str, values: Sequence[Any]) -> None:
    """Put one row into a state; raise ValueError if its kind is not known."""
    match kind, *values:
        case "type", number, doubtful, walk, limits, tally, totals, gate, defaults:
            state.line.number = number
            state.line.doubtful = None if doubtful is None else tuple(doubtful)
            if walk is not None or limits is not None:
                doubts = state.line.own_benches().doubts
                doubts.walk, doubts.limits = convert(walk, Walk | None), limits
            state.tally = Tally.of_row(tally)
            state.totals = Counters(*totals)
            state.gate = convert(gate, Gate | None)
            state.defaults = convert(defaults, Defaults | None)
        case "limit", limit:
            state.line.own_benches().put(convert(limit, SharedLimit))
        case "row", names, bench:
            row = state.line.benches.row_of(tuple(names))
            row.bench = bench
            state.line.benches.seat(row, row.places.first())
        case "queue", *_:
            _put_queue(state, values)
        case "job", queue_id, *job:
            *plain, rare, charged = job
            new = Job(*plain)
            new.rare = None if rare is None else convert(rare, Rare)
            new.charged = tuple(charged)
            _put_job(state, state.queues[queue_id], new)
        case "letter", number, letter, looked_at:
            state.keep_letter(number, convert(letter, DeadLetter), looked_at)
        case "receipt", until, *ref:
            state.receipts.keep(LeaseRef(*ref), until)
        case "attempt", attempt_id, until, refs:
            state.attempts.keep(attempt_id, tuple(LeaseRef(*ref) for ref in refs), until)
        case "key", queue_id, key, until, job_id, number:
            state.keys.put((queue_id, key), until, (job_id, number))
        case _:
            raise ValueError(f"a row of an unknown kind: {kind}")


def _row_of_queue(queue: Queue) -> Row:
    place = None if queue.ready_since is None else (queue.ready_since, queue.place_number)
    return (
        queue.queue_id,
        queue.interval,
        queue.last,
        place,
        queue.looked_at,
        queue.tally.row(),
        None if queue.terms is None else to_builtins(queue.terms),
    )


def _put_queue(state: TypeState, values: Sequence[Any]) -> None:
    queue_id, interval, last, place, looked_at, tally, terms = values
    queue = Queue(queue_id, interval, last, Tally.of_row(tally))
    state.queues[queue_id] = queue
    queue.terms = None if terms is None else convert(terms, Terms)
    if place is not None:
        queue.ready_since, queue.place_number = place
        state.line.put_back(queue)
    if looked_at is not None:
        state.forgetting.list(queue, looked_at)


def _row_of_job(job: Job) -> Row:
    return (
        job.job_id,
        job.payload,
        job.requeues,
        job.place,
        job.enqueued_at,
        job.attempt,
        job.token,
        job.expires_at,
        job.leased_at,
        None if job.rare is None else to_builtins(job.rare),
        job.charged,
    )


def _put_job(state: TypeState, queue: Queue, job: Job) -> None:
    state.existing += not queue.jobs
    if job.token is None:
        rare = job.rare
        if rare is None or rare.at is None:
            queue.add_waiting(job)
        else:
            queue.add_delayed(job, rare, rare.at)
        if rare is not None and rare.ends_at is not None:
            queue.list_end(job, rare.ends_at)
        if rare is not None:
            state.note_times(queue)
        return
    queue.jobs[job.job_id] = job
    queue.add_lease(job)
    first = queue.first_lease().expires_at
    if first != queue.expiring:
        state.expiring.list(queue, first)
