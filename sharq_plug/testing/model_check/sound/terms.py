"""The terms of a queue or a type over some time: each limit that may be in effect, by its slot."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from sharq_plug.model import MAX_BURST_DEBT, MAX_DEBT, Limit
from sharq_plug.testing.model_check.sound.holders import Limits, Slot, slots


class Terms:
    """What each limit may be, where one of these lists of limits is in effect at any moment."""

    def __init__(self, found: Sequence[Limits]) -> None:
        self._found = [dict(slots(limits)) for limits in found]
        self._limits: dict[Slot, list[Limit]] = {}
        for limits in self._found:
            for slot, limit in limits.items():
                self._limits.setdefault(slot, []).append(limit)

    def __iter__(self) -> Iterator[Slot]:
        """Iterate over the slots in which there may be a limit."""
        return iter(self._limits)

    def may_have(self, slot: Slot) -> bool:
        """Return whether there may be such a limit."""
        return slot in self._limits

    def always_have(self, slot: Slot) -> bool:
        """Return whether there surely is such a limit all the time."""
        return all(slot in limits for limits in self._found)

    def never_end(self) -> bool:
        """Return whether there surely are limits all the time."""
        return all(self._found)

    def fastest(self, slot: Slot) -> Fraction:
        """Return how many units are earned back in a ms, at most."""
        return max(Fraction(limit.rate, limit.per) for limit in self._limits[slot])

    def most(self, slot: Slot) -> int:
        """Return for how many units a cost counts, at least, if it is higher."""
        return min(MAX_BURST_DEBT // limit.per for limit in self._limits[slot])

    def cap(self, slot: Slot) -> Fraction:
        """Return how many units are kept of a debt, at least, if it is higher."""
        return min(Fraction(MAX_DEBT, limit.per) for limit in self._limits[slot])
