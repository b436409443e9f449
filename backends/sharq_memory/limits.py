"""The holds of a queue. All arithmetic of rates is in this module.

A queue keeps an instant, `last`: its latest dequeue. Its debt as of then is one unit, which it
earns back over its interval. It may be dequeued again when its debt is 0. A new interval keeps the
unit that is owed. A queue that was never dequeued owes nothing.
"""

from sharq_memory.queue import Queue


def holds(queue: Queue, now: int) -> tuple[int, ...]:
    """Return for each hold of `queue` that stands at `now` the instant (ms) at which it ends."""
    if queue.last is None:
        return ()
    ends_at = queue.last + queue.interval
    return (ends_at,) if ends_at > now else ()


def take_up(queue: Queue, now: int) -> None:
    """Bring `queue` to `now`: where the clock stepped back behind `last`, what is owed stays."""
    if queue.last is not None and queue.last > now:
        queue.last = now


def pay(queue: Queue, now: int) -> None:
    """Note a dequeue of `queue`."""
    queue.last = now


def forget_if_paid(queue: Queue, now: int) -> None:
    """Forget the latest dequeue of `queue`, which has no jobs, if nothing holds it."""
    take_up(queue, now)
    if not holds(queue, now):
        queue.last = None


def paid_at(queue: Queue) -> int:
    """Return the instant (ms) from which on `queue` owes nothing."""
    return 0 if queue.last is None else queue.last + queue.interval
