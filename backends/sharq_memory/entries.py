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
    elif len(entries) < SHORT:
        insort(entries, entry)
    else:
        return SortedList([*entries, entry])
    return entries


def without_entry(entries: Entries, entry: tuple[Any, ...]) -> Entries | None:
    """Return `entries` without one of them; None if there are no others."""
    if isinstance(entries, list):
        del entries[bisect_left(entries, entry)]
    else:
        entries.remove(entry)
    return entries or None


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
