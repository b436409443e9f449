"""When a job can go at the earliest, as the contract reads: after those that stand before it."""

from collections.abc import Iterator
from copy import copy

from sharq_plug.model import MAX_DEQUEUE_BYTES, MAX_JOINS
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts


def earliest_at(queue: QueueFacts, life: Life, now: int) -> int | None:
    """Return the instant (ms) before which a job that waits or is delayed does not go.

    None is never, as far as time goes. Those before it go as soon as the queue lets them.
    """
    ahead = list(_ahead(queue, life, now))
    most = queue.in_effect.concurrency
    is_full = most is not None and len(queue.leased) + len(ahead) >= most
    if queue.in_effect.paused or is_full:
        return None
    account, at = copy(queue.account), max(now, queue.frozen_until or 0)
    for other in ahead:
        at = max([at, *(until for _, until in account.opens())])
        account.pay(other.extras.cost, at)
    return max([at, life.at or 0, *(until for _, until in account.opens())])


def _ahead(queue: QueueFacts, life: Life, now: int) -> Iterator[Life]:
    """Yield the jobs that surely go before a job, as far as its contract looks."""
    joined = sorted((one for one in queue.lives.values() if one.waits), key=_standing)
    found = joined[:MAX_JOINS] + queue.due(now)[:MAX_JOINS]
    size = 0
    for other in sorted(found, key=_standing):
        if other.standing >= life.standing or size > MAX_DEQUEUE_BYTES:
            return
        if other.ends_at is None:
            size += len(other.new.payload)
            yield other


def _standing(life: Life) -> tuple[int, bool, int]:
    return life.standing
