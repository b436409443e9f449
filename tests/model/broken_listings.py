"""Memory stores that are broken on purpose, one fault each: listings of queues and jobs."""

from msgspec.structs import replace

from sharq_memory.listing import OfType
from sharq_memory.queue import Queue
from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    JobEntry,
    Jobs,
    JobState,
    Letters,
    LetterView,
    Listing,
    Overdue,
    Page,
    Queues,
    QueueView,
)


class DeadQueuesAreNotListed(TypeState):
    """A queue with nothing but dead letters is left out."""

    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        page = super().page(listing, cursor, limit, now)
        if not isinstance(listing, Queues):
            return page
        items = [item for item in page.items if isinstance(item, QueueView)]
        alive = [item for item in items if item.waiting or item.delayed or item.leased]
        return replace(page, items=tuple(alive))


class PrefixIsNotListed(TypeState):
    """A queue that is named as the prefix is left out."""

    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        page = super().page(listing, cursor, limit, now)
        if not isinstance(listing, Queues):
            return page
        items = [item for item in page.items if isinstance(item, QueueView)]
        return replace(page, items=tuple(one for one in items if one.queue_id != listing.prefix))


class OverdueGoesByName(TypeState):
    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        page = super().page(listing, cursor, limit, now)
        if not isinstance(listing, Overdue):
            return page
        items = [item for item in page.items if isinstance(item, QueueView)]
        return replace(page, items=tuple(sorted(items, key=lambda item: item.queue_id)))


class HeldQueuesAreOverdue(TypeState):
    """Queues whose places lie ahead are listed too."""

    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        later = now + 10**13 if isinstance(listing, Overdue) else now
        page = super().page(listing, cursor, limit, later)
        items = [
            self.view_of(item.queue_id, now) if isinstance(item, QueueView) else item
            for item in page.items
        ]
        return replace(page, items=tuple(items)) if isinstance(listing, Overdue) else page


class LettersGoOldestFirst(TypeState):
    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        page = super().page(listing, cursor, limit, now)
        if not isinstance(listing, Letters):
            return page
        letters = [item for item in page.items if isinstance(item, LetterView)]
        return replace(page, items=tuple(reversed(letters)))


class JobsGoByTheirIds(TypeState):
    """Those of a page."""

    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        page = super().page(listing, cursor, limit, now)
        if not isinstance(listing, Jobs):
            return page
        entries = [item for item in page.items if isinstance(item, JobEntry)]
        return replace(page, items=tuple(sorted(entries, key=lambda entry: entry.job_id)))


class PageLeavesAJobOut(TypeState):
    """The last one of each page but the last."""

    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        if isinstance(listing, Jobs | Letters):
            page = super().page(listing, cursor, limit + 1, now)
            return page if page.cursor is None else replace(page, items=page.items[:-1])
        return super().page(listing, cursor, limit, now)


class PageEndsAListing(TypeState):
    """The first page of jobs, whatever comes behind it."""

    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        page = super().page(listing, cursor, limit, now)
        return replace(page, cursor=None) if isinstance(listing, Jobs) else page


class DueJobsAreListedAsDelayed(TypeState):
    """Until they have joined."""

    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        page = super().page(listing, cursor, limit, now)
        if not isinstance(listing, Jobs) or listing.state is not JobState.WAITING:
            return page
        queue = self.queues.get(listing.queue_id) or Queue(listing.queue_id)
        due = {entry[-1].job_id for entry in queue.delayed or () if entry[0] <= now}
        entries = [item for item in page.items if isinstance(item, JobEntry)]
        return replace(page, items=tuple(one for one in entries if one.job_id not in due))


class PayloadsAreListedUnasked(TypeState):
    def page(self, listing: OfType, cursor: str | None, limit: int, now: int) -> Page:
        if isinstance(listing, Jobs):
            listing = replace(listing, with_payloads=True)
        return super().page(listing, cursor, limit, now)


class CursorCountsItems(MemoryStore):
    """A listing of jobs goes on behind as many jobs as it has listed."""

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        if not isinstance(listing, Jobs):
            return await super().page(queue_type, listing, cursor=cursor, limit=limit)
        had = int(cursor or "0")
        page = await super().page(queue_type, listing, limit=had + limit)
        return Page(page.items[had:], None if page.cursor is None else str(had + limit))
