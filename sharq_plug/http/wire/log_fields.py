"""What a line of the log says of the request that it belongs to. No payload, token or secret."""

import re
from typing import Any

from sanic.http import Stage

from sharq_plug.http.api.request import TRACE_PARENT
from sharq_plug.http.wire.request import Request
from sharq_plug.model import is_name

NAMES_OF_JOB = ("queue_id", "job_id")
NAMES = ("queue_type", *NAMES_OF_JOB)

_trace_parent = re.compile(
    r"(?!ff|00.{53}-)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
).fullmatch


def fields_of(request: Request) -> dict[str, object]:
    """Return the fields that are known of a request.

    A path without a route, a query and an invalid name may hold anything, so they are left out.
    """
    fields: dict[str, object] = {"request_id": request.id}
    if request.route is not None:
        fields["route"] = request.route.path
    for name in NAMES:
        value = request.names.get(name)
        if value is not None and is_name(value):
            fields[name] = value
    if request.caller is not None and request.caller.id:
        fields["key_id"] = request.caller.id
    trace = trace_id(request.known.get(TRACE_PARENT))
    if trace is not None:
        fields["trace_id"] = trace
    return fields


def names_of(job: object) -> dict[str, object]:
    """Return the names of a job that a reply is about; {} for None."""
    names = {name: getattr(job, name, None) for name in NAMES_OF_JOB}
    return {name: value for name, value in names.items() if isinstance(value, str)}


def current_fields() -> dict[str, object]:
    """Return the fields of the request that is being handled here; {} if none is.

    Sanic keeps the request of each connection in a context variable. Tasks that serve many requests
    run in a context of their own, so that their lines name none of them.
    """
    request: Any = Request._current.get(None)  # noqa: SLF001  # Sanic's own way raises
    is_handled = request is not None and request.stream is not None
    return fields_of(request) if is_handled and request.stream.stage is Stage.HANDLER else {}


def title_of(request: Request) -> str:
    """Return the method and the route of a request, as far as the server knows them."""
    route = request.route
    return f"{request.method} {route.path}" if route is not None else "a request without a route"


def trace_id(parent: str | None) -> str | None:
    """Return the trace id of a `traceparent` (W3C Trace Context, level 1); None if it is broken."""
    match = _trace_parent(parent) if parent is not None else None
    return None if match is None else match[1]
