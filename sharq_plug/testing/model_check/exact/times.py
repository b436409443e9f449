"""What time brings to the jobs of a type: who is ready, due, expired or ended, and when."""

from collections.abc import Collection
from math import inf

from sharq_plug.model import MAX_DROPS, DeathReason, Retention
from sharq_plug.testing.model_check.exact.facts import CallWork
from sharq_plug.testing.model_check.exact.holds import timed_end
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts


def is_named(queue_id: str, names: Collection[str] | None) -> bool:
    """Return whether a queue is one of `names`; None names all."""
    return names is None or queue_id in names


def first_ready(
    ledger: TypeLedger, call: CallWork, now: int, names: Collection[str] | None
) -> QueueFacts | None:
    """Return the first of the queues in line that is ready at `now` (ms), or of the named ones.

    The entries of shared limits that are ahead of it are passed on, as many as the call may.
    """
    line = {
        queue.place: queue
        for queue in ledger.queues.values()
        if queue.place is not None and is_named(queue.queue_id, names)
    }
    if names is not None:
        ready = [place for place, queue in line.items() if ledger.is_ready(queue, now)]
        return line[min(ready)] if ready else None
    while call.row_moves:
        entries = {place: name for name, place in ledger.benches.entries.items()}
        places = [place for place, queue in line.items() if not queue.row]
        first = min([*places, *entries], default=(inf, 0))
        if first[0] > now:
            return None
        if first not in entries:
            return line[first]
        row = ledger.benches.next_row(entries[first], now)
        if row is not None:
            return line[row]
        call.row_moves -= 1
    return None


def line_up(
    ledger: TypeLedger, call: CallWork, now: int, names: Collection[str] | None
) -> QueueFacts | None:
    """Do what a dequeue does to the line of the named queues before it serves its first queue.

    While the gate is open, each queue that stands first takes up changed defaults; then its due
    jobs join and ended ones die, until the first job of one may go. Return that queue (None: there
    is none).
    """
    while call.moves and call.heads and call.row_moves and not ledger.gate_holds(now):
        queue = first_ready(ledger, call, now, names)
        if queue is None:
            break
        if ledger.is_pending(queue):
            ledger.take_place(queue, now)
            call.heads -= 1
            continue
        for life in queue.due(now)[: call.moves]:
            life.at = None
            call.moves -= 1
        while call.moves and (head := queue.head) is not None and head.has_ended(now):
            ledger.died(head, DeathReason.EXPIRED, now)
            call.moves -= 1
        ledger.take_place(queue, now)
        if (head := queue.head) is not None and not head.has_ended(now):
            return queue
    return None


def expired(ledger: TypeLedger, now: int) -> list[Life]:
    """Return the jobs whose leases have expired at `now` (ms), in the order of their ends."""
    leased = [life for queue in ledger.queues.values() for life in queue.leased]
    leased = [life for life in leased if life.expires_at <= now]
    return sorted(leased, key=lambda life: (life.expires_at, life.new.queue_id, life.number))


def keep_time(ledger: TypeLedger, limit: int, retention: Retention, take_up: int, now: int) -> None:
    """Do what a step of tending does to jobs without a lease, of each kind up to `limit`.

    The first `take_up` queues that have not taken up the defaults do so.
    """
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
    for queue in ledger.pending()[:take_up]:
        ledger.take_place(queue, now)


def is_kept(ledger: TypeLedger, retention: Retention, now: int) -> bool:
    """Return whether nothing is left for `keep_time` to do."""
    is_due = any(_earliest(queue, now) is not None for queue in ledger.queues.values())
    return not (is_due or ledger.pending() or ledger.letters.too_old(retention, now))


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
    job surely is ready when nothing holds its queue any more and its ttl has not passed by then:
    that is the latest. Neither comes before the gate opens. None is never. A row is ready when the
    entry of the shared limit says so on whose bench it stands, or (named) if all of its are open.
    """
    ends = ledger.lease_ends()
    first_end = min(ends, default=None)
    gate_opens, gate_surely_opens = ledger.gate.opens(ends, first_end, now)
    earliest: list[float] = []
    latest: list[float] = []
    if names is None:
        earliest += [since for since, _ in ledger.benches.entries.values()]
    for queue in (ledger.queues[queue_id] for queue_id in ledger.existing()):
        is_paused = queue.in_effect.paused
        if not is_named(queue.queue_id, names) or (is_paused and names is not None):
            continue
        opens, surely_opens = ledger.benches.opens(queue.uses, first_end, now)
        own = [] if queue.place is None or (queue.row and names is None) else [queue.place[0]]
        own += [life.expires_at for life in queue.leased]
        earliest += own if names is None else [max(at, opens) for at in own]
        if is_paused or surely_opens == inf:
            continue
        surely_opens = max(_opens(queue, now), int(surely_opens))
        ready = [_ready_at(life, surely_opens) for life in queue.lives.values()]
        latest += [at for at in ready if at is not None]
    first, last = min(earliest, default=inf), min(latest, default=inf)
    return _finite(max(first, gate_opens)), _finite(max(last, gate_surely_opens))


def _finite(instant: float) -> int | None:
    return int(instant) if instant < inf else None


def _opens(queue: QueueFacts, now: int) -> int:
    """Return when (ms) the last hold ends that is not a delay, if expired leases end."""
    opens = timed_end(queue.holds_of(None, now), now)
    most = queue.in_effect.concurrency
    ends = sorted(life.expires_at for life in queue.leased)
    return opens if most is None or len(ends) < most else max(opens, ends[-most])


def _ready_at(life: Life, opens: int) -> int | None:
    """Return when (ms) a job can go whose queue `opens`, None if it never does for sure."""
    if life.token is None:
        at = life.at or 0
    elif life.requeues == 0:
        return None
    else:
        delay = life.extras.requeue_delay
        at = life.expires_at + (0 if delay is None else delay.after(life.penalties + 1))
    ready_at = max(at, opens)
    return None if life.has_ended(ready_at) else ready_at


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
