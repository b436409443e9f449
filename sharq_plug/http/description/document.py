"""The description of the API: one OpenAPI 3.1 document, made of the table and its structures."""

from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from sharq_plug.http.api.routes import Route
from sharq_plug.http.description.headers import GIVEN
from sharq_plug.http.description.operations import (
    failure_responses,
    kinds_of,
    operation_of,
    statuses_of,
    terms_of,
)
from sharq_plug.http.description.schemas import Schemas
from sharq_plug.http.description.words import GROUPS, Group, Words
from sharq_plug.http.doors.sessions import COOKIE_NAME

TITLE = "sharq_plug"
ABOUT = """\
A rate-limited, multi-tenant job queue server. Producers put jobs into queues, and workers lease \
the next job of a type from whichever queue may go now.

Bodies are JSON both ways. All times are integer milliseconds since the epoch, all durations \
integer milliseconds. The slash at the end of a path may be left out. Every path supports OPTIONS; \
where GET changes nothing, so does HEAD. A failure has a `message` for people and an `error`, one \
word for programs; only the 404 of a job, a lease or a queue has neither. Any request can also be \
answered 400, 405, 408, 417 or 501, with a failure, if it is not valid HTTP or not of this API.
"""
KEYS = """
This server asks for keys. Each operation names the scope that it needs.
"""


class Described(NamedTuple):
    """A document, its text, and a tag that changes with it."""

    document: Mapping[str, Any]
    text: bytes
    tag: str


def describe(routes: Iterable[Route], *, version: str, asks_for_keys: bool) -> Described:
    """Describe the routes of a version; with `asks_for_keys`, also which keys they need."""
    document = _document(list(routes), version, asks_for_keys=asks_for_keys)
    text = msgspec.json.encode(document)
    return Described(document, text, sha256(text).hexdigest()[:16])


def described_routes(routes: Iterable[Route]) -> list[Route]:
    """Return the routes that are described, in the order of the groups."""
    by_key = {key_of(route): route for route in routes if route.terms is not None}
    return [by_key[key] for group in GROUPS for key in group.operations] + [
        route for key, route in by_key.items() if key not in _words()
    ]


def key_of(route: Route) -> str:
    """Return a route as the words have it: its first method, and its path."""
    return f"{route.methods[0]} {route.path}"


@cache
def _words() -> Mapping[str, tuple[Group, Words]]:
    return {key: (group, words) for group in GROUPS for key, words in group.operations.items()}


def _document(routes: list[Route], version: str, *, asks_for_keys: bool) -> dict[str, Any]:
    described = described_routes(routes)
    schemas = Schemas([kind for route in described for kind in kinds_of(route)])
    failures = set[int]().union(
        *(statuses_of(route, asks_for_keys=asks_for_keys) for route in described)
    )
    queries = {terms_of(route).query for route in described}
    bodies = {terms_of(route).body for route in described}
    paths: dict[str, Any] = {}
    for route in described:
        group, words = _words()[key_of(route)]
        operation = operation_of(route, words, group.title, schemas, asks_for_keys=asks_for_keys)
        paths.setdefault(_template(route), {})[route.methods[0].lower()] = operation
    components: dict[str, Any] = {
        "schemas": schemas.without(queries - bodies),
        "responses": failure_responses(failures, schemas),
        "headers": GIVEN,
    }
    if asks_for_keys:
        components["securitySchemes"] = _security_schemes()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": version,
            "description": ABOUT + KEYS if asks_for_keys else ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "..", "description": "This server"}],
        "tags": [{"name": group.title, "description": group.about} for group in GROUPS],
        "paths": paths,
        "components": components,
    }


def _template(route: Route) -> str:
    """Return the path of a route as OpenAPI writes it."""
    return route.path.replace("<", "{").replace(">", "}")


def _security_schemes() -> dict[str, Any]:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key: `sq_<id>_<secret>`",
        },
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": "The id of a key, and its secret",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE_NAME,
            "description": "A session of the dashboard; what changes something needs "
            "`Sec-Fetch-Site: same-origin` too",
        },
    }
