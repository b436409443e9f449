"""What a process counts: times, by what took them. Counts of several processes can be added up."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

REQUEST_BUCKETS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds in seconds. The longest requests are dequeues that wait."""
CALL_BUCKETS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0),
)
TIME_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0),
)
"""Of times in a queue and of leases: from milliseconds to a day."""


class Times(Struct):
    """How many times fell into each bucket, the last of which has no bound, and their sum."""

    counts: list[int]
    seconds: float = 0.0

    @classmethod
    def within(cls, bounds: Sequence[float]) -> "Times":
        """Return buckets with these upper bounds, in which nothing is."""
        return cls([0] * (len(bounds) + 1))

    def observe(self, bounds: Sequence[float], seconds: float) -> None:
        """Count a time."""
        self.counts[bisect_left(bounds, seconds)] += 1
        self.seconds += seconds

    def plus(self, other: "Times") -> "Times":
        """Return the sum of two."""
        counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        return Times(counts, self.seconds + other.seconds)

    def total(self) -> int:
        """Return how many times there are."""
        return sum(self.counts)


class TimesBy(dict[str, Times]):
    """Times by what took them: what is not there yet gets buckets with these upper bounds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        super().__init__()
        self.bounds = bounds

    def __missing__(self, key: str) -> Times:
        times = self[key] = Times.within(self.bounds)
        return times


class Counted(Struct):
    """All that a process counts, or several of them.

    `answered` are the times of requests by their routes and statuses, `called` those of store calls
    by verbs. `delivered` are times in a queue and `ended` times of leases, by the labels of types.
    `waiting` dequeues wait for a job.
    """

    answered: dict[str, dict[str, Times]] = field(default_factory=dict)
    called: dict[str, Times] = field(default_factory=dict)
    delivered: dict[str, Times] = field(default_factory=dict)
    ended: dict[str, Times] = field(default_factory=dict)
    waiting: int = 0


def together(counted: Sequence[Counted]) -> Counted:
    """Return what some processes have counted together."""
    if len(counted) == 1:
        return counted[0]
    routes = dict.fromkeys(route for one in counted for route in one.answered)
    return Counted(
        {route: _sums(one.answered.get(route, {}) for one in counted) for route in routes},
        _sums(one.called for one in counted),
        _sums(one.delivered for one in counted),
        _sums(one.ended for one in counted),
        sum(one.waiting for one in counted),
    )


def _sums(parts: Iterable[Mapping[str, Times]]) -> dict[str, Times]:
    sums: dict[str, Times] = {}
    for part in parts:
        for key, times in part.items():
            sums[key] = sums[key].plus(times) if key in sums else times
    return sums
