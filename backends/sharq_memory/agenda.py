"""When something is due in which queue."""

from math import inf

from sortedcontainers import SortedList


class Agenda:
    """Queues by the first instant (ms) at which one of their jobs needs attention."""

    __slots__ = ("_entries", "_instants")

    def __init__(self) -> None:
        self._entries = SortedList()  # (instant, queue id)
        self._instants: dict[str, int] = {}

    def list(self, queue_id: str, instant: int | None) -> None:
        """List a queue under an instant, or (None) no more."""
        before = self._instants.get(queue_id)
        if before == instant:
            return
        if before is not None:
            self._entries.remove((before, queue_id))
            del self._instants[queue_id]
        if instant is not None:
            self._instants[queue_id] = instant
            self._entries.add((instant, queue_id))

    def due(self) -> float:
        """Return the first instant."""
        return self._entries[0][0] if self._entries else inf

    def first(self, now: int) -> str | None:
        """Return the first queue that is due at `now` (ms), if there is one."""
        queue_id: str | None = self._entries[0][1] if self.due() <= now else None
        return queue_id

    def check(self, instants: dict[str, int | None]) -> None:
        """Raise AssertionError unless each queue is listed under its instant, if it has one."""
        assert self._instants == {of: at for of, at in instants.items() if at is not None}
        assert list(self._entries) == sorted((at, of) for of, at in self._instants.items())
