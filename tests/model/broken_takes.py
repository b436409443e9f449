"""Memory states that are broken on purpose, one fault each: named queues, jobs taken together."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from sharq_memory.benches import Benches
from sharq_memory.call import DequeueCall
from sharq_memory.named import NamedQueues
from sharq_memory.queue import Queue
from sharq_memory.state import TypeState
from sharq_plug.model import Delivery, Take


class NamesDoNotMatter(TypeState):
    """A take serves the first queue in line, named or not."""

    def _serve_ready(self, jobs: list[Delivery], take: Take, call: DequeueCall) -> None:
        super()._serve_ready(jobs, replace(take, queues=None), call)


class InOrderOfNames(NamedQueues):
    def __init__(self, queues: Iterable[Queue], benches: Benches) -> None:
        self._queues = [NamedQueues([queue], benches) for queue in queues]

    def first(self, now: int) -> Queue | None:
        found = (queue.first(now) for queue in self._queues)
        return next((queue for queue in found if queue is not None), None)


class NamesGoInTheirOrder(TypeState):
    """Of the queues that are named and ready, the one goes that is named first."""

    def _named(self, names: Sequence[str]) -> NamedQueues:
        found = (self.queues[name] for name in names if name in self.queues)
        return InOrderOfNames(found, self.line.benches)


class NamesDoNotMatterToNextReady(TypeState):
    """The next ready instant is that of the whole type."""

    def _next_ready_at(self, take: Take, call: DequeueCall) -> int | None:
        return super()._next_ready_at(replace(take, queues=None), call)


class TogetherMixesQueues(TypeState):
    def _serve_ready(self, jobs: list[Delivery], take: Take, call: DequeueCall) -> None:
        super()._serve_ready(jobs, replace(take, together=False), call)


class AtOnce(NamedQueues):
    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def first(self, now: int) -> Queue | None:
        return None if self._queue.head is None else self._queue


class TogetherIgnoresTheRate(TypeState):
    """A queue gives its further jobs at once."""

    def _named(self, names: Sequence[str]) -> NamedQueues:
        [*queues] = (self.queues[name] for name in names if name in self.queues)
        return AtOnce(queues[0]) if len(names) == len(queues) == 1 else super()._named(names)
