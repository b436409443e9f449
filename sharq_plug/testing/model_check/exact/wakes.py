"""Wake-ups: who watches a type, and what they must still be told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.operations import Leave, Wake, Watch


@dataclass(frozen=True, slots=True)
class _Owed:
    """A watcher must be woken for the instant `due` (ms), after a call at the instant `at`."""

    queue_type: str
    watcher: int
    at: int
    due: int

    def __str__(self) -> str:
        return (
            f"watcher {self.watcher} of {self.queue_type} was not woken for {self.due}, "
            f"after a call at {self.at}"
        )


@dataclass(slots=True)
class Wakes:
    """Follow who watches what, and hold that each is woken in time. Wakes in vain are allowed."""

    _watched: dict[int, str] = field(default_factory=dict)
    _left: dict[int, int] = field(default_factory=dict)
    _owed: list[_Owed] = field(default_factory=list)
    _owed_before: list[_Owed] = field(default_factory=list)
    _given: dict[str, float] = field(default_factory=dict)

    @property
    def are_owed(self) -> bool:
        """Return whether anybody must still be woken."""
        return bool(self._owed)

    def begin(self) -> None:
        """Note that another call begins."""
        self._owed_before = list(self._owed)
        self._given.clear()

    def owe(
        self,
        queue_type: str,
        instants: Sequence[float],
        in_rows: Sequence[float],
        opens: float,
        now: int,
    ) -> None:
        """Note that a call at `now` (ms) let jobs of a type be ready from these instants on.

        Those `in_rows` are of all items of the call so far, the others of one of them, after which
        the gate of the type `opens` then (ms). Watchers are told as it is after the last one.
        """
        first = self._given[queue_type] = min([self._given.get(queue_type, inf), *instants])
        others = [owed for owed in self._owed if owed.queue_type != queue_type]
        before = [owed for owed in self._owed_before if owed.queue_type == queue_type]
        self._owed = others + before
        due = max(now, min([first, *in_rows]), opens)
        if due < inf:
            watchers = [number for number, name in self._watched.items() if name == queue_type]
            self._owed += [_Owed(queue_type, watcher, now, int(due)) for watcher in watchers]

    def missed(self, now: int) -> Iterator[str]:
        """Yield who was not woken in time, as it is at `now` (ms)."""
        for owed in self._owed:
            if owed.due < now:
                yield str(owed)

    def wrong(self, event: Event) -> Iterator[str]:
        """Yield what is wrong about a watcher that enters, leaves or is woken."""
        queue_type = event.operation.queue_type or ""
        match event.operation.item:
            case Watch(watcher):
                self._watched[watcher] = queue_type
            case Leave(watcher):
                del self._watched[watcher]
                self._left[watcher] = event.answered or event.invoked
                yield from (str(owed) for owed in self._owed if owed.watcher == watcher)
            case Wake(watcher, delay):
                if delay < 0:
                    yield f"watcher {watcher} of {queue_type} is told a delay of {delay} ms"
                if self._left.get(watcher, event.invoked) < event.invoked:
                    yield f"watcher {watcher} of {queue_type} is woken after it left"
                told = event.invoked_at + delay
                self._owed = [
                    owed for owed in self._owed if owed.watcher != watcher or told > owed.due
                ]
