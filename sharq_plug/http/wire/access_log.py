"""Lines of the access log: one for each response, and one for each connection that ends."""

from time import perf_counter
from typing import TYPE_CHECKING

from sanic.http import Stage
from sanic.log import access_logger

from sharq_plug.http.api.replies import Reply

if TYPE_CHECKING:
    from sharq_plug.http.wire.request import Request


def log_answer(request: "Request", reply: Reply, *, since: float | None) -> None:
    """Log a response; `since` is when its handler began, None if it never did.

    A log in another format than text finds what it needs in `of_request`, `job` and `seconds`.
    """
    seconds = None if since is None else perf_counter() - since
    access_logger.info(
        "",
        extra={
            "host": f"{request.client_ip}:{request.port}",
            "request": f"{request.method} {request.url}",
            "status": reply.status,
            "byte": len(reply.body),
            "duration": "" if seconds is None else f" {1000 * seconds:.1f}ms",
            "of_request": request,
            "job": reply.job,
            "seconds": seconds,
        },
    )


def log_disconnect(request: "Request | None", *, stage: Stage, name: str) -> None:
    """Log the end of a connection, in words of Sanic's; `name` stands for an unknown client."""
    is_known = request is not None and bool(request.client_ip)
    access_logger.info(
        "",
        extra={
            "host": f"{request.client_ip}:{request.port}" if request and is_known else f"{name}unx",
            "request": f"{request.method} {request.url}" if request else "nil",
            "status": str(stage),
            "byte": "DISCONNECTED",
            "duration": "",
            "of_request": request,
            "job": None,
            "seconds": None,
        },
    )
