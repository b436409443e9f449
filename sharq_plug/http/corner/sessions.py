"""The log-in of a dashboard: a key is sent once, and a cookie stands for it from then on."""

from typing import Annotated

import msgspec
from msgspec import Meta

from sharq_plug.errors import Forbidden, Unauthorized
from sharq_plug.http.api.answers import SessionBegun, Success
from sharq_plug.http.api.failures import HTTP_FAILURES, failure_answer
from sharq_plug.http.api.replies import Reply, respond
from sharq_plug.http.api.request import COOKIE, FETCH_SITE, Request
from sharq_plug.http.api.routes import Reach, Verb, told
from sharq_plug.http.doors import audit
from sharq_plug.http.doors.admission import CROSS_SITE, SAME_ORIGIN
from sharq_plug.http.doors.sessions import LIFETIME, Sessions, set_cookie
from sharq_plug.model import Scope

NOT_FOUND = 404
NO_KEYS = "This server asks for no keys, so there is nothing to log in to."
NO_SESSIONS = "There are no sessions: the keys file has no `session_secret`."


class SessionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a log-in: a whole token."""

    key: Annotated[str, Meta(max_length=4096, description="A whole key")]


async def begin_session(request: Request, body: SessionBody) -> Reply:
    """Give a session to one who sends a key. Raises Unauthorized, Forbidden."""
    authenticator = request.server.authenticator
    if authenticator is None:
        return failure_answer(HTTP_FAILURES[NOT_FOUND], NO_KEYS).reply()
    _check_own_page(request)
    caller = await authenticator.authenticate(f"Bearer {body.key}")
    if caller is None:
        raise Unauthorized
    value = Sessions(authenticator).begin(caller)
    if value is None:
        raise Forbidden(NO_SESSIONS)
    audit.write(caller.id, "POST -/session", "", 201, 1)
    cookie = set_cookie(value, lifetime=LIFETIME, is_secure=request.is_secure)
    scopes = [scope for scope in Scope if scope in caller.scopes]
    return respond(201, SessionBegun(caller.id, scopes, LIFETIME), headers={"Set-Cookie": cookie})


async def end_session(request: Request) -> Reply:
    """Take the cookie of a session back, if there is one. Raises Forbidden."""
    if request.server.authenticator is None:
        return failure_answer(HTTP_FAILURES[NOT_FOUND], NO_KEYS).reply()
    _check_own_page(request, unless_said="" if COOKIE in request.known else SAME_ORIGIN)
    if request.caller is not None and request.caller.id:
        audit.write(request.caller.id, "DELETE -/session", "", 200, 1)
    cookie = set_cookie("", lifetime=0, is_secure=request.is_secure)
    return respond(200, Success(), headers={"Set-Cookie": cookie})


def _check_own_page(request: Request, *, unless_said: str = SAME_ORIGIN) -> None:
    """Refuse a browser that shows a page of another site, which must not log anybody in or out.

    `unless_said` stands for a header that is not there.
    """
    if request.known.get(FETCH_SITE, unless_said) != SAME_ORIGIN:
        raise Forbidden(CROSS_SITE)


SESSIONS = (
    Verb(
        "-/session",
        ((),),
        "POST",
        begin_session,
        None,
        answers=told(SessionBegun, 400, 401, 403, 404, status=201),
        body=SessionBody,
        gives=("Set-Cookie",),
        reach=Reach.NOTHING,
    ),
    Verb(
        "-/session",
        ((),),
        "DELETE",
        end_session,
        None,
        answers=told(Success, 403, 404),
        gives=("Set-Cookie",),
        reach=Reach.NOTHING,
    ),
)
