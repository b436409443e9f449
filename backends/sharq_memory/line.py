"""The line of a type: which queue goes next."""

from collections.abc import Sequence
from enum import Enum, auto
from itertools import islice
from math import inf

from sharq_memory.holds import holds
from sharq_memory.limits import end_of
from sharq_memory.places import Places
from sharq_memory.queue import Queue
from sharq_plug.model import Hold


class Step(Enum):
    """What a step did to a queue, so far as its place may change for that."""

    OTHER = auto()
    """Nothing that can hold it."""
    HELD = auto()
    """It may have brought it a hold."""
    SERVED = auto()
    """It was dequeued."""
    DOUBTED = auto()
    """Its place may lie further ahead than its holds."""


_SERVED = Step.SERVED


class Line:
    """The queues in which jobs wait or are delayed, by their places: (ready since, place number).

    `take_place` gives every place. R, the instant at which a queue's holds end, decides; it is inf
    if only an event ends one. The first row that applies:

        its turn is over, or it had no place    (the later of now and R, a new number)
        R lies in the future                    (R, its number kept)
        its ready since lay in the future       (now, a new number)
        else                                    unchanged

    A turn begins with each place. It is over after as many deliveries as the queue's weight says,
    or when R lies in the future after one.

    Where the clock has stepped back, the ready since of a queue that was never held may lie in the
    future too. The third row applies to it only if the place is doubted.
    """

    __slots__ = ("doubtful", "number", "placed", "places", "soonest")

    def __init__(self) -> None:
        self.places = Places()
        self.number = 0  # the latest that was given
        self.soonest: float = inf  # ready since of the first place given, but by serving
        self.placed: list[str] = []  # the queues that got places, but by being served
        self.doubtful: tuple[float, int] | None = None  # the first doubtful place

    def first(self, now: int) -> Queue | None:
        """Return the queue to serve at `now` (ms), if one is ready."""
        place = self.places.first()
        return None if place is None or place[0] > now else place[2]

    def ready_at(self) -> float:
        """Return the instant (ms) from which on a queue is ready."""
        place = self.places.first()
        return inf if place is None else place[0]

    def ready_queues(self, now: int) -> int:
        """Return how many queues are ready at `now` (ms)."""
        return self.places.rank((now + 1,))

    def take_place(self, queue: Queue, now: int, step: Step) -> None:
        """Give `queue` its place at `now` (ms) after a step that changed it."""
        since = queue.ready_since
        if queue.head is None and queue.delayed is None:
            self.leave(queue)
            return
        held = holds(queue, now)
        ready_at = end_of(held) if held else now
        if since is None or (step is _SERVED and _ends_turn(queue, held)):
            self.leave(queue)
            self.enter(queue, ready_at, self.next_number(), is_held=held != ())
        elif held and since != ready_at:
            self.leave(queue)
            self.enter(queue, ready_at, queue.place_number, is_held=True)
        elif not held and since > now and (step is Step.DOUBTED or _was_held(queue)):
            self.leave(queue)
            self.enter(queue, now, self.next_number())
        else:
            return
        if step is not _SERVED and ready_at < inf:
            self.placed.append(queue.queue_id)
            if ready_at < self.soonest:
                self.soonest = ready_at

    def next_number(self) -> int:
        """Return a number that is higher than all before."""
        self.number += 1
        return self.number

    def enter(
        self, queue: Queue, ready_since: float, number: int, *, is_held: bool = False
    ) -> None:
        """Let `queue`, which has no place, stand at one."""
        queue.ready_since, queue.place_number = ready_since, number
        if queue.terms is not None:
            queue.terms.was_held = is_held
        place = (ready_since, number, queue)
        if is_held:
            self.places.add(place)
        else:
            self.places.append(place)

    def leave(self, queue: Queue) -> None:
        """Take `queue` out of the line, if it has a place; its turn ends."""
        if queue.ready_since is not None:
            self.places.remove(queue.ready_since, queue.place_number, queue)
            queue.ready_since = None
            if queue.terms is not None:
                queue.terms.turn = 0

    def doubt(self, now: int) -> bool:
        """Doubt the places that lie ahead of `now` (ms), if there are any; return whether."""
        ahead = (now + 1, 0)
        if next(self.places.starting_at(ahead), None) is None:
            return False
        self.doubtful = ahead if self.doubtful is None else min(ahead, self.doubtful)
        return True

    def doubt_all(self) -> None:
        """Doubt all places, if there are any."""
        self.doubtful = (0, 0) if self.places else None

    def next_doubtful(self, limit: int) -> list[Queue]:
        """Return up to `limit` queues at doubtful places, in their order; doubt these no more."""
        if self.doubtful is None:
            return []
        places = list(islice(self.places.starting_at(self.doubtful), limit))
        self.doubtful = None
        if len(places) == limit:
            ready_since, number, _ = places[-1]
            self.doubtful = (ready_since, number + 1)
        return [queue for _, _, queue in places]


def _was_held(queue: Queue) -> bool:
    """Return whether `queue` is known to have been held when it got its place."""
    return queue.terms is not None and queue.terms.was_held


def _ends_turn(queue: Queue, held: Sequence[Hold]) -> bool:
    """Count a delivery of `queue`, which these holds hold now; return whether its turn is over."""
    if queue.terms is None:
        return True
    queue.terms.turn += 1
    return bool(held) or queue.terms.turn >= queue.terms.weight
