"""Views: what a look and a listing show."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from sharq_plug.model.jobs import DeathReason, JobView
from sharq_plug.model.limits import Remaining
from sharq_plug.model.settings import LimitRules, QueueRules, TypeRules

__all__ = [
    "OTHER_TYPES",
    "Item",
    "JobEntry",
    "LetterView",
    "LimitView",
    "MinuteCounts",
    "Page",
    "QueueView",
    "Totals",
    "TypeFigures",
    "TypeView",
    "View",
]


class MinuteCounts(Struct, frozen=True, gc=False):
    """Enqueues and dequeues of the last ten minutes: a minute's epoch (ms) to its count.

    Always ten entries each, the present minute included.
    """

    enqueues: Mapping[int, int]
    dequeues: Mapping[int, int]


class Totals(Struct, frozen=True, gc=False):
    """What was counted of a type since it came into being.

    `enqueued` counts neither duplicates nor redrives, `dequeued` counts deliveries.
    `expired_leases` counts leases that were ended because they had expired, `dead` deaths for any
    reason. `aged_out` counts dead letters that `tend` dropped; `discarded` those that were
    discarded, cancelled or cleared. `removed` counts living jobs that were cancelled or cleared.
    """

    enqueued: int = 0
    dequeued: int = 0
    finished: int = 0
    released: int = 0
    failed: int = 0
    expired_leases: int = 0
    dead: int = 0
    redriven: int = 0
    discarded: int = 0
    aged_out: int = 0
    removed: int = 0


class QueueView(Struct, frozen=True, gc=False):
    """What there is in a queue, and when one of its jobs can go.

    `ready_since` (ms since the epoch) is the place of the queue in line if it may be dequeued now,
    else None. `next_ready_at` is the earliest instant at which one of its jobs can be ready if no
    call comes before. It is never in the past, and None if nothing is foreseen. If a queue
    `is_broken`, its data in the store is damaged, and its lengths are shown as 0.
    """

    queue_id: str
    waiting: int = 0
    leased: int = 0
    dead: int = 0
    delayed: int = 0
    ready_since: int | None = None
    next_ready_at: int | None = None
    is_broken: bool = False


class TypeView(Struct, frozen=True, gc=False):
    """What there is in all queues of a type together.

    A due job may count as delayed until a dequeue or `tend` lets it join. `queues` counts the
    queues that exist, `ready_queues` those that may be dequeued now. `ready_since` (ms since the
    epoch) is the place of the first of these. `next_ready_at` is the earliest of all queues.
    """

    queue_type: str
    waiting: int = 0
    leased: int = 0
    dead: int = 0
    delayed: int = 0
    queues: int = 0
    ready_queues: int = 0
    ready_since: int | None = None
    next_ready_at: int | None = None


OTHER_TYPES: Final = "_other"
"""The name under which figures of types are told together that are not told one by one."""


class TypeFigures(Struct, frozen=True, gc=False):
    """What a monitor reads of a type: how many jobs and queues there are, and its totals.

    The lengths are those of a TypeView. `ready_queues` is 0 while the type's gate is closed, and so
    is `overdue`: else that is for how long (ms) the first of them has been ready. Of a type that is
    not there all is 0.
    """

    queue_type: str
    waiting: int = 0
    leased: int = 0
    dead: int = 0
    delayed: int = 0
    queues: int = 0
    ready_queues: int = 0
    overdue: int = 0
    totals: Totals = Totals()


class LimitView(Struct, frozen=True, gc=False):
    """What there is of a shared limit at the instant `now` (ms since the epoch).

    `owed` is the debt to each of its limits now, in whole units, rounded up. `opens_at` (ms since
    the epoch) is when it opens if no call comes before, never in the past; None if only an event
    opens it. `leased` counts the leases that were charged to it, `queues` the queues that have a
    place in line and use it. `remaining` are the counts that stand, by their units; a count below
    0 is shown as 0.
    """

    name: str
    rules: LimitRules = LimitRules()
    owed: tuple[int, ...] = ()
    opens_at: int | None = None
    leased: int = 0
    queues: int = 0
    remaining: tuple[Remaining, ...] = ()
    now: int = 0


class View(Struct, frozen=True, gc=False):
    """What a look shows: minute counts, and what there is in a queue or a type.

    `rules` are what is set for it, and what follows from that. `totals` are those of a type.
    """

    counts: MinuteCounts
    queue: QueueView | None = None
    type: TypeView | None = None
    totals: Totals | None = None
    rules: QueueRules | TypeRules | None = None


class JobEntry(Struct, frozen=True, gc=False):
    """A job in a listing of its queue."""

    job_id: str
    job: JobView


class LetterView(Struct, frozen=True, gc=False):
    """A dead letter. Its number is unique in its type; times are ms since the epoch."""

    number: int
    queue_id: str
    job_id: str
    payload: bytes
    reason: DeathReason
    attempts: int
    enqueued_at: int
    died_at: int
    priority: int = 0
    last_error: str | None = None
    cost: Mapping[str, int] | None = None
    headers: Mapping[str, str] | None = None


Item: TypeAlias = str | TypeView | TypeFigures | QueueView | JobEntry | LetterView | LimitView
"""What a listing shows."""


class Page(Struct, frozen=True, gc=False):
    """One bounded step of a listing; `cursor` leads to the next one, None ends it.

    The listing says what its items are. A listing may show an item twice. It shows at least once
    each item that is there from its first step to its last and does not change its place in the
    order. A cursor is 1 to 500 of `A-Z a-z 0-9 _ . : ~ -`.
    """

    items: tuple[Item, ...]
    cursor: str | None
