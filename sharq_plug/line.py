"""A line of callers that wait for jobs of one type, and what is known of when one will be ready."""

import asyncio
import contextlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

from sharq_plug.deadlines import Deadlines
from sharq_plug.model import Dequeued, LeasedJob

MAX_COUNT = 128
"""Jobs that are asked for at once on behalf of several callers."""


class Caller:
    """One who waits for up to `count` jobs."""

    __slots__ = ("answer", "attempt_id", "count", "joined")

    def __init__(self, count: int, attempt_id: str | None) -> None:
        self.count = count
        self.attempt_id = attempt_id
        self.joined = 0
        self.answer: asyncio.Future[Dequeued] = asyncio.get_running_loop().create_future()

    def untaken_jobs(self) -> Sequence[LeasedJob]:
        """Return the jobs in an answer that came too late."""
        if self.answer.cancelled() or not self.answer.done() or self.answer.exception():
            return ()
        return self.answer.result().jobs


class Line:
    """The callers that wait for jobs of one type, and what is known of when one will be ready.

    What a dequeue has told holds until that instant or a wake-up: who joins meanwhile need not
    ask. When its time is up it is asked for once, since a wake-up can be late. Dequeues are
    numbered: a caller was asked for if one that began after it joined has told that there is
    nothing. After `look_interval` it is time to ask though nothing was heard. Instants are those
    of the event loop's clock, in seconds.
    """

    def __init__(self, deadlines: Deadlines, *, look_interval: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._look_interval = look_interval
        self._deadlines = deadlines
        self._callers: OrderedDict[Caller, None] = OrderedDict()
        self._overdue: dict[Caller, int] = {}  # the latest dequeue when its time was up
        self._latest = 0
        self._latest_in_vain = 0  # the latest that has told that there is nothing
        self._joined = asyncio.Event()
        self._is_due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._now: int | None = None  # the latest answer's (ms); None while the next is awaited
        self._known_at = 0.0
        self._ready_at = math.inf
        self._is_in_vain = False
        self._is_reclaiming = False
        self._has_ended = False

    async def join(self, caller: Caller, seconds: float) -> Dequeued:
        """Wait in the line for so long."""
        caller.joined = self._latest
        self._callers[caller] = None
        self._joined.set()
        timer = self._loop.call_later(seconds, self._give_up, caller)
        try:
            return await caller.answer
        finally:
            timer.cancel()
            self._callers.pop(caller, None)
            self._overdue.pop(caller, None)
            self._deadlines.forget(caller.answer)

    def wake(self, delay: int) -> None:
        """Note that a job may be ready in so many ms."""
        self._is_in_vain = False
        self._ready_at = min(self._ready_at, self._loop.time() + delay / 1000)
        self._set_timer()

    def wake_if_empty(self) -> None:
        """Let a line without callers come to its end, or linger, now."""
        if not self._callers:
            self._is_due.set()

    def has_callers(self) -> bool:
        """Say whether anybody waits."""
        return bool(self._callers)

    async def is_needed(self, linger: float) -> bool:
        """Say whether anybody waits, or comes to wait within `linger` seconds."""
        if not self._callers and not self._has_ended:
            self._joined.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(linger):
                    await self._joined.wait()
        return bool(self._callers)

    def begin_asking(self) -> tuple[Caller, int]:
        """Return who is first, and how many jobs to ask for, now."""
        self._latest += 1
        self._now, self._known_at = None, self._loop.time()
        self._ready_at = math.inf
        self._is_due.clear()
        return self.first_callers()

    def first_callers(self) -> tuple[Caller, int]:
        """Return who is first, and how many jobs to ask for: an attempt alone, others together."""
        first = next(iter(self._callers))
        count = first.count
        if first.attempt_id is None:
            for caller in islice(self._callers, 1, MAX_COUNT):
                if caller.attempt_id is not None or count + caller.count > MAX_COUNT:
                    break
                count += caller.count
        return first, count

    def give(self, first: Caller, dequeued: Dequeued) -> Sequence[LeasedJob]:
        """Give jobs to those whose turn it is; return those that nobody is there for."""
        if first.attempt_id is not None:
            if dequeued.jobs:
                self._answer(first, dequeued)  # if it is gone, it comes back for them
            return ()
        at = 0
        while at < len(dequeued.jobs) and self._callers:
            caller = next(iter(self._callers))
            if caller.attempt_id is not None:
                break
            share = dequeued.jobs[at : at + caller.count]
            if self._answer(caller, Dequeued(share, now=dequeued.now)):
                at += len(share)
        return dequeued.jobs[at:]

    def end_asking(self, dequeued: Dequeued) -> bool:
        """Note what a dequeue has told, and what was heard meanwhile.

        Return whether a lease has expired that nobody has reclaimed. It hides what else the store
        knows, so it is worth a reclaim, after which to ask again; but not twice in a row.
        """
        self._now, self._known_at = dequeued.now, self._loop.time()
        was_woken, is_ready = self._ready_at < math.inf, self._ready_at <= self._known_at
        if dequeued.next_ready_at is not None:
            delay = dequeued.next_ready_at - dequeued.now
            self._ready_at = min(self._ready_at, self._known_at + delay / 1000)
        elif dequeued.jobs:  # all that were asked for, or those of an earlier attempt
            self._ready_at = self._known_at
        is_hidden = not dequeued.jobs and dequeued.next_ready_at == dequeued.now
        self._is_reclaiming = is_hidden and not self._is_reclaiming
        self._is_in_vain = is_hidden and not self._is_reclaiming and not was_woken
        if (is_hidden and not self._is_reclaiming) or _tells_of_nothing(dequeued):
            self._latest_in_vain = self._latest
            self._answer_overdue(is_ready=is_ready)
        return self._is_reclaiming

    async def sleep(self) -> None:
        """Wait until it is time to ask again."""
        self._set_timer()
        if self._overdue or self._has_ended:
            self._is_due.set()
        await self._is_due.wait()

    def end(self) -> None:
        """Let everybody's time be up."""
        self._has_ended = True
        self._joined.set()
        for caller in list(self._callers):
            self._give_up(caller)
        self._is_due.set()

    def fail(self, error: Exception) -> None:
        """Let everybody know, and be done."""
        self._stop_timer()
        for caller in self._callers:
            if not caller.answer.done():
                caller.answer.set_exception(error)
                caller.answer.exception()  # if its caller is gone, nobody else looks at it

    def _answer(self, caller: Caller, dequeued: Dequeued) -> bool:
        """Answer a caller; False if it is gone."""
        self._callers.pop(caller, None)
        self._overdue.pop(caller, None)
        if caller.answer.done():
            return False
        caller.answer.set_result(dequeued)
        return True

    def _give_up(self, caller: Caller) -> None:
        """Answer a caller whose time is up, or ask for it once more together with the others."""
        is_told = caller.joined < self._latest_in_vain and not self._is_due.is_set()
        if is_told and self._now is not None and not self._is_ready():
            self._answer(caller, self._nothing())
        elif caller not in self._overdue:
            self._overdue[caller] = self._latest
            self._deadlines.watch(caller.answer)
            if self._now is not None:
                self._is_due.set()

    def _answer_overdue(self, *, is_ready: bool) -> None:
        """Answer those whose time is up that there is nothing.

        Not those who joined after the store was asked. If since then a job has become ready, not
        those either whose time was not up by then: all of these are asked for once more.
        """
        for caller, latest in list(self._overdue.items()):
            if caller.joined < self._latest and (latest < self._latest or not is_ready):
                self._answer(caller, self._nothing())

    def _is_ready(self) -> bool:
        return not self._is_in_vain and self._ready_at <= self._loop.time()

    def _nothing(self) -> Dequeued:
        """Return an answer without jobs, from what is known."""
        if self._now is None:
            return Dequeued((), now=0)
        now = self._now + int((self._loop.time() - self._known_at) * 1000)
        if self._ready_at == math.inf:
            return Dequeued((), now=now)
        delay = round((self._ready_at - self._known_at) * 1000)
        return Dequeued((), max(now, self._now + delay), now=now)

    def _set_timer(self) -> None:
        self._stop_timer()
        due = self._known_at + self._look_interval
        if not self._is_in_vain:
            due = min(due, self._ready_at)
        if due <= self._loop.time():
            self._is_due.set()
        else:
            self._timer = self._loop.call_at(due, self._is_due.set)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _tells_of_nothing(dequeued: Dequeued) -> bool:
    """Say whether there was no other job that was ready."""
    if dequeued.next_ready_at is None:
        return not dequeued.jobs
    return dequeued.next_ready_at > dequeued.now
