"""What may have removed or moved many jobs at a time, and when that is sure of one."""

from dataclasses import dataclass, field

from sharq_plug.model import LIVING, Cleared, Discard, JobRef, JobState, Redrive
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.operations import ClearStep


@dataclass(slots=True)
class Moves:
    """What may have removed or moved many jobs of a queue: clearings, redrives and discards."""

    clears: list[Event] = field(default_factory=list)
    redrives: list[Event] = field(default_factory=list)
    discards: list[Event] = field(default_factory=list)


def has_cleared(clear: Event, state: JobState) -> bool:
    """Return whether all jobs of a state surely went that were there before a step of a clearing.

    The living jobs of one queue go together, if all of them do.
    """
    item, answer = clear.operation.item, clear.outcome
    if not isinstance(item, ClearStep) or not isinstance(answer, Cleared):
        return False
    is_at_once = item.what.queue_id is not None and item.what.states >= LIVING and state in LIVING
    is_whole = item.cursor is None and (answer.cursor is None or is_at_once)
    return is_whole and state in item.what.states


def is_sure_of_job(redrive: Event) -> bool:
    """Return whether a redrive surely was one of the job that it may be of."""
    item = redrive.operation.item
    is_of_job = isinstance(item, Redrive) and isinstance(item.letter, JobRef)
    return is_of_job and redrive.outcome is not None


def may_be_of(event: Event, job_id: str) -> bool:
    """Return whether a redrive or a discard of its queue may be of that job."""
    item = event.operation.item
    named = item.letter if isinstance(item, Redrive | Discard) else None
    return not isinstance(named, JobRef) or named.job_id == job_id
