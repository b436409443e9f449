"""Headers and names in paths: what the description tells of them."""

from collections.abc import Mapping
from typing import Any

from sharq_plug.http.api.fields import NAME
from sharq_plug.http.api.request import (
    ACCEPT,
    ETAG,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    REQUEST_ID,
    TRACE_PARENT,
    TRACE_STATE,
)

Parameter = dict[str, Any]

_NAME: Mapping[str, Any] = {"type": "string", **NAME}
_TEXT: Mapping[str, Any] = {"type": "string"}
_REQUEST_ID: Mapping[str, Any] = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_TAG = '"[!#-~]*"'

NAMES: Mapping[str, Parameter] = {
    "queue_type": {"description": "The type of the queue", "schema": _NAME},
    "queue_id": {"description": "The id of the queue", "schema": _NAME},
    "job_id": {"description": "The id of the job", "schema": _NAME},
    "name": {"description": "The name of a shared limit", "schema": _NAME},
}
"""The names in paths."""
TAKEN: Mapping[str, Parameter] = {
    ACCEPT: {
        "name": "Accept",
        "description": "The format of the figures: OpenMetrics if it asks for it",
        "schema": _TEXT,
    },
    IDEMPOTENCY_KEY: {
        "name": "Idempotency-Key",
        "description": "A key under which the job is remembered, in quotes or not",
        "schema": _NAME,
    },
    IF_MATCH: {
        "name": "If-Match",
        "description": "Tags in quotes, or `*`: change nothing if the settings have none of them",
        "schema": _TEXT,
        "example": '"0123456789abcdef"',
    },
    IF_NONE_MATCH: {
        "name": "If-None-Match",
        "description": "Send nothing if the description still has this tag",
        "schema": _TEXT,
    },
    REQUEST_ID: {
        "name": "X-Request-Id",
        "description": "An id of the request, for logs: 1 to 64 of `A-Z a-z 0-9 _ -`, or it is "
        "replaced by a new one",
        "schema": _TEXT,
    },
    TRACE_PARENT: {
        "name": "traceparent",
        "description": "The trace that the job belongs to; it goes with the job",
        "schema": _TEXT,
    },
    TRACE_STATE: {
        "name": "tracestate",
        "description": "More about the trace; it goes with the job",
        "schema": _TEXT,
    },
}
"""The headers of requests that mean something."""
GIVEN: Mapping[str, Parameter] = {
    "X-Request-Id": {
        "description": "The id of the request: that which it brought, or a new one",
        "schema": _REQUEST_ID,
        "required": True,
    },
    "Retry-After": {
        "description": "In how many seconds to ask again",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "How to send a key",
        "schema": {"type": "string", "enum": ["Bearer"]},
        "required": True,
    },
    ETAG: {
        "description": "A tag that changes with what is shown",
        "schema": {"type": "string", "pattern": f"^{_TAG}$"},
        "required": True,
    },
    "Set-Cookie": {"description": "The cookie of the session", "schema": _TEXT, "required": True},
}
"""The headers of answers."""


def taken(name: str) -> Parameter:
    """Return a header of requests as a parameter."""
    return {"in": "header", **TAKEN[name]}


def in_path(name: str, example: str) -> Parameter:
    """Return a name in a path as a parameter."""
    return {"name": name, "in": "path", "required": True, **NAMES[name], "example": example}
