"""Memory states that are broken on purpose, one fault each: rows, benches and their entries."""

from model.broken_shared import OnBenches

from sharq_memory.benches import Benches, Row, rows_on
from sharq_memory.call import DequeueCall
from sharq_memory.holds import uses_of
from sharq_memory.line import Line
from sharq_memory.places import Place, Places
from sharq_memory.queue import Job, Queue
from sharq_memory.shared import SharedLimit
from sharq_memory.state import TypeState
from sharq_memory.terms import Names
from sharq_plug.model import ChangeOutcome, DropLimit, Release, Setting


class LosingBenches(Benches):
    def next_queue(self, limit: SharedLimit, now: int) -> Queue | None:
        queue = super().next_queue(limit, now)
        if queue is None:
            self._list(limit, None)
        return queue


class MovedRowTakesTheEntryAlong(OnBenches):
    """The rows that stay on a bench have no entry any more."""

    make = LosingBenches


class StubbornLine(Line):
    def _move_to_row(self, queue: Queue) -> None:
        if not uses_of(queue):
            super()._move_to_row(queue)


class ChangedUsesKeepTheRow(TypeState):
    """A queue in line goes on to use what it used until it gets a new place."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self.line = StubbornLine()

    def _drop_limit(self, change: DropLimit) -> ChangeOutcome:
        limit = self.limits.get(change.name)
        is_used = limit is not None and limit.queues > 0
        return ChangeOutcome.IN_USE if is_used else super()._drop_limit(change)


class LimitServesOneQueue(TypeState):
    """A shared limit that opens gives one job in each call."""

    def __init__(self, queue_type: str) -> None:
        super().__init__(queue_type)
        self._call: DequeueCall | None = None
        self._served: set[str] = set()

    def _first_behind(self, limit: SharedLimit, call: DequeueCall) -> Queue | None:
        if self._call is not call:
            self._call, self._served = call, set()
        if limit.name in self._served:
            return None
        self._served.add(limit.name)
        return super()._first_behind(limit, call)


class MovingBenches(Benches):
    def next_queue(self, limit: SharedLimit, now: int) -> Queue | None:
        queue = super().next_queue(limit, now)
        if queue is not None:
            for *_, row in list(rows_on(limit.bench)):
                if row.names[0] != limit.name and row.first and row.first[2] is not queue:
                    self.move_to_bench(row, row.names[0])
            self.settle(now)
        return queue


class RowsMoveAtEveryOpening(OnBenches):
    """All rows leave the bench of a shared limit that opens."""

    make = MovingBenches


class BlockedPlaces(Places):
    def first(self) -> Place | None:
        return min(self, key=lambda place: int(place[1]), default=None)


class BlockedBenches(Benches):
    def row_of(self, names: Names) -> Row:
        row = super().row_of(names)
        if not row.places:
            row.places = BlockedPlaces()
        return row


class HeldQueueBlocksItsRow(OnBenches):
    """A row waits for the queue with the lowest number, which may have a hold of its own."""

    make = BlockedBenches


class ReleasePutsAQueueIntoTheLine(TypeState):
    def _release(self, queue: Queue, job: Job, item: Release, now: int) -> None:
        super()._release(queue, job, item, now)
        terms = queue.terms
        if terms is not None and terms.row and queue.ready_since is not None:
            place = queue.place()
            self.line.leave(queue)
            queue.ready_since, queue.place_number = place
            self.line.places.add((*place, queue))
            self.line.benches.settle(now)


class OpenedLimitWakesNobody(TypeState):
    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        outcome = super().configure(change, now)
        self.line.benches.is_opened = False
        return outcome
