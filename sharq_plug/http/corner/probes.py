"""Probes: whether the process serves, and whether it should be sent requests."""

from sharq_plug.errors import Unauthorized
from sharq_plug.http.api.answers import Readiness, Success
from sharq_plug.http.api.failures import Draining
from sharq_plug.http.api.handlers import deep_status
from sharq_plug.http.api.queries import ReadyQuery
from sharq_plug.http.api.replies import Reply, success
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.rights import check_whole_server, lacks
from sharq_plug.http.api.routes import Reach, Verb, told
from sharq_plug.model import Caller, Scope


async def health(_request: Request) -> Reply:
    """Say that this process serves. The store is not asked."""
    return success(Success())


async def ready(request: Request, asked: ReadyQuery) -> Reply:
    """Say whether this server should be sent requests; make a round trip to the store.

    With `?detail=1`, which takes longer, also tell operators what serves, how the store is weaker
    than its users may think, and what is wrong. Raises Draining, StoreUnavailable, Unauthorized,
    Forbidden.
    """
    if asked.detail:
        _check_may_read(request.caller)
        check_whole_server(request.caller)
    if request.server.is_draining:
        raise Draining
    if not asked.detail:
        return await deep_status(request)
    server = request.server
    authenticator = server.authenticator
    weaknesses = await request.service.health(thorough=True)
    problems = () if authenticator is None else authenticator.problems
    return success(Readiness(server.version, server.backend, weaknesses, problems))


def _check_may_read(caller: Caller | None) -> None:
    if caller is None or Scope.READ in caller.scopes:
        return
    if not caller.id:
        raise Unauthorized
    raise lacks(Scope.READ)


PROBES = (
    Verb("-/health", ((),), "GET", health, None, told(Success), reach=Reach.NOTHING),
    Verb(
        "-/ready",
        ((),),
        "GET",
        ready,
        None,
        answers=told(Readiness, 400, 401, 403),
        query=ReadyQuery,
        reach=Reach.NOTHING,
    ),
)
