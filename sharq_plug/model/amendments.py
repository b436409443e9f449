"""Amendments: how single jobs and dead letters are changed."""

from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from sharq_plug.model.jobs import MAX_PRIORITY, JobRef, check_time
from sharq_plug.model.names import check_integer, check_name

__all__ = [
    "AmendOutcome",
    "Amendment",
    "Cancel",
    "Discard",
    "LetterRef",
    "Redrive",
    "Reschedule",
]


class LetterRef(Struct, frozen=True, gc=False, tag=True):
    """A dead letter by its number. If there is a queue id, the letter must be of that queue."""

    number: int
    queue_id: str | None = None

    def __post_init__(self) -> None:
        check_integer("letters", self.number, 1)
        if self.queue_id is not None:
            check_name("queue_id", self.queue_id)


class Cancel(Struct, frozen=True, gc=False, tag=True):
    """Remove a job that waits, is delayed or is dead; with `leased` also one that is leased."""

    job: JobRef
    leased: bool = False


class Reschedule(Struct, frozen=True, gc=False, tag=True):
    """Give a job that waits or is delayed another priority, another time, or both.

    None keeps what there is. `at` is ms since the epoch, `delay` ms from now.
    """

    job: JobRef
    priority: int | None = None
    delay: int | None = None
    at: int | None = None

    def __post_init__(self) -> None:
        if self.priority is not None:
            check_integer("priority", self.priority, 0, MAX_PRIORITY)
        check_time(self.delay, self.at)


class Redrive(Struct, frozen=True, gc=False, tag=True):
    """Let a dead letter wait again: one by its number, or the newest one of a job."""

    letter: LetterRef | JobRef


class Discard(Struct, frozen=True, gc=False, tag=True):
    """Remove a dead letter: one by its number, or the newest one of a job."""

    letter: LetterRef | JobRef


Amendment: TypeAlias = Cancel | Reschedule | Redrive | Discard
"""A change of one job, or of one dead letter."""


class AmendOutcome(Enum):
    """What an amendment did."""

    DONE = "done"
    LEASED = "leased"
    """The job is leased; nothing was changed."""
    DEAD = "dead"
    """The job is dead, and cannot be rescheduled."""
    DUPLICATE = "duplicate"
    """A job of this id lives, so its letter cannot be redriven; nothing was changed."""
    UNKNOWN = "unknown"
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""
