"""What is remembered under a key until its time has passed."""

from collections.abc import Iterator
from math import inf
from typing import Generic, TypeVar

from sortedcontainers import SortedList

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by their keys, each until an instant (ms)."""

    __slots__ = ("_by_key", "_ends")

    def __init__(self) -> None:
        self._by_key: dict[K, tuple[int, V]] = {}
        self._ends = SortedList()  # (until, key)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._by_key)

    def put(self, key: K, until: int, value: V) -> None:
        """Keep a value in the place of an earlier one."""
        if key in self._by_key:
            self.drop(key)
        self._by_key[key] = (until, value)
        self._ends.add((until, key))

    def drop(self, key: K) -> None:
        """Keep what `key` stands for no longer, if anything is kept."""
        before = self._by_key.pop(key, None)
        if before is not None:
            self._ends.remove((before[0], key))

    def of(self, key: K, now: int) -> V | None:
        """Return what is remembered under `key` at `now` (ms), if anything is."""
        found = self._by_key.get(key)
        return None if found is None or found[0] <= now else found[1]

    def items(self) -> Iterator[tuple[K, int, V]]:
        """Iterate over all, each with its key and its end (ms)."""
        for key, (until, value) in self._by_key.items():
            yield key, until, value

    def due(self) -> float:
        """Return the instant (ms) at which the first ends."""
        return self._ends[0][0] if self._ends else inf

    def forget(self, limit: int, now: int) -> None:
        """Drop up to `limit` that have ended at `now` (ms)."""
        for _ in range(limit):
            if self.due() > now:
                break
            _, key = self._ends.pop(0)
            del self._by_key[key]

    def check(self) -> None:
        """Raise AssertionError if the two views differ."""
        ends = [(until, key) for key, (until, _) in self._by_key.items()]
        assert list(self._ends) == sorted(ends)
