"""Listings: types, queues, jobs, shared limits and dead letters, page by page."""

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.queries import JobsQuery, PageQuery, QueuesQuery, Sort, read_query
from sharq_plug.http.api.replies import Reply
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.turns import may_build
from sharq_plug.http.api.views import page_reply
from sharq_plug.model import (
    Jobs,
    Letters,
    Listing,
    Overdue,
    Page,
    Queues,
    SharedLimits,
    Types,
    invalid,
)
from sharq_plug.service import payload_bytes


async def types(request: Request) -> Reply:
    """List the types that have a queue or a dead letter."""
    asked = read_query(request.query_string, PageQuery)
    return page_reply("types", await _page(request, None, Types(), asked))


async def queues(request: Request, queue_type: str) -> Reply:
    """List the queues of a type: all, those with a prefix, the overdue, or the longest."""
    asked = read_query(request.query_string, QueuesQuery)
    if asked.sort is Sort.WAITING:
        return await _longest(request, queue_type, asked)
    listing: Listing = Queues(asked.prefix)
    if asked.sort is Sort.OVERDUE:
        _check_no_prefix(asked)
        listing = Overdue()
    return page_reply("queues", await _page(request, queue_type, listing, asked))


async def jobs(request: Request, queue_type: str, queue_id: str) -> Reply:
    """List the jobs of a queue in one state, in the order in which they would go."""
    asked = read_query(request.query_string, JobsQuery)
    listing = Jobs(queue_id, asked.state, asked.payload)
    if not asked.payload:
        return page_reply("jobs", await _page(request, queue_type, listing, asked))
    return await _with_payloads(request, queue_type, listing, asked, "jobs")


async def limits(request: Request, queue_type: str) -> Reply:
    """List the shared limits of a type, by name."""
    asked = read_query(request.query_string, PageQuery)
    return page_reply("limits", await _page(request, queue_type, SharedLimits(), asked))


async def dead_letters(request: Request, queue_type: str, queue_id: str | None = None) -> Reply:
    """List the dead letters of a type or a queue, the newest first."""
    asked = read_query(request.query_string, PageQuery)
    return await _with_payloads(request, queue_type, Letters(queue_id), asked, "letters")


async def _longest(request: Request, queue_type: str, asked: QueuesQuery) -> Reply:
    _check_no_prefix(asked)
    if asked.cursor is not None:  # this listing has one page, and so no cursor
        raise invalid("cursor")
    found = await request.service.looking.longest(queue_type, limit=asked.limit)
    return page_reply("queues", Page(tuple(found), None))


async def _with_payloads(
    request: Request, queue_type: str, listing: Listing, asked: PageQuery, title: str
) -> Reply:
    """Return a page that may be as large as a dequeue's response, after waiting for its turn."""
    server = request.server
    async with server.listings:
        await server.memory.room()
        page = await _page(request, queue_type, listing, asked)
        await may_build(server, payload_bytes(page))
        return page_reply(title, page)


async def _page(
    request: Request, queue_type: str | None, listing: Listing, asked: PageQuery
) -> Page:
    looking = request.service.looking
    return await looking.page(queue_type, listing, cursor=asked.cursor, limit=asked.limit)


def _check_no_prefix(asked: QueuesQuery) -> None:
    if asked.prefix:
        raise InvalidRequest("`prefix` and `sort` exclude each other.")
