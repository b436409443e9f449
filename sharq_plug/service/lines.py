"""Keep lines of callers, and ask the store for them."""

import asyncio
from contextvars import Context

from sharq_plug.model import Dequeued, Take
from sharq_plug.service.admission import Admission
from sharq_plug.service.arrivals import Arrivals
from sharq_plug.service.caller import Caller
from sharq_plug.service.calls import StoreCalls
from sharq_plug.service.deadlines import Deadlines
from sharq_plug.service.group import Group
from sharq_plug.service.line import Key, Line
from sharq_plug.service.watches import Watches
from sharq_plug.store import QueueStore

MAX_IDLE_LINES = 1000
CLOSE_TIMEOUT = 5.0
"""Seconds that `close` waits for store calls under way."""


class Lines:
    """Dequeue for callers of every type.

    Concurrent callers of a type share a store call, in which each has a take. Callers that name
    queues have lines of their own: what is foreseen for others says nothing to them. Jobs whose
    caller has left are handed back through `calls`. `admission` counts the callers that do not
    wait.
    """

    def __init__(
        self,
        store: QueueStore,
        *,
        calls: StoreCalls,
        admission: Admission,
        deadlines: Deadlines,
    ) -> None:
        self._store = store
        self._calls = calls
        self._admission = admission
        self._arrivals = Arrivals()
        self._deadlines = deadlines
        self._loop = asyncio.get_running_loop()  # on Python 3.11 this is a system call
        self._lines: dict[Key, Line] = {}
        self._watches = Watches(store)
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_ended = False

    @property
    def waiting_callers(self) -> int:
        """The number of waiting callers for which the store had no job so far."""
        return sum(line.count_waiting() for line in self._lines.values())

    async def dequeue(self, queue_type: str, take: Take, *, wait: int = 0) -> Dequeued:
        """Lease jobs for one caller; if none is ready, wait up to `wait` ms for the first.

        Raises Overloaded and what the store raises.
        """
        if wait and not self._has_ended:
            return await self._dequeue_within(queue_type, take, wait)
        self._admission.enter()
        line = self._line(queue_type, take)
        caller = Caller(take, self._loop.create_future(), may_wait=False)
        self._deadlines.watch(caller.answer)
        line.add(caller)
        if not line.calls or line.has_work():
            self._start(line)
        try:
            return await caller.answer
        except BaseException:  # cancelled or not: it takes no answer any more
            self._leave(line, caller)
            raise
        finally:
            self._deadlines.forget(caller.answer)
            if caller.is_asked:
                caller.has_left = True
            else:
                self._admission.leave()

    def end(self) -> None:
        """End the wait of every caller. Callers that still come do not wait."""
        self._has_ended = True
        self._watches.end()
        for line in list(self._lines.values()):
            line.end()

    async def close(self) -> None:
        """End all waits, and wait for the store calls under way."""
        self.end()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)
        await asyncio.sleep(0)  # callers that were just answered may hand back jobs
        await self._watches.close()

    async def _dequeue_within(self, queue_type: str, take: Take, wait: int) -> Dequeued:
        line = self._line(queue_type, take)
        caller = Caller(take, self._loop.create_future(), may_wait=True)
        line.add(caller)
        timer = self._loop.call_later(wait / 1000, line.time_is_up, caller)
        try:
            with self._watches.keep(line):
                self._go_on(line)
                return await caller.answer
        except BaseException:  # cancelled or not: it takes no answer any more
            self._leave(line, caller)
            raise
        finally:
            timer.cancel()
            self._deadlines.forget(caller.answer)

    def _leave(self, line: Line, caller: Caller) -> None:
        """Remove a caller that gave up. Hand back the jobs that it did not take."""
        line.remove(caller)
        late = caller.late_answer()
        if late is not None and caller.take.attempt_id is None:  # else it comes back for them
            self._calls.hand_back(line.queue_type, late.jobs)

    def _line(self, queue_type: str, take: Take) -> Line:
        """Return the line that a caller joins."""
        queues = take.queues
        key = queue_type, None if queues is None else frozenset(queues)
        return self._lines.get(key) or self._open(key)

    def _open(self, key: Key) -> Line:
        if len(self._lines) >= MAX_IDLE_LINES:
            self._lines = {key: line for key, line in self._lines.items() if not line.is_idle()}
        line = Line(key, arrivals=self._arrivals, deadlines=self._deadlines, go_on=self._go_on)
        self._lines[key] = line
        return line

    def _go_on(self, line: Line) -> None:
        """Ask the store for jobs for a line, if it has work."""
        if line.has_work():
            self._start(line)

    def _start(self, line: Line) -> None:
        line.calls += 1
        # In a context of its own: a log names the request that it finds in the context.
        self._tasks.add(self._loop.create_task(self._serve(line), context=Context()))

    async def _serve(self, line: Line) -> None:
        """Make store calls for a line, one after the other, until it has no work."""
        try:
            while group := line.choose():
                self._go_on(line)
                await self._ask(line, group)
        finally:
            line.calls -= 1
            task = asyncio.current_task(self._loop)
            if task is not None:
                self._tasks.discard(task)

    async def _ask(self, line: Line, group: Group) -> None:
        queue_type = line.queue_type
        room, size = self._arrivals.room_for(queue_type, group.takes)
        if not room.take(size):
            await room.wait(queue_type, size)
            group.drop_absent()
        try:
            if group.takes:
                number = line.begin_call()
                answers = await self._store.dequeue(queue_type, group.takes)
                self._arrivals.learn(queue_type, group.takes, answers)
                if untaken := line.end_call(number, group, answers):
                    self._calls.hand_back(queue_type, untaken)
        except Exception as error:  # any error belongs to the callers, the waiting ones included
            for caller in group.members:
                caller.fail(error)
            line.fail(error)
            self._watches.stop(line)
        finally:
            room.give(size)
            for _ in range(line.release(group)):
                self._admission.leave()
