"""A history as many callers may have seen it: calls overlap, answers are lost, some are unseen."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

from sharq_plug.model import Dequeued, Settlement, Take
from sharq_plug.store import DEFAULT_RETENTION
from sharq_plug.testing.model_check import Event, History
from sharq_plug.testing.model_check.operations import Leave, Tend, Wake, Watch

UNSEEN = Watch | Leave | Wake
SPACING = 10
"""Ticks between the steps of two calls."""


def blurred(history: History, chance: random.Random) -> History:
    """Return what is legal if `history` is: the same steps, less of them known."""
    used = {
        event.operation.item.lease.token
        for event in history.events
        if isinstance(event.operation.item, Settlement)
    }
    events: list[Event] = []
    calls = itertools.groupby(history.events, key=lambda event: event.call)
    for number, items in enumerate(list(call) for _, call in calls):
        item = items[0].operation.item
        is_unseen = isinstance(item, Tend) and chance.random() < 0.5
        if not is_unseen and not isinstance(item, UNSEEN):
            events += _blurred_call(items, number * SPACING, used, chance)
    events.sort(key=lambda event: (event.invoked, event.call, event.item))
    return replace(unfinished(history), events=tuple(events))


def unfinished(history: History) -> History:
    """Return a history as one that may lack calls: tending too, with the same retention."""
    [retention] = history.retentions() or [DEFAULT_RETENTION]
    return History(history.events, complete=False, retention=retention)


def _blurred_call(
    items: list[Event], step: int, used: set[str | None], chance: random.Random
) -> Iterator[Event]:
    invoked = step - chance.choice([1, 1, 15, 40, 90])
    answered = step + chance.choice([1, 1, 15, 40, 90])
    earlier, later = chance.choice([0, 0, 7]), chance.choice([0, 0, 7])
    is_lost = chance.random() < 0.2 and not any(_is_used(event, used) for event in items)
    is_given_up = is_lost and chance.random() < 0.5
    for event in items:
        known = replace(
            event,
            invoked=invoked,
            answered=answered,
            invoked_at=event.invoked_at - earlier,
            answered_at=event.invoked_at + later,
        )
        if is_given_up:
            yield replace(known, outcome=None)
        elif is_lost:
            yield replace(known, outcome=None, answered=None, answered_at=None)
        else:
            yield known


def _is_used(event: Event, used: set[str | None]) -> bool:
    """Return whether somebody showed a token that this dequeue gave."""
    match event.operation.item, event.outcome:
        case Take(), Dequeued(jobs=jobs):
            return any(job.token in used for job in jobs)
        case _:
            return False
