"""Probes: whether the process serves, and whether it should be sent requests."""

from sharq_plug.http.api.failures import Draining
from sharq_plug.http.api.handlers import deep_status
from sharq_plug.http.api.replies import Reply, success
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.routes import Verb


async def health(_request: Request) -> Reply:
    """Say that this process serves. The store is not asked."""
    return success()


async def ready(request: Request) -> Reply:
    """Say whether this server should be sent requests; make a round trip to the store.

    Raises Draining, StoreUnavailable.
    """
    if request.server.is_draining:
        raise Draining
    return await deep_status(request)


PROBES = (
    Verb("-/health", ((),), "GET", health),
    Verb("-/ready", ((),), "GET", ready),
)
