"""Limits and holds: how fast and how much a queue may give, and why it waits."""

from enum import Enum

from msgspec import Struct

from sharq_plug.errors import InvalidRequest
from sharq_plug.model.names import (
    MAX_DURATION,
    MAX_INSTANT,
    check_integer,
    check_name,
    invalid,
)
from sharq_plug.model.units import JOB_UNIT

__all__ = [
    "MAX_BURST_DEBT",
    "MAX_DEBT",
    "MAX_HEADS",
    "MAX_LIMITS",
    "MAX_MOVES",
    "MAX_PER",
    "MAX_RATE",
    "MAX_USES",
    "MAX_WEIGHT",
    "Hold",
    "HoldKind",
    "Limit",
    "Remaining",
    "check_limits",
    "check_uses",
    "limits_of_interval",
]

MAX_LIMITS = 5
"""Limits that a queue or a type may have."""
MAX_RATE = 1_000_000
MAX_PER = MAX_DURATION
MAX_BURST_DEBT = 4 * 10**15
"""The largest `burst * per`, and the most that one delivery adds to a debt."""
MAX_DEBT = 8 * 10**15
"""The largest debt; what is above is forgotten."""
MAX_WEIGHT = 100
MAX_MOVES = 64
"""Moves of rows, and of entries of shared limits, in one dequeue (see `QueueStore`)."""
MAX_USES = 2
"""Shared limits that a queue may use."""
MAX_HEADS = 1000
"""Queues that may take up changed defaults at the head of the line in one dequeue call."""


class Limit(Struct, frozen=True, gc=False):
    """So many units (`rate`) in each period (`per`, ms), and up to `burst` at once after a rest.

    Its debt is in units times `per`. It falls by `rate` each ms, not below 0. The limit allows a
    delivery while the debt is at most `(burst - 1) * per`. A delivery adds its cost times `per`.
    So in any window of W ms that ends just before a delivery, the units paid are at most
    `burst - 1 + floor(W * rate / per)`.
    """

    rate: int
    per: int
    burst: int = 1
    unit: str = JOB_UNIT

    def __post_init__(self) -> None:
        check_integer("rate", self.rate, 1, MAX_RATE)
        check_integer("per", self.per, 1, MAX_PER)
        check_integer("burst", self.burst, 1)
        check_name("unit", self.unit)
        if self.burst * self.per > MAX_BURST_DEBT:
            raise InvalidRequest(f"`burst` times `per` must be at most {MAX_BURST_DEBT}.")


class Remaining(Struct, frozen=True, gc=False):
    """What an upstream says is left: so many of a unit, until an instant (ms since the epoch)."""

    count: int
    until: int
    unit: str = JOB_UNIT

    def __post_init__(self) -> None:
        check_integer("remaining", self.count, 0)
        check_integer("until", self.until, 0, MAX_INSTANT)
        check_name("unit", self.unit)


def limits_of_interval(interval: int) -> tuple[Limit, ...]:
    """Return the limits that an interval (ms) is short for: 1 job in each, or none if it is 0."""
    return (Limit(1, interval),) if interval else ()


class HoldKind(Enum):
    """Why a queue, or a whole type, may not be dequeued now."""

    LIMIT = "limit"
    DELAY = "delay"
    """Nothing waits, and something is delayed. Of a job: it is delayed itself."""
    FROZEN = "frozen"
    CONCURRENCY = "concurrency"
    PAUSED = "paused"
    SHARED_LIMIT = "shared_limit"
    """A shared limit that the queue uses is closed."""


class Hold(Struct, frozen=True, gc=False):
    """A reason why a queue may not be dequeued now.

    `until` is when it ends (ms since the epoch), None if only an event ends it. `unit` is that of
    the limit, `name` that of the shared limit. `of_type` holds are those of all queues of the type
    together.
    """

    kind: HoldKind
    until: int | None = None
    unit: str | None = None
    of_type: bool = False
    name: str | None = None


def check_limits(limits: tuple[Limit, ...]) -> None:
    """Raise InvalidRequest if these are too many limits."""
    if len(limits) > MAX_LIMITS:
        raise invalid("limits")


def check_uses(names: tuple[str, ...]) -> None:
    """Raise InvalidRequest unless these are names of shared limits: few, each once, in order."""
    for name in names:
        check_name("uses", name)
    if len(names) > MAX_USES or list(names) != sorted(set(names)):
        raise invalid("uses")
