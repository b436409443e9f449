"""Comparing the answers of two stores: all must be equal, but tokens and what is left open."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sharq_plug.model import (
    Dequeued,
    EndedLease,
    Figures,
    Jobs,
    KnownTypes,
    Letters,
    Listing,
    Overdue,
    Page,
    QueueView,
    SharedLimits,
    Tended,
    TypeFigures,
    TypeView,
)

Value = TypeVar("Value")

LEFT_OPEN: Mapping[type, frozenset[str]] = {
    Dequeued: frozenset({"next_ready_at", "ended"}),
    Tended: frozenset({"ended", "more"}),
    Page: frozenset({"items", "cursor"}),
    QueueView: frozenset({"next_ready_at"}),
    TypeView: frozenset({"waiting", "delayed", "next_ready_at"}),
    TypeFigures: frozenset({"waiting", "delayed"}),
}
"""Fields in which two good stores may differ; the judge has rules for each of them.

`ended` is compared by itself, since its order is only told among leases with the same fate. So are
the jobs that wait or are delayed in a type: a due one may count as either.
"""
ORDERED = (Figures, Jobs, Letters, Overdue, SharedLimits)
"""Listings that promise an order."""


class Tokens:
    """Which token of the reference belongs to which of the store's."""

    def __init__(self) -> None:
        self._theirs: dict[str, str] = {}

    def learn(self, ours: object, theirs: object) -> None:
        """Pair the tokens that stand in the same places of two answers."""
        if isinstance(ours, tuple | list) and isinstance(theirs, tuple | list):
            for one, other in zip(ours, theirs, strict=False):
                self.learn(one, other)
        elif isinstance(ours, Struct) and type(ours) is type(theirs):
            for name, one in _parts(ours):
                other = getattr(theirs, name)
                if name == "token" and one is not None and other is not None:
                    self._theirs.setdefault(one, other)
                else:
                    self.learn(one, other)

    def translated(self, value: Value) -> Value:
        """Return a value of the store with the reference's tokens in it."""
        if isinstance(value, tuple | list):
            return type(value)(map(self.translated, value))
        if not isinstance(value, Struct):
            return value
        changed: dict[str, Any] = {}
        for name, part in _parts(value):
            new = self._theirs.get(part, part) if name == "token" else self.translated(part)
            if new is not part:
                changed[name] = new
        return replace(value, **changed) if changed else value


def comparable(value: object) -> object:
    """Return all that must be equal in an answer, `Dequeued.now` included."""
    if isinstance(value, tuple | list):
        return [comparable(part) for part in value]
    if not isinstance(value, Struct):
        return value
    left_open = LEFT_OPEN.get(type(value), frozenset())
    shown = {name: comparable(part) for name, part in _parts(value) if name not in left_open}
    if isinstance(value, Dequeued):
        shown["ended"] = by_fate(value.ended)
    if isinstance(value, TypeView | TypeFigures):
        shown["unleased"] = value.waiting + value.delayed
    return type(value).__name__, shown


def listed(listing: Listing, items: Sequence[object]) -> object:
    """Return what must be equal of all items of a listing: their order too, if it promises one."""
    if isinstance(listing, ORDERED):
        return comparable(list(items))
    if isinstance(listing, KnownTypes):
        return None  # some may be listed or not; the judge knows which
    return {_name(item): comparable(item) for item in items}


def _name(item: object) -> object:
    match item:
        case QueueView(queue_id=name) | TypeView(queue_type=name):
            return name
        case _:
            return item


def by_fate(leases: Sequence[EndedLease]) -> dict[tuple[str, bool], list[EndedLease]]:
    """Return the ended leases of each type, those that died by themselves, in order."""
    found: dict[tuple[str, bool], list[EndedLease]] = {}
    for lease in leases:
        found.setdefault((lease.queue_type, lease.is_dead), []).append(lease)
    return found


def _parts(value: Struct) -> list[tuple[str, Any]]:
    return [(name, getattr(value, name)) for name in value.__struct_fields__]
