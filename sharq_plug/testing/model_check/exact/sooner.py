"""Which queues of a type may be ready earlier than was foreseen, so that watchers must be told."""

from dataclasses import dataclass, field
from math import inf

from sharq_plug.testing.model_check.exact.lives import Names, Place, QueueFacts


@dataclass(slots=True)
class Sooner:
    """Follow the places that a call gives, but by serving.

    What a call gives in line stays so, though a later item of it may change the place. A queue in a
    row is ready when its shared limits are open too; these are looked at as the call leaves them.
    """

    _in_line: dict[str, float] = field(default_factory=dict)
    _given: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Note that another call begins."""
        self._given.clear()

    def note(
        self, queue: QueueFacts, before: Place | None, stood_in: Names, *, is_served: bool
    ) -> None:
        """Note that a queue has its place, after it had another one `before`, or in another row."""
        after, queue_id = queue.place, queue.queue_id
        if is_served or after is None or after[0] == inf:
            self._in_line.pop(queue_id, None)
            self._given.discard(queue_id)
        elif before is None or after[0] < before[0] or stood_in != queue.row:
            self._given.add(queue_id)
            if not queue.row:
                self._in_line[queue_id] = after[0]

    def in_line(self) -> list[float]:
        """Return the instants (ms) from which queues in line are ready, since the last time."""
        sooner, self._in_line = self._in_line, {}
        return list(sooner.values())

    def has(self, queue: QueueFacts) -> bool:
        """Return whether this call has given a queue its place."""
        return queue.queue_id in self._given
