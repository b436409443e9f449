"""How long a history goes, and what may have been too old in it."""

from sharq_plug.model import NewJob, Redrive
from sharq_plug.testing.model_check.history import Event, History
from sharq_plug.testing.model_check.operations import RedriveRange


def duration(history: History) -> int:
    """Return for how long (ms) a history goes."""
    events = history.events
    begun = min((event.invoked_at for event in events), default=0)
    return max((event.answered_at or event.invoked_at for event in events), default=0) - begun


def may_drop_letters(history: History) -> bool:
    """Return whether a dead letter may have been too old, or one too many."""
    deaths = sum(_deaths_after(event) for event in history.events)
    return any(
        retention.max_age <= duration(history) or retention.max_count < deaths
        for retention in history.retentions()
    )


def _deaths_after(event: Event) -> int:
    """Return how many jobs may die, at most, that an event lets wait."""
    item = event.operation.item
    return item.limit if isinstance(item, RedriveRange) else isinstance(item, NewJob | Redrive)
