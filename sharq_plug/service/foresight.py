"""Predict when a job of a type can be ready."""

import asyncio
import math
from collections.abc import Callable
from enum import Enum

from sharq_plug.model import Dequeued

LOOK_INTERVAL = 5.0
"""Seconds after which the store is asked without a wake-up, since one can get lost."""


class Verdict(Enum):
    """What the end of a store call means for callers that got no job."""

    FRUITFUL = "jobs may be ready"
    IN_VAIN = "no job was ready"
    OUTDATED = "no job was ready, but there was a wake-up during the call"


FRUITFUL, IN_VAIN, OUTDATED = Verdict


class Foresight:
    """Remember what the latest store call predicted, and the wake-ups since.

    Calls are numbered. A call is *in vain* if it shows that no job is ready. That answers every
    caller that joined before the call began. Nothing is known during a call, while the type is not
    watched, and until a call that began during the watch has ended. `due` is called when it is time
    to ask again. Times in seconds are those of the event loop's clock.
    """

    def __init__(self, due: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = due
        self._timer: asyncio.TimerHandle | None = None
        self.latest = 0
        """The number of the latest call."""
        self.latest_in_vain = 0
        self.is_watched = False
        self._watched_from = 0
        self._now: int | None = None
        self._known_at = 0.0
        self._ready_at = math.inf
        self._is_fruitless = False

    @property
    def is_known(self) -> bool:
        """Whether a call has ended and none has begun since."""
        return self._now is not None

    def watch(self) -> None:
        """Note that wake-ups arrive from now on."""
        self.is_watched = True
        self._watched_from = self.latest

    def unwatch(self) -> None:
        """Note that wake-ups may be missed from now on."""
        self.is_watched = False
        self._now = None
        self.stop()

    def begin_call(self) -> int:
        """Note that a call begins; return its number."""
        self.latest += 1
        if self.is_watched:
            self._now = None
            self._known_at = self._loop.time()
            self._ready_at = math.inf
        return self.latest

    def end_call(self, number: int, answer: Dequeued, *, is_full: bool, is_bare: bool) -> "Verdict":
        """Note the last answer of a call, and return what it means.

        A full call brought all jobs that were asked for. A bare call brought no job and ended no
        lease. A bare call that says that a job is ready is fruitless: until a wake-up, asking again
        at once would bring nothing either.
        """
        now, ready_at = answer.now, answer.next_ready_at
        is_fruitless = is_bare and ready_at == now
        is_in_vain = not is_full and (is_fruitless or ready_at != now)
        if is_in_vain:
            self.latest_in_vain = max(self.latest_in_vain, number)
        if not self.is_watched or number <= self._watched_from:
            return IN_VAIN if is_in_vain else FRUITFUL
        self._now, self._known_at = now, self._loop.time()
        was_woken, is_outdated = self._ready_at < math.inf, self._ready_at <= self._known_at
        if is_full:
            self._ready_at = self._known_at
        elif ready_at is not None:
            self._ready_at = min(self._ready_at, self._known_at + (ready_at - now) / 1000)
        self._is_fruitless = is_fruitless and not was_woken
        if not is_in_vain:
            return FRUITFUL
        return OUTDATED if is_outdated else IN_VAIN

    def wake(self, delay: int) -> None:
        """Note that a job may be ready in `delay` ms."""
        self._is_fruitless = False
        self._ready_at = min(self._ready_at, self._loop.time() + delay / 1000)

    def is_quiet(self) -> bool:
        """Return whether no job is ready, as far as the latest call and the wake-ups tell."""
        if self._now is None:
            return False
        return self._is_fruitless or self._ready_at > self._loop.time()

    def is_time(self) -> bool:
        """Return whether it is time to ask. If it is not, have `due` called when it is."""
        self.stop()
        if self._now is None:
            return True
        at = self._known_at + LOOK_INTERVAL
        if not self._is_fruitless:
            at = min(at, self._ready_at)
        if at <= self._loop.time():
            return True
        self._timer = self._loop.call_at(at, self._due)
        return False

    def nothing(self) -> Dequeued:
        """Return an answer without jobs that says when to come back, from what is known."""
        if self._now is None:
            return Dequeued((), now=0)
        now = self._now + int((self._loop.time() - self._known_at) * 1000)
        if self._ready_at == math.inf:
            return Dequeued((), now=now)
        delay = round((self._ready_at - self._known_at) * 1000)
        return Dequeued((), now=now, next_ready_at=max(now, self._now + delay))

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
