"""Listings: what can be listed, page by page."""

from typing import TypeAlias

from msgspec import Struct

from sharq_plug.model.jobs import JobState
from sharq_plug.model.names import MAX_BATCH, can_begin_name, check_integer, check_name, invalid

__all__ = [
    "Backlogs",
    "Figures",
    "Jobs",
    "KnownTypes",
    "Letters",
    "Listing",
    "Names",
    "Overdue",
    "Queues",
    "SharedLimits",
    "Types",
]


class Names(Struct, frozen=True, gc=False, tag=True):
    """The names of the queues of a type that exist, or of the types that have one.

    A page holds names (str).
    """


class Types(Struct, frozen=True, gc=False, tag=True):
    """The types that have a queue or a dead letter. A page holds a TypeView for each."""


class KnownTypes(Struct, frozen=True, gc=False, tag=True):
    """The types that `Types` lists, and those that ended but still have totals.

    A page holds names (str). A type that had nothing but settings may be among them.
    """


class Figures(Struct, frozen=True, gc=False, tag=True):
    """What a monitor reads of these types (up to 1000), in their order, each as TypeFigures.

    A page holds them all, but for types whose data is damaged. It costs a few small reads for each
    type, and for each row of queues that use the same shared limits, however many queues and jobs
    there are.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_integer("types", len(self.names), 1, MAX_BATCH)
        for name in self.names:
            check_name("queue_type", name)


class Queues(Struct, frozen=True, gc=False, tag=True):
    """The queues of a type that exist or have a dead letter. A page holds a QueueView for each.

    With a `prefix`, only those whose ids begin with it. A page may then be short or empty.
    """

    prefix: str = ""

    def __post_init__(self) -> None:
        if self.prefix and not can_begin_name(self.prefix):
            raise invalid("prefix")


class Overdue(Struct, frozen=True, gc=False, tag=True):
    """The queues of a type that may be dequeued, in the order of the line, each as a QueueView."""


class Backlogs(Struct, frozen=True, gc=False, tag=True):
    """The queues of a type that exist, each as a QueueView with nothing but its `waiting`.

    This makes a walk over all of them cheap. Damaged ones are left out.
    """


class Jobs(Struct, frozen=True, gc=False, tag=True):
    """The jobs of a queue in one state, in the order in which they would go, each as a JobEntry.

    Waiting ones by their positions; delayed ones by (at, highest priority, number); leased ones by
    (expires_at, number); dead ones by the numbers of their letters, the oldest first. They come
    without `held_by` and `earliest_at`. With `with_payloads` a page ends before a job that would
    bring its payloads over 8 MiB, unless that is its first job.
    """

    queue_id: str
    state: JobState
    with_payloads: bool = False

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)


class Letters(Struct, frozen=True, gc=False, tag=True):
    """The dead letters of a type, or of one queue, the newest first, each as a LetterView.

    Payloads end a page as in `Jobs`.
    """

    queue_id: str | None = None

    def __post_init__(self) -> None:
        if self.queue_id is not None:
            check_name("queue_id", self.queue_id)


class SharedLimits(Struct, frozen=True, gc=False, tag=True):
    """The shared limits of a type, by name, each as a LimitView; or the one of a `name`."""

    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None:
            check_name("name", self.name)


Listing: TypeAlias = (
    Names
    | Types
    | KnownTypes
    | Figures
    | Queues
    | Overdue
    | Backlogs
    | Jobs
    | Letters
    | SharedLimits
)
"""What can be listed."""
