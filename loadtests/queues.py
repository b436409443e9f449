"""The queues of a load: their possible intervals, and when they gave jobs."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import NamedTuple

KEPT = 30
"""The latest deliveries of a queue; a late answer is compared with these."""
FORGOTTEN_AFTER = 120.0
"""Seconds after which no answer under way can depend on an old interval."""


class Window(NamedTuple):
    """When a request was sent and answered (s, by the load's own clock)."""

    sent: float
    answered: float


class Delivery(NamedTuple):
    """A job that a queue gave.

    `instant` is when, in ms by the store's clock. `interval` (ms) is the shortest that may have
    been in force then.
    """

    instant: int
    interval: int
    job_id: str


@dataclass(slots=True)
class Setting:
    """An interval of a queue, and the request that set it; `inf` ends one under way."""

    interval: int
    window: Window


@dataclass(slots=True)
class Queue:
    """A queue, to which the load enqueues with one interval at a time.

    `jobs` counts those that are not known to be over. `enqueues` counts those under way: the
    interval does not change meanwhile, and nobody enqueues while it changes. So it is known at
    every moment but while a change is under way.
    """

    queue_id: str
    settings: list[Setting]
    jobs: int = 0
    enqueues: int = 0
    deliveries: list[Delivery] = field(default_factory=list)

    @classmethod
    def made(cls, queue_id: str, interval: int) -> "Queue":
        """Return a new queue with an interval."""
        return cls(queue_id, [Setting(interval, Window(-inf, -inf))])

    @property
    def interval(self) -> int:
        """The latest interval asked for."""
        return self.settings[-1].interval

    @property
    def is_changing(self) -> bool:
        """Whether a change of the interval is under way."""
        return self.settings[-1].window.answered == inf

    def change(self, interval: int, now: float) -> None:
        """Note that a request for another interval is sent."""
        while len(self.settings) > 1 and self.settings[1].window.answered < now - FORGOTTEN_AFTER:
            del self.settings[0]
        self.settings.append(Setting(interval, Window(now, inf)))

    def changed(self, now: float) -> None:
        """Note that the request was done."""
        latest = self.settings[-1]
        latest.window = Window(latest.window.sent, now)

    def kept(self) -> None:
        """Note that the request was refused."""
        del self.settings[-1]

    def shortest_interval(self, window: Window) -> int:
        """Return the shortest interval that may have held during a request."""
        if len(self.settings) == 1:
            return self.settings[0].interval
        over = [setting.window.answered for setting in self.settings[1:]]
        return min(
            setting.interval
            for setting, end in zip(self.settings, [*over, inf], strict=True)
            if setting.window.sent <= window.answered and window.sent <= end
        )

    def deliver(self, delivery: Delivery) -> Iterator[tuple[Delivery, Delivery]]:
        """Note a delivery; yield it with each of its neighbours, in order, if they are too close.

        An interval counts from the latest dequeue, and is the one in force at the next.
        """
        found = self.deliveries
        place = bisect_left(found, _in_order(delivery), key=_in_order)
        found.insert(place, delivery)
        for earlier, later in pairwise(found[max(place - 1, 0) : place + 2]):
            if later.instant - earlier.instant < later.interval:
                yield earlier, later
        if len(found) > 2 * KEPT:
            del found[:KEPT]


def _in_order(delivery: Delivery) -> tuple[int, int]:
    return delivery.instant, -delivery.interval  # at one instant an interval can only have shrunk
