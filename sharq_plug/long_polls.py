"""Long polls: callers that wait for a job of a type, in a line, and never ask in a loop."""

import asyncio
from collections.abc import Callable, Sequence

from sharq_plug.arrivals import Arrivals
from sharq_plug.deadlines import Deadlines
from sharq_plug.line import Caller, Line
from sharq_plug.model import Dequeued, LeasedJob
from sharq_plug.passes import RECLAIM_LIMIT
from sharq_plug.store import QueueStore

LOOK_INTERVAL = 5.0
"""Seconds after which the store is asked though nothing was heard: a wake-up can get lost."""
LINGER = 30.0
"""Seconds that a type is still watched after its last caller has left."""
MAX_LINES = 100
"""Past so many, a line that is empty does not linger."""
CLOSE_TIMEOUT = 5.0
"""Seconds that the lines may take to their end."""


class LongPolls:
    """Dequeue for callers that wait, a line of them for each queue type.

    Leases last `lease` ms. `hand_back` is told of jobs whose caller has gone.
    """

    def __init__(
        self,
        store: QueueStore,
        *,
        lease: int,
        hand_back: Callable[[str, Sequence[LeasedJob]], None],
        arrivals: Arrivals,
        deadlines: Deadlines,
    ) -> None:
        self._store = store
        self._lease = lease
        self._hand_back = hand_back
        self._arrivals = arrivals
        self._deadlines = deadlines
        self._lines: dict[str, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.ended = False

    async def dequeue(
        self, queue_type: str, *, count: int, wait: int, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease up to `count` jobs as soon as one is ready; after `wait` ms answer without any.

        Callers are served in the order in which they came. No caller is answered without jobs
        before the store has been asked for it. Raises what the store raises.
        """
        if self.ended:
            return Dequeued((), now=0)
        line = self._lines.get(queue_type) or self._open(queue_type)
        caller = Caller(count, attempt_id)
        try:
            return await line.join(caller, wait / 1000)
        except asyncio.CancelledError:
            if attempt_id is None:  # else it comes back for its jobs
                self._hand_back(queue_type, caller.untaken_jobs())
            raise
        finally:
            if len(self._lines) > MAX_LINES:
                line.wake_if_empty()

    def end(self) -> None:
        """Let the time of every caller be up; those that still come do not wait."""
        self.ended = True
        for line in self._lines.values():
            line.end()

    async def close(self) -> None:
        """End, and let what is under way come to its end."""
        self.end()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)

    def _open(self, queue_type: str) -> Line:
        line = self._lines[queue_type] = Line(self._deadlines, look_interval=LOOK_INTERVAL)
        task = asyncio.create_task(self._serve(queue_type, line), name=f"long polls {queue_type}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return line

    async def _serve(self, queue_type: str, line: Line) -> None:
        """Dequeue when there is something to get, for as long as anybody waits."""
        try:
            async with self._store.watching(queue_type, line.wake):
                while await line.is_needed(LINGER if len(self._lines) <= MAX_LINES else 0):
                    await self._ask(queue_type, line)
                    await line.sleep()
                del self._lines[queue_type]  # who comes while the watch ends gets a new line
        except Exception as error:  # whatever it is, it is the callers'
            if self._lines.get(queue_type) is line:
                del self._lines[queue_type]
            line.fail(error)

    async def _ask(self, queue_type: str, line: Line) -> None:
        """Dequeue for those who come first in a line; keep no job longer than that."""
        first, count = line.first_callers()
        is_repeatable = first.attempt_id is not None
        turn = self._arrivals.turn(queue_type, count, is_repeatable=is_repeatable)
        try:
            if not turn.has_come:
                await turn.wait()
            if not line.has_callers():
                return
            first, count = line.begin_asking()
            dequeued = await self._store.dequeue(
                queue_type, count=count, lease=self._lease, attempt_id=first.attempt_id
            )
        finally:
            turn.end()
        is_repeatable = first.attempt_id is not None
        self._arrivals.arrived(queue_type, count, dequeued, is_repeatable=is_repeatable)
        self._hand_back(queue_type, line.give(first, dequeued))
        if line.end_asking(dequeued):
            await self._store.reclaim(queue_type, limit=RECLAIM_LIMIT)
