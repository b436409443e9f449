"""What one process counts: requests, store calls, and the times of jobs and leases.

A server observes some times in each request, and a scrape comes every few seconds. So to count one
is a look-up and an addition, and the text is made in a scrape.
"""

import os

from sharq_plug.figures.counted import (
    CALL_BUCKETS,
    REQUEST_BUCKETS,
    TIME_BUCKETS,
    Counted,
    Times,
    TimesBy,
    together,
)
from sharq_plug.figures.labels import TypeLabels
from sharq_plug.figures.sharing import DIRECTORY_VARIABLE, SharedCounts


class ProcessFigures:
    """The counters and histograms of a process. Up to `most_types` types have their own series.

    With several processes, `settle` comes every second, and all are scraped at any of them.
    """

    def __init__(self, most_types: int) -> None:
        directory = os.environ.get(DIRECTORY_VARIABLE)
        self._shared = None if directory is None else SharedCounts(directory)
        self._labels = TypeLabels(most_types)
        self._called = TimesBy(CALL_BUCKETS)
        self._delivered, self._ended = TimesBy(TIME_BUCKETS), TimesBy(TIME_BUCKETS)
        self._counted = Counted({}, self._called, self._delivered, self._ended)
        self._answered: dict[tuple[str, int], Times] = {}

    @property
    def is_shared(self) -> bool:
        """Whether there are other processes, of which one may be scraped."""
        return self._shared is not None

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        times = self._answered.get((route, status))
        if times is None:
            times = self._answered[route, status] = Times.within(REQUEST_BUCKETS)
            self._counted.answered.setdefault(route, {})[str(status)] = times
        times.observe(REQUEST_BUCKETS, seconds)

    def called(self, verb: str, seconds: float) -> None:
        """Count a call of the store."""
        self._called[verb].observe(CALL_BUCKETS, seconds)

    def delivered(self, queue_type: str, milliseconds: int) -> None:
        """Note how long a job was in its queue until its first delivery."""
        self._delivered[self._labels[queue_type]].observe(TIME_BUCKETS, milliseconds / 1000)

    def ended(self, queue_type: str, milliseconds: int) -> None:
        """Note how long a lease was held that is over."""
        self._ended[self._labels[queue_type]].observe(TIME_BUCKETS, milliseconds / 1000)

    def settle(self, *, waiting: int) -> None:
        """Note how many dequeues wait, and tell the other processes what this one has counted."""
        self._counted.waiting = waiting
        if self._shared is not None:
            self._shared.write(self._counted)

    def counted(self) -> Counted:
        """Return what this process has counted, and the others until they settled last."""
        others = [] if self._shared is None else self._shared.others()
        return together([self._counted, *others])
