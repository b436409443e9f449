"""Figures: what Prometheus scrapes, and what tells a scaler how many workers are needed."""

import asyncio
from collections.abc import Iterator

from sharq_plug.errors import StoreUnavailable
from sharq_plug.figures import Scraped, scrape
from sharq_plug.http.api.answers import Scaling
from sharq_plug.http.api.replies import Reply, success
from sharq_plug.http.api.request import ACCEPT, Request
from sharq_plug.http.api.rights import seen_types
from sharq_plug.http.api.routes import Media, Reach, Verb, told
from sharq_plug.model import Scope


async def metrics(request: Request) -> Reply:
    """Return all figures that the caller may see.

    While the store is out of reach, these are those of the processes alone.
    """
    server = request.server
    try:
        types = await request.service.figures.gather()
    except StoreUnavailable:
        types = None
    server.figures.settle(waiting=request.service.waiting_callers)
    scraped = Scraped(types, server.version, server.backend, seen_types(request))
    accept = request.known.get(ACCEPT, "")
    parts, content_type = scrape(server.figures.counted(), scraped, accept)
    return Reply(200, await joined(parts), content_type=content_type)


async def joined(parts: Iterator[str]) -> bytes:
    """Return a text that is made part by part; others get their turn in between."""
    text = []
    for part in parts:
        text.append(part)
        await asyncio.sleep(0)
    return "".join(text).encode()


async def scaling(request: Request, queue_type: str) -> Reply:
    """Return how many queues of a type may go, how many jobs are leased, and how late it is.

    A queue that is held needs no more workers, so the lengths of queues are not told.
    """
    found = await request.service.figures.of(queue_type)
    return success(Scaling(found.ready_queues, found.leased, found.overdue))


FIGURES = (
    Verb(
        "-/metrics",
        ((),),
        "GET",
        metrics,
        Scope.READ,
        answers={200: Media(("text/plain", "application/openmetrics-text"))},
        takes=(ACCEPT,),
        reach=Reach.ALLOWED,
    ),
    Verb("-/scaling", (("queue_type",),), "GET", scaling, Scope.READ, answers=told(Scaling, 400)),
)
