"""`/-/openapi.json` and `/-/docs`: the description for programs and for people."""

import asyncio
from functools import cache
from typing import Final, NamedTuple

from sharq_plug.http.api.etags import etag, is_known
from sharq_plug.http.api.replies import JSON, NOT_MODIFIED, Reply
from sharq_plug.http.api.request import ETAG, IF_NONE_MATCH, Request
from sharq_plug.http.api.routes import Media, Reach, Row, Verb
from sharq_plug.http.api.table import TABLE
from sharq_plug.http.corner import CORNER
from sharq_plug.http.description.document import Described, describe
from sharq_plug.http.description.page import content_security_policy, page
from sharq_plug.model import Scope

HTML = "text/html; charset=utf-8"


class _Kind(NamedTuple):
    """Which description a server gives: that of its version, with keys or without."""

    version: str
    asks_for_keys: bool


async def openapi(request: Request) -> Reply:
    """Return the description as an OpenAPI document."""
    found = await asyncio.to_thread(_described, _kind(request))
    return _unless_known(request, found.tag, Reply(200, found.text, {ETAG: etag(found.tag)}))


async def docs(request: Request) -> Reply:
    """Return the description as a page."""
    is_folder = request.path.endswith("/")
    body = await asyncio.to_thread(_page, _kind(request), is_folder=is_folder)
    tag = _described(_kind(request)).tag
    headers = {
        ETAG: etag(tag),
        "Content-Security-Policy": content_security_policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return _unless_known(request, tag, Reply(200, body, headers, content_type=HTML))


def _kind(request: Request) -> _Kind:
    return _Kind(request.server.version, request.server.authenticator is not None)


def _unless_known(request: Request, tag: str, reply: Reply) -> Reply:
    """Return a reply; to a client that has its content already, one that says so."""
    if is_known(request, tag):
        reply.status = NOT_MODIFIED
    return reply


@cache
def _described(kind: _Kind) -> Described:
    routes = [route for row in ROWS for route in row.routes()]
    return describe(routes, version=kind.version, asks_for_keys=kind.asks_for_keys)


@cache
def _page(kind: _Kind, *, is_folder: bool) -> bytes:
    """Return the page. Relative links in `/-/docs/`, which `is_folder`, start one level deeper."""
    document = _described(kind).document
    return page(document, openapi="../openapi.json" if is_folder else "openapi.json").encode()


PAGES: Final = (
    Verb(
        "-/openapi.json",
        ((),),
        "GET",
        openapi,
        Scope.READ,
        {200: Media((JSON,), {"type": "object"}), NOT_MODIFIED: None},
        takes=(IF_NONE_MATCH,),
        gives=(ETAG,),
        reach=Reach.NOTHING,
    ),
    Verb(
        "-/docs",
        ((),),
        "GET",
        docs,
        Scope.READ,
        {200: Media((HTML,)), NOT_MODIFIED: None},
        takes=(IF_NONE_MATCH,),
        gives=(ETAG,),
        reach=Reach.NOTHING,
    ),
)
ROWS: Final[tuple[Row, ...]] = (*TABLE, *CORNER, *PAGES)
"""All rows of a server."""
