"""Sorted entries of one queue: of most queues few, of some very many."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

from sortedcontainers import SortedList

Entries: TypeAlias = list[tuple[Any, ...]] | SortedList
"""A plain list that is kept sorted while it is short: it is made and dropped in no time."""

SHORT = 1000
"""How long a plain list may become: up to here, moving its entries costs less than a lookup."""


def with_entry(entries: Entries | None, entry: tuple[Any, ...]) -> Entries:
    """Return `entries` with one more."""
    if entries is None:
        return [entry]
    if not isinstance(entries, list):
        entries.add(entry)
    elif len(entries) >= SHORT:
        return SortedList([*entries, entry])
    elif entries[-1] < entry:
        entries.append(entry)
    else:
        insort(entries, entry)
    return entries


def without_entry(entries: Entries, entry: tuple[Any, ...]) -> Entries | None:
    """Return `entries` without one of them; None if there are no others."""
    if entries[0][-1] is entry[-1]:
        del entries[0]
    elif isinstance(entries, list):
        del entries[bisect_left(entries, entry)]
    else:
        entries.remove(entry)
    return entries or None


def listed_anew(
    entries: Entries | None,
    before: tuple[Any, ...] | None,
    after: tuple[Any, ...] | None,
    of: object,
) -> Entries | None:
    """Return `entries`, where something of two values and itself is listed, with other values.

    `before` and `after` begin with the two; None if it is not listed.
    """
    other = None if after is None else (after[0], after[1], of)
    if before is not None and entries is not None:
        if entries[0][2] is not of:
            entries = without_entry(entries, (before[0], before[1], of))
        elif other is not None and isinstance(entries, list) and entries[-1] < other:
            entries.append(other)
            del entries[0]
            return entries
        else:
            del entries[0]
    left = entries or None
    return left if other is None else with_entry(left, other)


def starting_at(entries: Entries | None, start: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Iterate over the entries from `start` on. No entry may come or go meanwhile."""
    if entries is None:
        return iter(())
    if isinstance(entries, list):
        return islice(entries, bisect_left(entries, start), None)
    found: Iterator[tuple[Any, ...]] = entries.irange(start)
    return found


def rank(entries: Entries, entry: tuple[Any, ...]) -> int:
    """Return how many of `entries` sort before `entry`."""
    return bisect_left(entries, entry) if isinstance(entries, list) else entries.bisect_left(entry)
