"""Rows of the table of verbs, and the routes that follow from them."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

import msgspec

from sharq_plug.http.api.bodies import read_body
from sharq_plug.http.api.replies import Reply, respond
from sharq_plug.http.api.request import Request

Handler: TypeAlias = Callable[..., Coroutine[Any, Any, Reply]]
"""Answers a request: its arguments are the request, and the names in the path by keyword."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path and the methods that one handler serves there.

    `verb` is the fixed beginning of the path, without slashes at its ends. `names` are the parts
    that clients choose. With `is_batch` the body is a batch, which may be larger.
    """

    verb: str
    names: tuple[str, ...]
    methods: tuple[str, ...]
    handler: Handler
    is_batch: bool = False

    @property
    def path(self) -> str:
        """The path as the documentation writes it: `/finish/<queue_type>/...`."""
        parts = [self.verb, *(f"<{name}>" for name in self.names)]
        return f"/{'/'.join(parts)}" if self.verb else "/"


class Row(Protocol):
    """A row of the table."""

    @property
    def body(self) -> type[msgspec.Struct] | None:
        """The schema of a request's body, or of an item of a batch; None: the body is ignored."""

    def routes(self) -> Sequence[Route]:
        """Return the routes that the row stands for."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb with a handler of its own, for each of `paths`: the names after the verb.

    HEAD goes with GET, unless a GET `changes_state`. With a `body`, the handler's second argument
    is its fields, as `read(decoder, body)` returns them.
    """

    verb: str
    paths: tuple[tuple[str, ...], ...]
    method: str
    handler: Handler
    body: type[msgspec.Struct] | None = None
    read: Callable[[msgspec.json.Decoder[Any], bytes], Any] = read_body
    changes_state: bool = False

    def routes(self) -> Sequence[Route]:
        """Return a route for each of the paths."""
        has_head = self.method == "GET" and not self.changes_state
        methods = ("GET", "HEAD") if has_head else (self.method,)
        handler = self.handler
        if self.body is not None:
            handler = partial(self._serve, msgspec.json.Decoder(self.body))
        return [Route(self.verb, names, methods, handler) for names in self.paths]

    async def _serve(
        self, decoder: msgspec.json.Decoder[Any], request: Request, **names: str
    ) -> Reply:
        """Answer a request with a body."""
        return await self.handler(request, self.read(decoder, request.body), **names)


def routes_of(table: Iterable[Row]) -> tuple[Route, ...]:
    """Return every route of a table. Each path also gets OPTIONS."""
    routes = [route for row in table for route in row.routes()]
    allowed: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for route in routes:
        allowed.setdefault((route.verb, route.names), {"OPTIONS"}).update(route.methods)
    options = [
        Route(verb, names, ("OPTIONS",), _options(methods))
        for (verb, names), methods in allowed.items()
    ]
    return (*routes, *options)


def _options(methods: Iterable[str]) -> Handler:
    headers = {"Allow": ", ".join(sorted(methods))}

    async def options(_request: object, **_names: str) -> Reply:
        return respond(200, {"status": "success"}, headers=headers)

    return options
