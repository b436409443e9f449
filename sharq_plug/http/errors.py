"""Every failure as a response: one table from error to status."""

import logging
from collections.abc import Mapping

from sanic.exceptions import SanicException

from sharq_plug.errors import (
    InvalidRequest,
    Overloaded,
    QueueFull,
    SharqError,
    StaleLease,
    StoreUnavailable,
)
from sharq_plug.http.outages import verb_of
from sharq_plug.http.request import Request
from sharq_plug.http.responses import Content, Response, respond

logger = logging.getLogger(__name__)

STATUS: Mapping[type[SharqError], int] = {
    InvalidRequest: 400,
    StaleLease: 409,
    QueueFull: 429,
    Overloaded: 503,
    StoreUnavailable: 503,
}
INTERNAL_ERROR = 500
RETRIED = frozenset({429, 503})
RETRY_AFTER = 1
"""Seconds."""


def error_response(request: Request, error: Exception) -> Response:
    """Answer an error: one of ours, one of Sanic's, or one that nobody thought of."""
    status, fields = failed(error)
    if status == INTERNAL_ERROR:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
    elif isinstance(error, StoreUnavailable):
        path = request.route.path if request.route else request.path
        request.app.ctx.outages.failed(verb_of(path), error)
    headers = dict(error.headers) if isinstance(error, SanicException) else {}
    if status in RETRIED:
        headers["Retry-After"] = str(RETRY_AFTER)
    return respond(status, fields, headers=headers)


def failed(error: Exception) -> Content:
    """Say what went wrong, as far as it is a client's business."""
    status = _status(error)
    message = "Internal server error" if status == INTERNAL_ERROR else _message(error)
    fields: dict[str, object] = {
        "status": "failure",
        "message": message.encode(errors="replace").decode(),  # it may quote a broken request
    }
    if isinstance(error, QueueFull):
        fields["current_queue_length"] = error.queue_length
    return status, fields


def _message(error: Exception) -> str:
    return error.public if isinstance(error, StoreUnavailable) else str(error)


def _status(error: Exception) -> int:
    if isinstance(error, SanicException):
        return error.status_code
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), INTERNAL_ERROR)
