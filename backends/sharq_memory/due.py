"""Which types are to be tended, and from when on."""

from itertools import islice, takewhile
from math import inf

from sortedcontainers import SortedList

from sharq_memory.state import TypeState


class Due:
    """The types by the instant (ms) at which something is due there.

    An instant may be too early: what was due is done, and the type is noted anew when it is tended.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries = SortedList()  # (instant, queue type)

    def note(self, state: TypeState) -> None:
        """Note when `state` is due, which is earlier than what is known."""
        self.drop(state)
        self._entries.add((state.due, state.queue_type))
        state.noted_due = state.due

    def drop(self, state: TypeState) -> None:
        """Know nothing of `state` any more, if anything is known."""
        if state.noted_due < inf:
            self._entries.remove((state.noted_due, state.queue_type))
            state.noted_due = inf

    def is_due(self, now: int) -> bool:
        """Return whether there is a type to be tended at `now` (ms)."""
        return bool(self._entries) and self._entries[0][0] <= now

    def first(self, now: int, limit: int) -> list[str]:
        """Return the first types, up to `limit`, that are to be tended at `now` (ms)."""
        due = takewhile(lambda entry: entry[0] <= now, self._entries)
        return [queue_type for _, queue_type in islice(due, limit)]
