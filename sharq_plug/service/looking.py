"""Look at jobs, queues, types and shared limits, and list them in bounded steps."""

from collections.abc import AsyncIterator, Callable, Sequence
from heapq import nsmallest
from typing import Any, Final

from sharq_plug.errors import BrokenQueue, NoSuchLimit, Overloaded, SharqError
from sharq_plug.model import (
    Backlogs,
    JobEntry,
    JobRef,
    JobView,
    LetterView,
    LimitView,
    Listing,
    Names,
    Page,
    QueueView,
    SharedLimits,
    View,
    check_integer,
    check_name,
)
from sharq_plug.service.calls import StoreCalls
from sharq_plug.service.outcomes import find_outcomes
from sharq_plug.store import QueueStore

STEP = 50
"""About how many items one store call lists. More would make dequeues wait behind it."""
MAX_PAGE = 1000
PAGE_STEPS = 200
"""Store calls after which a page is returned, however few items they found."""
MUCH_PAYLOAD = 1024 * 1024
"""Bytes of payload after which a page ends. The last store call may add up to 8 MiB, or one larger
payload."""
ONE_WALK: Final = "A listing by backlog is under way already."


class Looking:
    """Everything that shows what a store holds, and changes nothing.

    Each method raises InvalidRequest, Overloaded, StoreUnavailable.
    """

    def __init__(self, store: QueueStore, calls: StoreCalls) -> None:
        self._store = store
        self._calls = calls
        self._is_walking = False

    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Return what there is in a queue or a type, and its counts, or the counts of everything.

        Raises BrokenQueue.
        """
        _check_names(queue_type, queue_id)
        return await self._calls.alone(self._store.look(queue_type, queue_id))

    async def find(
        self, queue_type: str, jobs: Sequence[JobRef], *, payloads: bool = False
    ) -> list[JobView | SharqError | None]:
        """Look at up to 1000 jobs by their ids.

        Return for each, in order, what is known of it, None if it is unknown, or BrokenQueue.
        """
        check_name("queue_type", queue_type)
        found = await self._calls.alone(self._store.find(queue_type, jobs, payloads=payloads))
        return find_outcomes(jobs, found)

    async def limit(self, queue_type: str, name: str) -> LimitView:
        """Return what there is of a shared limit. Raises NoSuchLimit."""
        check_name("queue_type", queue_type)
        page = await self._step(queue_type, SharedLimits(name), None, 1)
        for view in page.items:
            if isinstance(view, LimitView):
                return view
        raise NoSuchLimit(name)

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        """Return one page of a listing, of about `limit` items (1 to 1000), gathered in steps.

        A page that is short or empty may not be the last: payloads were large, or many store calls
        found nothing. Raises BrokenQueue if jobs or letters of a damaged queue are asked for.
        """
        _check_names(queue_type)
        check_integer("limit", limit, 1, MAX_PAGE)
        items: list[Any] = []
        size = 0
        for _ in range(PAGE_STEPS):
            page = await self._step(queue_type, listing, cursor, min(limit - len(items), STEP))
            items += page.items
            size += payload_bytes(page)
            cursor = page.cursor
            if cursor is None or len(items) >= limit or size > MUCH_PAYLOAD:
                break
        return Page(tuple(items), cursor)

    async def names(self, queue_type: str | None = None) -> list[str]:
        """List every queue of a type, or (None) every type that has a queue, in bounded steps."""
        _check_names(queue_type)
        names: dict[str, None] = {}
        async for page in self._pages(queue_type, Names()):
            names.update(dict.fromkeys(name for name in page.items if isinstance(name, str)))
        return list(names)

    async def longest(
        self, queue_type: str, *, limit: int, sees: Callable[[str], bool] | None = None
    ) -> list[QueueView]:
        """Return up to `limit` (1 to 1000) queues of a type, those in which the most jobs wait.

        With `sees`, only queues of the names for which it returns True.

        It walks over all queues of the type in bounded steps, then looks at the longest. Equal ones
        are ordered by name. Raises Overloaded while another such walk is under way.
        """
        check_name("queue_type", queue_type)
        check_integer("limit", limit, 1, MAX_PAGE)
        if self._is_walking:
            raise Overloaded(ONE_WALK)
        self._is_walking = True
        try:
            names = await self._longest_names(queue_type, limit, sees)
            views = [await self._backlog(queue_type, name) for name in names]
        finally:
            self._is_walking = False
        return sorted((view for view in views if view is not None), key=_longest_first)

    async def _longest_names(
        self, queue_type: str, limit: int, sees: Callable[[str], bool] | None
    ) -> list[str]:
        found: dict[str, QueueView] = {}
        async for page in self._pages(queue_type, Backlogs()):
            for view in page.items:
                if not isinstance(view, QueueView) or not view.waiting:
                    continue
                if sees is None or sees(view.queue_id):
                    found[view.queue_id] = view
            if len(found) > 2 * limit:
                longest = nsmallest(limit, found.values(), key=_longest_first)
                found = {view.queue_id: view for view in longest}
        return [view.queue_id for view in nsmallest(limit, found.values(), key=_longest_first)]

    async def _backlog(self, queue_type: str, queue_id: str) -> QueueView | None:
        """Return what there is in a queue; None if no job waits any more, or it is now damaged."""
        try:
            view = await self._calls.alone(self._store.look(queue_type, queue_id))
        except BrokenQueue:
            return None
        return view.queue if view.queue is not None and view.queue.waiting else None

    async def _pages(self, queue_type: str | None, listing: Listing) -> AsyncIterator[Page]:
        """Yield a listing from its first step to its last."""
        cursor: str | None = None
        while True:
            page = await self._step(queue_type, listing, cursor, STEP)
            yield page
            cursor = page.cursor
            if cursor is None:
                return

    async def _step(
        self, queue_type: str | None, listing: Listing, cursor: str | None, limit: int
    ) -> Page:
        step = self._store.page(queue_type, listing, cursor=cursor, limit=limit)
        return await self._calls.alone(step)


def payload_bytes(page: Page) -> int:
    """Return the size of the payloads of a page in bytes."""
    size = 0
    for item in page.items:
        match item:
            case LetterView():
                size += len(item.payload)
            case JobEntry(job=JobView(payload=bytes(payload))):
                size += len(payload)
    return size


def _check_names(queue_type: str | None, queue_id: str | None = None) -> None:
    if queue_type is not None:
        check_name("queue_type", queue_type)
    if queue_id is not None:
        check_name("queue_id", queue_id)


def _longest_first(view: QueueView) -> tuple[int, str]:
    return -view.waiting, view.queue_id
