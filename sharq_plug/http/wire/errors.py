"""Errors as replies: ours, Sanic's, and those that nobody expected."""

import logging

from sanic.exceptions import SanicException

from sharq_plug.http.api.failures import (
    HTTP_FAILURES,
    INTERNAL,
    error_answer,
    failure_answer,
    failure_reply,
)
from sharq_plug.http.api.replies import Reply
from sharq_plug.http.wire.request import Request

logger = logging.getLogger(__name__)


def error_reply(request: Request, error: Exception) -> Reply:
    """Answer an error; log it if nobody expected it."""
    headers: dict[str, str] = {}
    failure = HTTP_FAILURES.get(error.status_code) if isinstance(error, SanicException) else None
    if failure is None:
        answer = error_answer(error)
    else:
        answer = failure_answer(failure, str(error))
        headers.update(getattr(error, "headers", {}))
    if answer.status == INTERNAL.status:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return failure_reply(answer, headers)
