"""Listings, page by page. A cursor is a position in an order, whose item may be gone."""

from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from math import inf
from typing import Any, TypeAlias, assert_never

from sharq_memory.cursors import names_start, read_cursor, write_cursor
from sharq_memory.entries import starting_at
from sharq_memory.looking import Looking
from sharq_memory.queue import Job, Queue
from sharq_memory.showing import show_dead, show_job, show_letter
from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    Backlogs,
    JobEntry,
    Jobs,
    JobState,
    Letters,
    LetterView,
    Names,
    Overdue,
    Page,
    Queues,
    QueueView,
    SharedLimits,
)

Position: TypeAlias = tuple[int, ...]
Found: TypeAlias = tuple[Position, QueueView | JobEntry | LetterView, int]
"""A position, the item that is there, and the size of the payload that is shown with it."""

OfType: TypeAlias = Names | Queues | Overdue | Backlogs | Jobs | Letters | SharedLimits
"""What can be listed of a type."""


class Paging(Looking):
    """The listings of a type; each kind of listing is a case and a method here."""

    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        """Return one page."""
        match listing:
            case Names():
                names = self.queues.irange(names_start("names", cursor))
                return page_by_name("names", names, limit, self._name)
            case Backlogs():
                names = self.queues.irange(names_start("backlogs", cursor))
                return page_by_name("backlogs", names, limit, lambda name: self._backlog(name, now))
            case Queues():
                return self._page_of_queues(listing.prefix, cursor, limit, now)
            case SharedLimits():
                return self._page_of_limits(listing.name, cursor, limit, now)
            case _:
                return _filled(*self._found(listing, cursor, now), limit)

    def _found(
        self, listing: Overdue | Jobs | Letters, cursor: str | None, now: int
    ) -> tuple[str, Iterator[Found]]:
        """Return the name of a listing in its cursors, and an iterator over what it lists."""
        match listing:
            case Overdue():
                return "overdue", self._overdue(cursor, now)
            case Jobs():
                return listing.state.value, self._jobs(listing, cursor, now)
            case Letters():
                return "letters", self._letters(listing.queue_id, cursor)
            case _:
                assert_never(listing)

    def _name(self, queue_id: str) -> str | None:
        return queue_id if self.queues[queue_id].jobs else None

    def _backlog(self, queue_id: str, now: int) -> QueueView | None:
        queue = self.queues[queue_id]
        return QueueView(queue_id, waiting=queue.waiting_at(now)) if queue.jobs else None

    def _page_of_queues(self, prefix: str, cursor: str | None, limit: int, now: int) -> Page:
        start = max(prefix, names_start("queues", cursor))
        names = takewhile(lambda name: name.startswith(prefix), self._names_from(start))

        def show(name: str) -> QueueView | None:
            is_there = name in self.dead.of_queues or self.queues[name].jobs
            return self.view_of(name, now) if is_there else None

        return page_by_name("queues", names, limit, show)

    def _page_of_limits(self, name: str | None, cursor: str | None, limit: int, now: int) -> Page:
        start = names_start("limits", cursor)
        names = (
            self.limits.irange(start) if name is None else (n for n in [name] if n in self.limits)
        )
        return page_by_name("limits", names, limit, lambda name: self.limits[name].view(now))

    def _overdue(self, cursor: str | None, now: int) -> Iterator[Found]:
        """Iterate over the queues that may be dequeued, in line."""
        since, after = _start("overdue", cursor, 2, (0, 0))
        for ready_since, number, queue in self.line.ready_from((since, after), now):
            yield (ready_since, number), self.view_of(queue.queue_id, now), 0

    def _jobs(self, listing: Jobs, cursor: str | None, now: int) -> Iterator[Found]:
        """Iterate over the jobs of a queue in a state."""
        if listing.state is JobState.DEAD:
            yield from self._dead(listing, cursor)
            return
        queue = self.queues.get(listing.queue_id) or Queue(listing.queue_id)
        for position, job in in_state(queue, listing.state, cursor, now):
            view = show_job(queue, job, now, payloads=listing.with_payloads)
            size = len(job.payload) if listing.with_payloads else 0
            yield position, JobEntry(job.job_id, view), size

    def _dead(self, listing: Jobs, cursor: str | None) -> Iterator[Found]:
        """Iterate over the dead jobs of a queue."""
        after = 0 if cursor is None else read_cursor(cursor, "dead", int)[0]
        for number in self.dead.numbers(listing.queue_id, after=after):
            letter = self.dead.by_number[number]
            view = show_dead(letter, payloads=listing.with_payloads)
            size = len(letter.payload) if listing.with_payloads else 0
            yield (number,), JobEntry(letter.job_id, view), size

    def _letters(self, queue_id: str | None, cursor: str | None) -> Iterator[Found]:
        """Iterate over dead letters, the newest first."""
        before = inf if cursor is None else read_cursor(cursor, "letters", int)[0]
        for number in self.dead.numbers(queue_id, before=before, newest_first=True):
            letter = self.dead.by_number[number]
            yield (number,), show_letter(number, letter), len(letter.payload)


def page_by_name(
    listing: str, names: Iterator[str], limit: int, show: Callable[[str], str | Any | None]
) -> Page:
    """Return a page of up to `limit` names, each as `show` returns it; None leaves it out."""
    found = list(islice(names, limit + 1))
    items = (show(name) for name in found[:limit])
    cursor = write_cursor(listing, found[limit - 1]) if len(found) > limit else None
    return Page(tuple(item for item in items if item is not None), cursor)


def _filled(listing: str, found: Iterator[Found], limit: int) -> Page:
    """Return a page of the first `limit` items, or fewer if payloads end it."""
    items: list[Any] = []
    room = MAX_DEQUEUE_BYTES
    last: Position = ()
    for position, item, size in found:
        if len(items) == limit or (items and size > room):
            return Page(tuple(items), write_cursor(listing, *last))
        items.append(item)
        room -= size
        last = position
    return Page(tuple(items), None)


def _start(listing: str, cursor: str | None, length: int, first: Position) -> Position:
    """Return the position at which a listing goes on: the first behind that of the cursor."""
    if cursor is None:
        return first
    *major, minor = read_cursor(cursor, listing, *[int] * length)
    return *major, minor + 1


def in_state(
    queue: Queue, state: JobState, cursor: str | None, now: int
) -> Iterator[tuple[Position, Job]]:
    """Iterate over the living jobs of `queue` in a state, from a cursor on, with positions."""
    match state:
        case JobState.WAITING:
            # those that have joined, by their places, then those that are due
            part, *start = _start("waiting", cursor, 4, (0, 0, 0, -(2**62)))
            if not part:
                for job in queue.waiting_jobs(start[-1]):
                    yield (0, 0, 0, job.place), job
                start = []
            for *position, job in queue.due_from(tuple(start), now):
                yield (1, *position), job
        case JobState.DELAYED:
            for *position, job in queue.delayed_from(_start("delayed", cursor, 3, (0,)), now):
                yield tuple(position), job
        case _:
            for *position, job in starting_at(queue.leases, _start("leased", cursor, 2, (0,))):
                yield tuple(position), job
