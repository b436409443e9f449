"""The line of a type: which queue goes next."""

from collections.abc import Iterator
from enum import Enum, auto
from heapq import merge
from itertools import chain, islice, takewhile
from math import inf

from sharq_memory.benches import NO_BENCHES, Benches
from sharq_memory.doubts import Spot
from sharq_memory.entries import starting_at
from sharq_memory.holds import held_until, terms_of
from sharq_memory.places import Place, Places
from sharq_memory.queue import Queue
from sharq_memory.shared import SharedLimit
from sharq_memory.terms import Terms


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

    Those that use shared limits stand in rows instead (see `benches`).

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

    __slots__ = ("benches", "doubtful", "number", "placed", "places", "soonest")

    def __init__(self) -> None:
        self.places = Places()  # of the queues that use no shared limit
        self.benches = NO_BENCHES
        self.number = 0  # the latest that was given
        self.soonest: float = inf  # ready since of the first place given, but by serving
        self.placed: list[str] = []  # the queues that got places, but by being served
        self.doubtful: tuple[float, int] | None = None  # the first doubtful place

    def first(self, now: int) -> Queue | SharedLimit | None:
        """Return what is first in line at `now` (ms): a queue to serve, or a shared limit."""
        place, entries = self.places.first(), self.benches.entries
        if entries and (place is None or entries[0] < place):
            place = entries[0]
        return None if place is None or place[0] > now else place[2]

    def ready_at(self) -> float:
        """Return the instant (ms) from which on what is first in line is ready."""
        place = self._first()
        return inf if place is None else place[0]

    def ready_queues(self, now: int) -> int:
        """Return how many queues are ready at `now` (ms)."""
        in_rows = sum(row.places.rank((now + 1,)) for row in self.benches.open_rows(now))
        return self.places.rank((now + 1,)) + in_rows

    def ready_from(self, start: Spot, now: int) -> Iterator[Place]:
        """Iterate over the places of the queues that are ready at `now` (ms), from `start` on."""
        of_rows = (row.places.starting_at(start) for row in self.benches.open_rows(now))
        places = merge(self.places.starting_at(start), *of_rows)
        return takewhile(lambda place: bool(place[0] <= now), places)

    def take_place(self, queue: Queue, now: int, step: Step) -> None:
        """Give `queue` its place at `now` (ms) after a step that changed it."""
        since, terms = queue.ready_since, queue.terms
        if queue.head is None and queue.delayed is None:
            self.leave(queue)
            return
        until = held_until(queue, now)
        ready_at = until or now
        if since is None:
            self.enter(queue, ready_at, self.next_number(), until)
        elif step is _SERVED and (terms is None or _ends_turn(terms, until)):
            self._move(queue, ready_at, self.next_number(), until)
        elif until and since != ready_at:
            self._move(queue, ready_at, queue.place_number, until)
        elif not until and since > now and (step is Step.DOUBTED or _was_held(queue)):
            self._move(queue, now, self.next_number(), until)
        elif terms is not None and terms.row != terms.uses:
            self._move_to_row(queue)
        else:
            return
        if step is _SERVED or ready_at == inf:
            return
        if terms is not None and terms.row:
            self.benches.placed.append((ready_at, queue.queue_id, terms.row))
            return
        self.placed.append(queue.queue_id)
        if ready_at < self.soonest:
            self.soonest = ready_at

    def add_limit(self, name: str) -> SharedLimit:
        """Return a new shared limit."""
        return self.own_benches().add(name)

    def own_benches(self) -> Benches:
        """Return the benches of this line, to change them."""
        if self.benches is NO_BENCHES:
            self.benches = Benches()
        return self.benches

    def next_number(self) -> int:
        """Return a number that is higher than all before."""
        self.number += 1
        return self.number

    def enter(self, queue: Queue, ready_since: float, number: int, until: float = 0) -> None:
        """Let `queue`, which has no place, stand at one.

        `until` is when its holds end (ms), 0 if none stands.
        """
        queue.ready_since, queue.place_number = ready_since, number
        place, terms = (ready_since, number, queue), queue.terms
        if terms is not None:
            terms.was_held = until > 0
            terms.row = terms.uses
            if terms.row:
                self.benches.enter(terms.row, place, until)
                return
        if until:
            self.places.add(place)
        else:
            self.places.append(place)

    def put_back(self, queue: Queue) -> None:
        """List the place that `queue` had."""
        place = (queue.ready_since, queue.place_number, queue)
        if queue.terms is not None and queue.terms.row:
            self.benches.row_of(queue.terms.row).places.add(place)
        elif queue.ready_since == inf:
            self.places.add(place)
        else:
            self.places.append(place)

    def leave(self, queue: Queue) -> None:
        """Take `queue` out of the line, if it has a place; its turn ends."""
        if queue.ready_since is not None:
            terms = queue.terms
            if terms is not None and terms.row:
                self.benches.leave(terms.row, queue)
            else:
                self.places.remove(queue.ready_since, queue.place_number, queue)
            queue.ready_since = None
            if terms is not None:
                terms.turn, terms.row = 0, ()

    def end_call(self, now: int) -> bool:
        """Note when the queues in rows that got places can go.

        Return whether an event opened a shared limit. Then any queue may be ready.
        """
        benches = self.benches
        for own, queue_id, names in benches.placed:
            ready_at = max(own, benches.held_until(names, now))
            if ready_at < inf:
                self.placed.append(queue_id)
                self.soonest = min(self.soonest, ready_at)
        benches.placed = []
        is_opened, benches.is_opened = benches.is_opened, False
        if is_opened:
            self.soonest = min(self.soonest, self.ready_at())
        return is_opened

    @property
    def is_doubted(self) -> bool:
        """Whether there are places that are doubted."""
        return self.doubtful is not None or bool(self.benches.doubts)

    def doubt(self, now: int) -> bool:
        """Doubt the places that lie ahead of `now` (ms), if there are any; return whether."""
        ahead = (now + 1, 0)
        in_line = self.places.starting_at(ahead), starting_at(self.benches.entries, ahead)
        if next(chain(*in_line), None) is not None:
            self.doubtful = ahead if self.doubtful is None else min(ahead, self.doubtful)
        self.benches.doubt(ahead)
        if self.benches.limits:
            self.benches.doubts.doubt_limits()
        return self.is_doubted

    def doubt_all(self) -> None:
        """Doubt all places, if there are any."""
        self.doubtful = (0, 0) if self.places or self.benches.rows else None
        self.benches.doubt((0, 0))

    def next_doubtful(self, limit: int) -> list[Queue]:
        """Return the queues at up to `limit` doubtful places; doubt these no more.

        First go the places in line, in their order, entries included, then those in rows.
        """
        places: list[Place] = []
        if self.doubtful is not None:
            in_line = self.places.starting_at(self.doubtful)
            entries = starting_at(self.benches.entries, self.doubtful)
            places = list(islice(merge(in_line, entries), limit))
            self.doubtful = None
            if len(places) == limit:
                ready_since, number, _ = places[-1]
                self.doubtful = (ready_since, number + 1)
        queues = [place[-1] for place in places if isinstance(place[-1], Queue)]
        in_rows = self.benches.doubts.next_queues(self.benches.rows, limit - len(places))
        return queues + in_rows

    def _first(self) -> Place | None:
        """Return the first place in line, be it that of a queue or an entry."""
        place, entries = self.places.first(), self.benches.entries
        if entries and (place is None or entries[0] < place):
            place = entries[0]
        return place

    def _move(self, queue: Queue, ready_since: float, number: int, until: float) -> None:
        """Let `queue`, which has a place, stand at another; its turn ends."""
        terms = queue.terms
        if terms is None or not terms.row or terms.row != terms.limiter.rules.uses:
            self.leave(queue)
            self.enter(queue, ready_since, number, until)
            return
        self.benches.move(terms.row, queue, (ready_since, number, queue), until)
        queue.ready_since, queue.place_number = ready_since, number
        terms.turn, terms.was_held = 0, until > 0

    def _move_to_row(self, queue: Queue) -> None:
        """Let `queue`, which uses other shared limits from now on, stand where it is to."""
        terms = terms_of(queue)
        place, turn = queue.place(), terms.turn
        self.leave(queue)
        self.enter(queue, *place, int(terms.was_held))
        terms.turn = turn


def _was_held(queue: Queue) -> bool:
    """Return whether `queue` is known to have been held when it got its place."""
    return queue.terms is not None and queue.terms.was_held


def _ends_turn(terms: Terms, until: float) -> bool:
    """Count a delivery of a queue that has a place; return whether its turn is over."""
    turn = terms.turn = terms.turn + 1
    return until > 0 or turn >= (terms.limiter.rules.weight or 1)
