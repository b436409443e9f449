"""What a handler is given: a request, and what all requests of a server share."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from sharq_plug.authenticator import Authenticator
from sharq_plug.figures import ProcessFigures
from sharq_plug.http.api.outages import Outages
from sharq_plug.model import Caller
from sharq_plug.service import QueueService

ACCEPT = "accept"
IDEMPOTENCY_KEY = "idempotency-key"
IF_MATCH = "if-match"
TRACE_PARENT = "traceparent"
TRACE_STATE = "tracestate"
REQUEST_ID = "x-request-id"
AUTHORIZATION = "authorization"
COOKIE = "cookie"
ORIGIN = "origin"
FETCH_SITE = "sec-fetch-site"
ETAG = "ETag"
IF_NONE_MATCH = "if-none-match"
KNOWN_HEADERS = frozenset(
    {
        *(ACCEPT, IF_NONE_MATCH, IDEMPOTENCY_KEY, IF_MATCH, TRACE_PARENT, TRACE_STATE, REQUEST_ID),
        *(AUTHORIZATION, COOKIE, ORIGIN, FETCH_SITE),
    }
)
"""The headers that mean something to handlers, to the doors or to logs."""
LISTINGS_AT_ONCE = 4
"""Lists of all types or queues that are gathered at a time, each as long as it may be."""


class Room(Protocol):
    """Room in memory for responses, which clients may be slow to read."""

    async def room(self) -> None:
        """Wait until a large response may be begun."""

    def building(self, size: int) -> AbstractAsyncContextManager[None]:
        """Wait for the turn to build a response of `size` bytes. Raises Overloaded."""


@dataclass(slots=True)
class Server:
    """What all requests of one server share.

    `service` is there once the store is open. `max_body_size` is in bytes. `figures` are what this
    process counts; `backend` and `version` say what serves. An `authenticator` decides who may
    call; without one everybody may. While the server `is_draining`, it finishes what it has begun
    and takes no new connections.
    """

    memory: Room
    max_body_size: int
    figures: ProcessFigures
    backend: str = ""
    version: str = ""
    authenticator: Authenticator | None = None
    service: QueueService = field(init=False)
    outages: Outages = field(default_factory=Outages)
    listings: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LISTINGS_AT_ONCE))
    is_draining: bool = False


class Request(Protocol):
    """A request for the API."""

    body: bytes
    known: Mapping[str, str]
    """The headers that mean something here, by their names in lower case."""
    caller: Caller | None
    """Who asks; None where everybody may do everything."""

    @property
    def is_secure(self) -> bool:
        """Whether the request came over TLS, as far as this server can tell."""

    @property
    def path(self) -> str:
        """The path as it came, percent-encoded."""

    @property
    def query_string(self) -> str:
        """What follows the question mark, as it came."""

    @property
    def server(self) -> Server:
        """What all requests share."""

    @property
    def service(self) -> QueueService:
        """The service of the server."""

    @property
    def is_abandoned(self) -> bool:
        """Whether the connection is closing, so that no response reaches the client."""
