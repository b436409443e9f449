"""Listings: types, queues, jobs, shared limits and dead letters, page by page."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.queries import JobsQuery, PageQuery, QueuesQuery, Sort
from sharq_plug.http.api.replies import Reply
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.rights import (
    check_payloads,
    may_read_payloads,
    seen_queues,
    seen_types,
)
from sharq_plug.http.api.shown import JobPage, LetterPage, LimitPage, QueuePage, TypePage
from sharq_plug.http.api.turns import may_build
from sharq_plug.http.api.views import PageKind, page_reply
from sharq_plug.model import (
    Jobs,
    Letters,
    Listing,
    Overdue,
    Page,
    Queues,
    SharedLimits,
    Types,
    check_integer,
    invalid,
)
from sharq_plug.service import MAX_PAGE, payload_bytes, visible_by_name, visible_in_order


async def types(request: Request, asked: PageQuery) -> Reply:
    """List the types that have a queue or a dead letter."""
    sees = seen_types(request)
    if sees is None:
        return page_reply(TypePage, await _page(request, None, Types(), asked))
    page = await _by_name(
        request, None, Types(), asked, name_of=attrgetter("queue_type"), sees=sees
    )
    return page_reply(TypePage, page)


async def queues(request: Request, asked: QueuesQuery, queue_type: str) -> Reply:
    """List the queues of a type: all, those with a prefix, the overdue, or the longest."""
    if asked.sort is Sort.WAITING:
        return await _longest(request, queue_type, asked)
    if asked.sort is Sort.OVERDUE:
        _check_no_prefix(asked)
        return page_reply(QueuePage, await _in_order(request, queue_type, Overdue(), asked))
    listing = Queues(asked.prefix)
    sees = seen_queues(request)
    if sees is None:
        return page_reply(QueuePage, await _page(request, queue_type, listing, asked))
    page = await _by_name(
        request, queue_type, listing, asked, name_of=attrgetter("queue_id"), sees=sees
    )
    return page_reply(QueuePage, page)


async def jobs(request: Request, asked: JobsQuery, queue_type: str, queue_id: str) -> Reply:
    """List the jobs of a queue in one state, in the order in which they would go."""
    check_payloads(request, asked=asked.payload)
    listing = Jobs(queue_id, asked.state, asked.payload)
    if not asked.payload:
        return page_reply(JobPage, await _page(request, queue_type, listing, asked))
    return await _with_payloads(request, queue_type, listing, asked, JobPage)


async def limits(request: Request, asked: PageQuery, queue_type: str) -> Reply:
    """List the shared limits of a type, by name."""
    return page_reply(LimitPage, await _page(request, queue_type, SharedLimits(), asked))


async def dead_letters(
    request: Request, asked: PageQuery, queue_type: str, queue_id: str | None = None
) -> Reply:
    """List the dead letters of a type or a queue, the newest first."""
    return await _with_payloads(request, queue_type, Letters(queue_id), asked, LetterPage)


async def _longest(request: Request, queue_type: str, asked: QueuesQuery) -> Reply:
    _check_no_prefix(asked)
    if asked.cursor is not None:  # this listing has one page, and so no cursor
        raise invalid("cursor")
    sees = seen_queues(request)
    found = await request.service.looking.longest(queue_type, limit=asked.limit, sees=sees)
    return page_reply(QueuePage, Page(tuple(found), None))


async def _with_payloads(
    request: Request, queue_type: str, listing: Listing, asked: PageQuery, kind: PageKind
) -> Reply:
    """Return a page that may be as large as a dequeue's response, after waiting for its turn."""
    server = request.server
    async with server.listings:
        await server.memory.room()
        page = await _in_order(request, queue_type, listing, asked)
        await may_build(server, payload_bytes(page))
        return page_reply(kind, page, payloads=may_read_payloads(request))


async def _by_name(
    request: Request,
    queue_type: str | None,
    listing: Listing,
    asked: PageQuery,
    *,
    name_of: Callable[[Any], str],
    sees: Callable[[str], bool],
) -> Page:
    """Return a page for a caller who sees only some names."""
    check_integer("limit", asked.limit, 1, MAX_PAGE)
    next_page = partial(_from, request, queue_type, listing)
    async with request.server.listings:
        return await visible_by_name(
            next_page, name_of, sees, cursor=asked.cursor, limit=asked.limit
        )


async def _in_order(request: Request, queue_type: str, listing: Listing, asked: PageQuery) -> Page:
    """Return a page without what is of queues that the caller may not use."""
    sees = seen_queues(request)
    if sees is None or isinstance(listing, Jobs):
        return await _page(request, queue_type, listing, asked)
    next_page = partial(_from, request, queue_type, listing)
    return await visible_in_order(
        next_page,
        lambda item: sees(item.queue_id),
        cursor=asked.cursor,
        limit=asked.limit,
    )


async def _from(
    request: Request, queue_type: str | None, listing: Listing, cursor: str | None, limit: int
) -> Page:
    return await request.service.looking.page(queue_type, listing, cursor=cursor, limit=limit)


async def _page(
    request: Request, queue_type: str | None, listing: Listing, asked: PageQuery
) -> Page:
    return await _from(request, queue_type, listing, asked.cursor, asked.limit)


def _check_no_prefix(asked: QueuesQuery) -> None:
    if asked.prefix:
        raise InvalidRequest("`prefix` and `sort` exclude each other.")
