"""Wake-ups: who watches a type, and what they must still be told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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

    @property
    def are_owed(self) -> bool:
        """Return whether anybody must still be woken."""
        return bool(self._owed)

    def owe(self, queue_type: str, instants: Sequence[int], now: int) -> None:
        """Note that a call at `now` (ms) let jobs of a type be ready from these instants on."""
        if not instants:
            return
        due = max(now, min(instants))
        watchers = [number for number, watched in self._watched.items() if watched == queue_type]
        self._owed += [_Owed(queue_type, watcher, now, due) for watcher in watchers]

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
