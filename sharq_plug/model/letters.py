"""Dead letters (retention, redriving, discarding), and clearing."""

from collections.abc import Set
from typing import Final

from msgspec import Struct

from sharq_plug.model.jobs import JobState
from sharq_plug.model.names import check_duration, check_integer, check_name

__all__ = [
    "ALL_STATES",
    "LIVING",
    "Clear",
    "Cleared",
    "LetterRange",
    "LettersMoved",
    "Retention",
]

LIVING: Final = frozenset({JobState.WAITING, JobState.DELAYED, JobState.LEASED})
ALL_STATES: Final = frozenset(JobState)


class Retention(Struct, frozen=True, gc=False):
    """How long dead letters are kept (ms), and at most how many of a type; 0 keeps none."""

    max_age: int = 30 * 24 * 3600 * 1000
    max_count: int = 1_000_000

    def __post_init__(self) -> None:
        check_duration("max_age", self.max_age)
        check_integer("max_count", self.max_count, 0)


class LetterRange(Struct, frozen=True, gc=False):
    """The dead letters of a queue, or of a whole type, with numbers higher than `after`."""

    queue_id: str | None = None
    after: int = 0

    def __post_init__(self) -> None:
        if self.queue_id is not None:
            check_name("queue_id", self.queue_id)
        check_integer("after", self.after, 0)


class LettersMoved(Struct, frozen=True, gc=False):
    """What a redrive or a discard of a range did.

    `count` letters were redriven or discarded. `duplicates` were left because a job of their id
    lives, `broken` ones because their queue is damaged. `after` is the number of the last letter
    that was looked at; None if the range has no letter behind it.
    """

    count: int
    duplicates: int = 0
    broken: int = 0
    after: int | None = None


class Clear(Struct, frozen=True, gc=False):
    """Remove the jobs in these `states`, of a queue or (None) of a whole type.

    With `counts` also remove the minute counts of the queue. For a type, these are the counts of
    its queues that exist or have a dead letter.
    """

    queue_id: str | None = None
    states: Set[JobState] = LIVING
    counts: bool = False

    def __post_init__(self) -> None:
        if self.queue_id is not None:
            check_name("queue_id", self.queue_id)


class Cleared(Struct, frozen=True, gc=False):
    """How many jobs and dead letters a step of a clearing removed.

    `cursor` leads to the next step. It is None if there is no more to remove.
    """

    waiting: int = 0
    leased: int = 0
    dead: int = 0
    delayed: int = 0
    cursor: str | None = None
