"""Why a job waits, and from when on it may go."""

from collections.abc import Iterator
from itertools import islice, takewhile

from msgspec.structs import replace

from sharq_memory.holds import holds, limiter_of
from sharq_memory.queue import Job, Queue
from sharq_plug.model import MAX_DEQUEUE_BYTES, MAX_JOINS, Hold, HoldKind, JobState, JobView


def explained(queue: Queue, job: Job, view: JobView, shared: tuple[Hold, ...], now: int) -> JobView:
    """Return the view of a job of `queue` that also tells why it waits, if it does.

    `shared` are the holds that it shares with other queues: of shared limits, and of the gate.
    """
    if view.state is JobState.LEASED:
        return view
    return replace(
        view,
        held_by=_held_by(queue, view.at, now) + shared,
        earliest_at=_earliest_at(queue, job, max(now, view.at or 0), now),
    )


def _held_by(queue: Queue, at: int | None, now: int) -> tuple[Hold, ...]:
    """Return the holds of a job of `queue` that is delayed until `at` (ms), or waits."""
    held = [hold for hold in holds(queue, now) if hold.kind is not HoldKind.DELAY]
    if at is not None:
        limits = sum(hold.kind is HoldKind.LIMIT for hold in held)
        held.insert(limits, Hold(HoldKind.DELAY, at))
    return tuple(held)


def _earliest_at(queue: Queue, job: Job, due_at: int, now: int) -> int | None:
    """Return the instant (ms) before which a job that is due at `due_at` does not go."""
    limiter = limiter_of(queue)
    concurrency = limiter.rules.concurrency
    if limiter.rules.paused:
        return None
    instant = max(now, limiter.frozen_until)
    if not limiter.limits and concurrency is None:
        return max(instant, due_at)
    leased = queue.leased
    limiter.bring_to(now)
    for ahead in _ahead_of(queue, job, now):
        instant = limiter.allows_from(instant)
        limiter.pay(ahead.cost, instant)
        leased += 1
    if concurrency is not None and leased >= concurrency:
        return None
    return max(limiter.allows_from(instant), due_at)


def _ahead_of(queue: Queue, job: Job, now: int) -> Iterator[Job]:
    """Iterate over the jobs that wait, stand before `job`, and have no ttl.

    The first MAX_JOINS that have joined and that are due are looked at, until their payloads
    exceed MAX_DEQUEUE_BYTES.
    """
    joined = takewhile(lambda other: other.place < job.place, queue.waiting_jobs())
    due = (entry[-1] for entry in islice(queue.due_from((), now), MAX_JOINS))
    ahead = [*islice(joined, MAX_JOINS), *(other for other in due if other.place < job.place)]
    room = MAX_DEQUEUE_BYTES
    for other in sorted(ahead, key=lambda other: other.place):
        if room < 0:
            break
        room -= len(other.payload)
        if other.rare is None or other.rare.ends_at is None:
            yield other
