"""Rows of the table of verbs, and the routes that follow from them."""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from typing import Any, Protocol, TypeAlias

import msgspec

from sharq_plug.http.api.answers import Failure, Success
from sharq_plug.http.api.bodies import read_body
from sharq_plug.http.api.queries import read_query
from sharq_plug.http.api.replies import Reply, respond
from sharq_plug.http.api.request import Request
from sharq_plug.model import Scope

Handler: TypeAlias = Callable[..., Coroutine[Any, Any, Reply]]
"""Answers a request: its arguments are the request, and the names in the path by keyword."""


class Reach(Enum):
    """What a route reaches: it matters for callers who may use some types or queues only."""

    NAMED = auto()
    """What the path names: a queue, else a whole type, else all types."""
    ALLOWED = auto()
    """What the caller may use: the handler leaves out the rest, or refuses it item by item."""
    NOTHING = auto()
    """No type and no queue."""


@dataclass(frozen=True, slots=True)
class Media:
    """An answer whose content the description does not go into."""

    content_types: tuple[str, ...]
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Results:
    """The answer to a batch: for each item what it would have been answered by itself."""

    answers: tuple[Any, ...]


Answers: TypeAlias = Mapping[int, Any]
"""What a route answers, by status: a structure, a union of structures, Media or Results."""


def told(found: Any, *failures: int, status: int = 200) -> Answers:
    """Return what a route answers that succeeds with a status, or fails with one of others."""
    return {status: found} | dict.fromkeys(failures, Failure)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a route takes and what it answers, for the description.

    `takes` are headers of requests that mean something to it, `gives` headers of its success.
    """

    answers: Answers
    body: Any = None
    query: type[msgspec.Struct] | None = None
    is_body_optional: bool = False
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One path and the methods that one handler serves there.

    `verb` is the fixed beginning of the path, without slashes at its ends. `names` are the parts
    that clients choose. With a `scope`, callers need it where keys are asked for; None is open to
    all. With `is_batch` the body is a batch, which may be larger. A path without a queue type may
    stand for that of an `implied_type`. Without `terms` it is not described.
    """

    verb: str
    names: tuple[str, ...]
    methods: tuple[str, ...]
    handler: Handler
    scope: Scope | None
    reach: Reach = Reach.NAMED
    is_batch: bool = False
    implied_type: str | None = None
    terms: Terms | None = None

    path: str = field(init=False)
    """The path as the documentation writes it: `/finish/<queue_type>/...`."""

    def __post_init__(self) -> None:
        parts = [self.verb, *(f"<{name}>" for name in self.names)]
        object.__setattr__(self, "path", f"/{'/'.join(parts)}" if self.verb else "/")


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

    `scope`, `reach` and `implied_type` are those of its routes, `answers`, `takes` and `gives`
    those of their terms. HEAD goes with GET, unless a GET `changes_state`. A handler gets the
    request, then with a `body` its fields, as `read(decoder, body)` returns them, then with a
    `query` its options, as `ask(query string, query)` returns them. `accepts` says what a body may
    be, if that is more than the structure.
    """

    verb: str
    paths: tuple[tuple[str, ...], ...]
    method: str
    handler: Handler
    scope: Scope | None
    answers: Answers
    body: type[msgspec.Struct] | None = None
    read: Callable[[msgspec.json.Decoder[Any], bytes], Any] = read_body
    accepts: Any = None
    query: type[msgspec.Struct] | None = None
    ask: Callable[[str, Any], Any] = read_query
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    changes_state: bool = False
    reach: Reach = Reach.NAMED
    implied_type: str | None = None

    def routes(self) -> Sequence[Route]:
        """Return a route for each of the paths."""
        has_head = self.method == "GET" and not self.changes_state
        methods = ("GET", "HEAD") if has_head else (self.method,)
        terms = Terms(
            self.answers,
            self.body if self.accepts is None else self.accepts,
            self.query,
            is_body_optional=self.read is not read_body,
            takes=self.takes,
            gives=self.gives,
        )
        return [
            Route(
                self.verb,
                names,
                methods,
                self._reading(),
                self.scope,
                self.reach,
                implied_type=None if names else self.implied_type,
                terms=terms,
            )
            for names in self.paths
        ]

    def _reading(self) -> Handler:
        """Return what reads a request and calls the handler."""
        body, query = self.body, self.query
        if body is not None:
            return partial(self._serve, msgspec.json.Decoder(body))
        if query is not None:
            return self._serve_asked
        return self.handler

    def _serve(
        self, decoder: msgspec.json.Decoder[Any], request: Request, **names: str
    ) -> Coroutine[Any, Any, Reply]:
        """Answer a request with a body."""
        fields = self.read(decoder, request.body)
        if self.query is None:
            return self.handler(request, fields, **names)
        asked = self.ask(request.query_string, self.query)
        return self.handler(request, fields, asked, **names)

    def _serve_asked(self, request: Request, **names: str) -> Coroutine[Any, Any, Reply]:
        """Answer a request with a query."""
        return self.handler(request, self.ask(request.query_string, self.query), **names)


def routes_of(table: Iterable[Row]) -> tuple[Route, ...]:
    """Return every route of a table. Each path also gets OPTIONS."""
    routes = [route for row in table for route in row.routes()]
    allowed: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for route in routes:
        allowed.setdefault((route.verb, route.names), {"OPTIONS"}).update(route.methods)
    options = [
        Route(verb, names, ("OPTIONS",), _options(methods), None, Reach.NOTHING)
        for (verb, names), methods in allowed.items()
    ]
    return (*routes, *options)


def _options(methods: Iterable[str]) -> Handler:
    headers = {"Allow": ", ".join(sorted(methods))}

    async def options(_request: object, **_names: str) -> Reply:
        return respond(200, Success(), headers=headers)

    return options
