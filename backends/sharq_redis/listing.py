"""Listings: choose the module that makes each of them."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias, assert_never

from sharq_plug.model import (
    Backlogs,
    Figures,
    Jobs,
    KnownTypes,
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
from sharq_redis.figures import FigureReader
from sharq_redis.job_listings import JobListings
from sharq_redis.limit_listings import LimitListings
from sharq_redis.queue_listings import QueueListings
from sharq_redis.routing.route import Route
from sharq_redis.tending import Run
from sharq_redis.type_listings import TypeListings

OfType: TypeAlias = Names | Queues | Backlogs | Overdue | Jobs | Letters | SharedLimits


class Listings:
    """Return pages of any listing."""

    def __init__(
        self, route: Route, buckets: Buckets, run: Run, time: Callable[[], Awaitable[int]]
    ) -> None:
        self._time = time
        self._figures = FigureReader(route, buckets)
        self._types = TypeListings(route, buckets, run)
        self._queues = QueueListings(route, buckets, run)
        self._jobs = JobListings(run)
        self._limits = LimitListings(run)

    async def page(
        self, queue_type: str | None, listing: Listing, cursor: str | None, limit: int
    ) -> Page:
        """Return a page. Raises InvalidRequest and BrokenQueue."""
        match listing:
            case Figures(names=names):
                return Page(tuple(await self._figures.of(names, await self._time())), None)
            case Types() | KnownTypes():
                return await self._types.page(listing, cursor, limit)
            case Names() if queue_type is None:
                return await self._types.page(listing, cursor, limit)
            case _:
                name = check_name("queue_type", queue_type or "")
                return await self._of_type(name, listing, cursor, limit)

    async def _of_type(self, name: str, listing: OfType, cursor: str | None, limit: int) -> Page:
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
