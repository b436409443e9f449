"""The line of a type: which queue goes next."""

from itertools import islice
from math import inf

from sharq_memory.limits import holds, take_up
from sharq_memory.places import Places
from sharq_memory.queue import Queue


class Line:
    """The queues in which jobs wait or are delayed, by their places: (ready since, place number).

    `take_place` gives every place. R, the instant at which a queue's holds end, decides; the first
    row that applies:

        it was served, or had no place      (the later of now and R, a new number)
        R lies in the future                (R, its number kept)
        R lay in the future                 (now, a new number)
        else                                unchanged
    """

    __slots__ = ("doubtful", "number", "placed", "places", "soonest")

    def __init__(self) -> None:
        self.places = Places()
        self.number = 0  # the latest that was given
        self.soonest: float = inf  # ready since of the first place given, but by serving
        self.placed: list[str] = []  # the queues that got places, but by being served
        self.doubtful: tuple[int, int] | None = None  # the first doubtful place

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

    def take_place(self, queue: Queue, now: int, before: int | None = None) -> None:
        """Give `queue` its place; `before` was R until now (ms), if that has changed."""
        if queue.head is None and queue.delayed is None:
            self.leave(queue)
            return
        if before is None and queue.ready_since is not None:
            return
        held = holds(queue, now)
        ready_at = max(held) if held else now
        if queue.ready_since is None:
            self.enter(queue, ready_at, self.next_number(), held)
        elif held and before != ready_at:
            self.leave(queue)
            self.enter(queue, ready_at, queue.place_number, held)
        elif not held and before is not None and before > now:
            self.leave(queue)
            self.enter(queue, ready_at, self.next_number())
        else:
            return
        self.placed.append(queue.queue_id)
        if ready_at < self.soonest:
            self.soonest = ready_at

    def next_number(self) -> int:
        """Return a number that is higher than all before."""
        self.number += 1
        return self.number

    def enter(
        self, queue: Queue, ready_since: int, number: int, held: tuple[int, ...] = ()
    ) -> None:
        """Let `queue`, which has no place, stand at one, by what holds it."""
        queue.ready_since, queue.place_number = ready_since, number
        place = (ready_since, number, queue)
        if held:
            self.places.add(place)
        else:
            self.places.append(place)

    def leave(self, queue: Queue) -> None:
        """Take `queue` out of the line, if it has a place."""
        if queue.ready_since is not None:
            self.places.remove(queue.ready_since, queue.place_number, queue)
            queue.ready_since = None

    def doubt(self, now: int) -> bool:
        """Doubt the places that lie ahead of `now` (ms), if there are any; return whether."""
        ahead = (now + 1, 0)
        if next(self.places.starting_at(ahead), None) is None:
            return False
        self.doubtful = ahead
        return True

    def set_anew(self, limit: int, now: int) -> None:
        """Give up to `limit` queues at doubtful places, in their order, their places anew."""
        if self.doubtful is None:
            return
        places = list(islice(self.places.starting_at(self.doubtful), limit))
        self.doubtful = None
        if len(places) == limit:
            ready_since, number, _ = places[-1]
            self.doubtful = (ready_since, number + 1)
        for _, _, queue in places:
            take_up(queue, now)
            self.take_place(queue, now, queue.ready_since)
