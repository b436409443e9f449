"""The bytes that connections hold, bounded in all."""

from typing import Protocol


class Holder(Protocol):
    """Hold bytes on behalf of a client."""

    def give_way(self) -> None:
        """Let go of what is held, and of the client."""


class Memory:
    """Bound the bytes that all holders have together.

    Past the bound, those that wait for their clients give way, the one that has waited longest
    without a byte coming or going first: who sends or reads at a fair pace is the last to go.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[Holder, int] = {}
        self._waiting: dict[Holder, None] = {}  # a set in the order of arrival
        self._total = 0

    def wait(self, holder: Holder, size: int) -> None:
        """Note that `holder` has `size` bytes and waits for its client, from now on."""
        self.release(holder)
        self._held[holder] = size
        self._waiting[holder] = None
        self._total += size
        while self._total > self._limit and self._waiting:
            longest = next(iter(self._waiting))
            self.release(longest)
            longest.give_way()

    def work(self, holder: Holder) -> None:
        """Note that `holder` keeps what it has, and waits for its client no more."""
        self._waiting.pop(holder, None)

    def release(self, holder: Holder) -> None:
        """Note that `holder` has nothing."""
        self._total -= self._held.pop(holder, 0)
        self._waiting.pop(holder, None)
