"""Listings: choose the module that makes each of them."""

from typing import assert_never

from sharq_plug.model import (
    Backlogs,
    Jobs,
    Letters,
    Listing,
    Names,
    Overdue,
    Page,
    Queues,
    SharedLimits,
    Types,
    check_name,
)
from sharq_redis.buckets import Buckets
from sharq_redis.job_listings import JobListings
from sharq_redis.limit_listings import LimitListings
from sharq_redis.link import Link
from sharq_redis.queue_listings import QueueListings
from sharq_redis.tending import Run
from sharq_redis.type_listings import TypeListings


class Listings:
    """Return pages of any listing."""

    def __init__(self, link: Link, buckets: Buckets, run: Run) -> None:
        self._types = TypeListings(link, buckets, run)
        self._queues = QueueListings(link, buckets, run)
        self._jobs = JobListings(run)
        self._limits = LimitListings(run)

    async def page(
        self, queue_type: str | None, listing: Listing, cursor: str | None, limit: int
    ) -> Page:
        """Return a page. Raises InvalidRequest and BrokenQueue."""
        if isinstance(listing, Types) or (queue_type is None and isinstance(listing, Names)):
            return await self._types.page(listing, cursor, limit)
        name = check_name("queue_type", queue_type or "")
        match listing:
            case Names() | Queues() | Backlogs():
                return await self._queues.page(name, listing, cursor, limit)
            case Overdue():
                return await self._queues.overdue(name, cursor, limit)
            case Jobs():
                return await self._jobs.jobs(name, listing, cursor, limit)
            case Letters():
                return await self._jobs.letters(name, listing, cursor, limit)
            case SharedLimits():
                return await self._limits.page(name, listing, cursor, limit)
            case _:
                assert_never(listing)
