"""The operations of a store, declared once: their items, and how a store is asked for them.

An operation is a queue type and an item. The item of a call that takes a sequence is the value of
`sharq_plug.model` itself. The other calls, and what a watcher does, have an item here.

A new operation needs an entry in `VERBS`, a rule in `exact.judge.RULES`, a strategy in
`drawing.ITEMS` and a case in `sound.evidence`. Recording, comparing and walking then know it. A new
kind of `Settlement`, `Amendment` or `Setting` needs no entry here, but one in `values`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    ChangeOutcome,
    Clear,
    Cleared,
    Dequeued,
    EnqueueResult,
    JobRef,
    JobView,
    LetterRange,
    LettersMoved,
    Listing,
    NewJob,
    Page,
    Retention,
    Setting,
    Settled,
    Settlement,
    Take,
    Tended,
    View,
)
from sharq_plug.store import DEFAULT_RETENTION, QueueStore


@dataclass(frozen=True, slots=True)
class Tend:
    """A step of tending. Its outcome is a Tended; its queue type is None."""

    limit: int
    retention: Retention = DEFAULT_RETENTION


@dataclass(frozen=True, slots=True)
class ClearStep:
    """A step of a clearing. Its outcome is a Cleared."""

    what: Clear
    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class RedriveRange:
    """A redrive of dead letters, the oldest first. Its outcome is a LettersMoved."""

    letters: LetterRange
    limit: int


@dataclass(frozen=True, slots=True)
class DiscardRange:
    """A discard of dead letters, the oldest first. Its outcome is a LettersMoved."""

    letters: LetterRange
    limit: int


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a queue, at a type, or (without a queue type) at everything.

    Its outcome is a View.
    """

    queue_id: str | None = None


@dataclass(frozen=True, slots=True)
class PageStep:
    """A step of a listing: of a type, or (without a queue type) of the types.

    Its outcome is a Page.
    """

    listing: Listing
    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class Watch:
    """A watcher of a type enters. `watcher` is its number. The outcome is True."""

    watcher: int


@dataclass(frozen=True, slots=True)
class Leave:
    """A watcher leaves. The outcome is True."""

    watcher: int


@dataclass(frozen=True, slots=True)
class Wake:
    """A store wakes a watcher: in `delay` ms a job may be ready. This is no call on the store.

    It is recorded when the watcher hears it, so also in the middle of a call. The outcome is True.
    """

    watcher: int
    delay: int


Item: TypeAlias = (
    NewJob
    | Take
    | Settlement
    | Amendment
    | JobRef
    | Setting
    | Tend
    | ClearStep
    | RedriveRange
    | DiscardRange
    | Look
    | PageStep
    | Watch
    | Leave
    | Wake
)
Outcome: TypeAlias = (
    EnqueueResult
    | Dequeued
    | Settled
    | AmendOutcome
    | JobView
    | Absence
    | ChangeOutcome
    | Tended
    | Cleared
    | LettersMoved
    | View
    | Page
    | bool
)
WATCHING = (Watch, Leave, Wake)
"""Items that are not asked of a store as a call: they are what a watcher does and hears."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An item of a call, and the queue type of that call (None: all types)."""

    queue_type: str | None
    item: Item


def kinds(alias: Any) -> tuple[type, ...]:
    """Return the types that an alias like `Settlement` or `Setting` stands for."""
    return get_args(alias) or (alias,)


Ask: TypeAlias = Callable[[QueueStore, Any, Sequence[Any]], Awaitable[Sequence[Outcome]]]
"""Makes one call on a store for items of a queue type."""


def _one(ask: Callable[[QueueStore, Any, Any], Awaitable[Outcome]]) -> Ask:
    """Return how a store is asked for the only item of a call."""

    async def ask_for_one(
        store: QueueStore, queue_type: Any, items: Sequence[Any]
    ) -> Sequence[Outcome]:
        [item] = items
        return [await ask(store, queue_type, item)]

    return ask_for_one


def _settle(store: QueueStore, queue_type: Any, items: Any) -> Awaitable[Sequence[Outcome]]:
    return store.settle(queue_type, items)


def _amend(store: QueueStore, queue_type: Any, changes: Any) -> Awaitable[Sequence[Outcome]]:
    return store.amend(queue_type, changes)


def _configure(store: QueueStore, queue_type: Any, changes: Any) -> Awaitable[Sequence[Outcome]]:
    return store.configure(queue_type, changes)


VERBS: Mapping[type, Ask] = {
    NewJob: lambda store, queue_type, jobs: store.enqueue(queue_type, jobs),
    Take: lambda store, queue_type, takes: store.dequeue(queue_type, takes),
    **dict.fromkeys(kinds(Settlement), _settle),
    **dict.fromkeys(kinds(Amendment), _amend),
    JobRef: lambda store, queue_type, jobs: store.find(queue_type, jobs, payloads=True),
    **dict.fromkeys(kinds(Setting), _configure),
    Tend: _one(lambda store, _, tend: store.tend(limit=tend.limit, retention=tend.retention)),
    ClearStep: _one(
        lambda store, queue_type, step: store.clear(
            queue_type, step.what, cursor=step.cursor, limit=step.limit
        )
    ),
    RedriveRange: _one(
        lambda store, queue_type, step: store.redrive(queue_type, step.letters, limit=step.limit)
    ),
    DiscardRange: _one(
        lambda store, queue_type, step: store.discard(queue_type, step.letters, limit=step.limit)
    ),
    Look: _one(lambda store, queue_type, look: store.look(queue_type, look.queue_id)),
    PageStep: _one(
        lambda store, queue_type, step: store.page(
            queue_type, step.listing, cursor=step.cursor, limit=step.limit
        )
    ),
}
"""How a store is asked for items, by the type of the first."""


async def ask(
    store: QueueStore, queue_type: str | None, items: Sequence[Item]
) -> Sequence[Outcome]:
    """Make one call on a store, and return an outcome for each item."""
    return await VERBS[type(items[0])](store, queue_type, items)
