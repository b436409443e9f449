"""The holds of a queue. All arithmetic of rates is in this module.

A queue keeps an instant, `last`: its latest dequeue. Its debt as of then is one unit, which it
earns back over its interval. It may be dequeued again when its debt is 0. A new interval keeps the
unit that is owed. A queue that was never dequeued owes nothing. While all its jobs are delayed, the
first that will be due holds it.
"""

from sharq_memory.queue import Queue


def holds(queue: Queue, now: int) -> tuple[int, ...]:
    """Return for each hold of `queue` that stands at `now` the instant (ms) at which it ends."""
    held: tuple[int, ...] = ()
    if queue.last is not None and queue.last + queue.interval > now:
        held = (queue.last + queue.interval,)
    if queue.head is None and queue.delayed is not None and queue.delayed[0][0] > now:
        held = (*held, queue.delayed[0][0])
    return held


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
    if paid_at(queue) <= now:
        queue.last = None


def paid_at(queue: Queue) -> int:
    """Return the instant (ms) from which on `queue` owes nothing."""
    return 0 if queue.last is None else queue.last + queue.interval
