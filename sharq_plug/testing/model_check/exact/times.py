"""What time brings to the jobs of a type: who is ready, due, expired or ended, and when."""

from collections.abc import Collection

from sharq_plug.model import MAX_DROPS, DeathReason, Retention
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts


def is_named(queue_id: str, names: Collection[str] | None) -> bool:
    """Return whether a queue is one of `names`; None names all."""
    return names is None or queue_id in names


def first_ready(
    ledger: TypeLedger, now: int, names: Collection[str] | None = None
) -> QueueFacts | None:
    """Return the first of the named queues in line that is ready at `now` (ms)."""
    named = [queue for queue in ledger.queues.values() if is_named(queue.queue_id, names)]
    line = [(queue.place, queue) for queue in named if queue.place is not None]
    place, first = min(line, key=lambda one: one[0], default=((now + 1, 0), None))
    return first if place[0] <= now else None


def line_up(
    ledger: TypeLedger, moves: int, now: int, names: Collection[str] | None
) -> tuple[QueueFacts | None, int]:
    """Do what a dequeue does to the line of the named queues before it serves its first queue.

    At each queue that stands first, due jobs join and ended ones die, until the first job of one
    may go. Return that queue (None: there is none) and how many of the `moves` are left.
    """
    while moves and (queue := first_ready(ledger, now, names)) is not None:
        for life in queue.due(now)[:moves]:
            life.at = None
            moves -= 1
        while moves and (head := queue.head) is not None and head.has_ended(now):
            ledger.died(head, DeathReason.EXPIRED, now)
            moves -= 1
        ledger.take_place(queue, now)
        if (head := queue.head) is not None and not head.has_ended(now):
            return queue, moves
    return None, moves


def expired(ledger: TypeLedger, now: int) -> list[Life]:
    """Return the jobs whose leases have expired at `now` (ms), in the order of their ends."""
    leased = [life for queue in ledger.queues.values() for life in queue.leased]
    leased = [life for life in leased if life.expires_at <= now]
    return sorted(leased, key=lambda life: (life.expires_at, life.new.queue_id, life.number))


def keep_time(ledger: TypeLedger, limit: int, retention: Retention, now: int) -> None:
    """Do what a step of tending does to jobs without a lease, of each kind up to `limit`."""
    timed = [(_earliest(queue, now), queue.queue_id) for queue in ledger.queues.values()]
    joins = deaths = limit
    for _, queue_id in sorted((at, queue_id) for at, queue_id in timed if at is not None):
        if joins <= 0 or deaths <= 0:
            break
        queue = ledger.queues[queue_id]
        due = queue.due(now)[:joins]
        for life in due:
            life.at = None
        if due:
            ledger.take_place(queue, now)
        ended = _ended(queue, now)[:deaths]
        for life in ended:
            ledger.died(life, DeathReason.EXPIRED, now)
        joins, deaths = joins - len(due), deaths - len(ended)
    for letter in ledger.letters.too_old(retention, now)[: min(limit, MAX_DROPS)]:
        ledger.letters.remove(letter, "aged_out")


def is_kept(ledger: TypeLedger, retention: Retention, now: int) -> bool:
    """Return whether nothing is left for `keep_time` to do."""
    is_due = any(_earliest(queue, now) is not None for queue in ledger.queues.values())
    return not (is_due or ledger.letters.too_old(retention, now))


def _earliest(queue: QueueFacts, now: int) -> int | None:
    """Return when the first job of a queue was due or ended, if one is at `now` (ms)."""
    ats = [life.at for life in queue.due(now)] + [life.ends_at for life in _ended(queue, now)]
    return min((at for at in ats if at is not None), default=None)


def _ended(queue: QueueFacts, now: int) -> list[Life]:
    """Return the jobs that are not leased and whose ttl has passed, in the order of their ends."""
    lives = queue.lives.values()
    ended = [life for life in lives if life.token is None and life.has_ended(now)]
    return sorted(ended, key=lambda life: (life.ends_at, life.number))


def next_ready_at(
    ledger: TypeLedger, names: Collection[str] | None, now: int
) -> tuple[int | None, int | None]:
    """Return the earliest and the latest instant (ms) that may be named at `now` for queues.

    No job can be ready before a queue's place says so or a lease expires: that is the earliest. A
    job surely is ready when a place says so and the ttl of one of its jobs has not passed by then,
    or when a lease has expired, leaves a requeue and its queue's rate allows: that is the latest.
    None is never.
    """
    earliest, latest = [], []
    for queue in ledger.queues.values():
        if not is_named(queue.queue_id, names):
            continue
        if queue.place is not None:
            earliest.append(queue.place[0])
            if any(_can_go(life, max(queue.place[0], now)) for life in queue.lives.values()):
                latest.append(queue.place[0])
        for life in queue.leased:
            earliest.append(life.expires_at)
            delay = life.extras.requeue_delay
            ready_at = life.expires_at + (0 if delay is None else delay.after(life.penalties + 1))
            ready_at = max(ready_at, queue.allowed_at, now)
            if life.requeues and not life.has_ended(ready_at):
                latest.append(ready_at)
    return min(earliest, default=None), min(latest, default=None)


def wrong_instant(
    ledger: TypeLedger, found: int | None, names: Collection[str] | None, now: int
) -> str | None:
    """Return what is wrong about a `next_ready_at` of queues that is told at `now` (ms)."""
    earliest, latest = next_ready_at(ledger, names, now)
    is_early = found is not None and (earliest is None or found < max(earliest, now))
    is_late = latest is not None and (found is None or found > max(latest, now))
    if is_early or is_late:
        return f"next_ready_at is {found}, and must be from {earliest} to {latest}"
    return None


def _can_go(life: Life, at: int) -> bool:
    is_due = life.token is None and (life.at is None or life.at <= at)
    return is_due and not life.has_ended(at)
