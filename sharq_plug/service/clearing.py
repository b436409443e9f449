"""Clear queues and types in bounded steps."""

from itertools import count

from sharq_plug.model import Clear, Cleared, check_name
from sharq_plug.service.calls import StoreCalls
from sharq_plug.store import QueueStore

QUEUE_LIMIT = 10
"""Jobs or letters that one store call removes from a queue. That takes Redis about 0.3 ms."""
TYPE_LIMIT = 3
"""Queues, or their jobs and letters, that one store call removes from a type. More in a call would
make dequeues beside it wait: their p99 at most doubles with this."""
TYPE_STEPS = 3000
"""Store calls in which one request clears a type: up to 9000 queues."""


class Clearing:
    """Remove jobs and dead letters of a queue or a type."""

    def __init__(self, store: QueueStore, calls: StoreCalls) -> None:
        self._store = store
        self._calls = calls

    async def clear(self, queue_type: str, what: Clear, *, cursor: str | None = None) -> Cleared:
        """Clear a whole queue, or clear a type from `cursor` on; return how many were removed.

        If there is more of the type to clear, the result has the cursor to go on from. Raises
        InvalidRequest, BrokenQueue, Overloaded, StoreUnavailable. Repeating the call is safe.
        """
        check_name("queue_type", queue_type)
        removed = Cleared(cursor=cursor)
        is_type = what.queue_id is None
        limit = TYPE_LIMIT if is_type else QUEUE_LIMIT
        for _ in range(TYPE_STEPS) if is_type else count():
            call = self._store.clear(queue_type, what, cursor=removed.cursor, limit=limit)
            removed = _together(removed, await self._calls.alone(call))
            if removed.cursor is None:
                break
        return removed


def _together(before: Cleared, step: Cleared) -> Cleared:
    return Cleared(
        waiting=before.waiting + step.waiting,
        leased=before.leased + step.leased,
        dead=before.dead + step.dead,
        delayed=before.delayed + step.delayed,
        cursor=step.cursor,
    )
