"""Admission: who sent a request, and whether they may, before its body is read."""

import secrets
from collections.abc import Mapping
from typing import Final, Protocol

from sharq_plug.authenticator import Authenticator
from sharq_plug.errors import Forbidden, Unauthorized
from sharq_plug.http.api.request import AUTHORIZATION, COOKIE, FETCH_SITE, ORIGIN
from sharq_plug.http.api.rights import lacks
from sharq_plug.http.api.routes import Reach, Route
from sharq_plug.http.doors.sessions import Sessions
from sharq_plug.model import Caller, Scope, is_name

NOBODY: Final = Caller("", frozenset())
"""Who asks for what is open to all, without a key."""
ABSENT: Final = secrets.token_urlsafe(60)
"""A name that no type and no queue has: nobody can guess it, and nobody is told.

What a caller may not look at is looked up under this name, so that all is as if it were not there.
"""
SAME_ORIGIN = "same-origin"
CROSS_SITE: Final = (
    "A browser may ask for this from a page of this server only (`Sec-Fetch-Site: same-origin`)."
)
READ: Final = Scope.READ
_BEARER = "bearer "
_BASIC = "basic "


class Visitor(Protocol):
    """What admission needs of a request, and tells it."""

    known: Mapping[str, str]
    caller: Caller | None


class Doors:
    """Let requests in whose callers may do what they ask for."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._sessions = Sessions(authenticator)

    def admit_known(
        self, request: Visitor, route: Route, names: Mapping[str, str]
    ) -> Mapping[str, str] | None:
        """Do what `admit` does, at once, for a Bearer token that was right before; else None.

        Nearly all requests carry one. Raises Forbidden.
        """
        authorization = request.known.get(AUTHORIZATION)
        if authorization is None or not authorization.startswith("Bearer "):
            return None
        caller = self._authenticator.recall(authorization)
        if caller is None:
            return None
        request.caller = caller
        scope = route.scope
        if scope is None or (
            scope in caller.scopes and caller.types is None and caller.queues is None
        ):
            return names
        return _narrowed(caller, route, names)

    async def admit(
        self, request: Visitor, route: Route, names: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Note who asks in `request.caller`; return the names that its handler is to see.

        Raises Unauthorized, Forbidden, whatever the body may be.
        """
        scope = route.scope
        if scope is None:
            request.caller = await self._visitor(request)
            return names
        request.caller = caller = await self._caller(request, changes=scope is not READ)
        return _narrowed(caller, route, names)

    async def _visitor(self, request: Visitor) -> Caller:
        """Return who asks for what is open to all."""
        if AUTHORIZATION not in request.known and COOKIE not in request.known:
            return NOBODY
        try:
            return await self._caller(request, changes=False)
        except Unauthorized:
            return NOBODY

    async def _caller(self, request: Visitor, *, changes: bool) -> Caller:
        """Return who asks, by their key or their session. Raises Unauthorized, Forbidden.

        A browser sends a cookie, or a Basic password that it has, by itself, whatever page it
        shows. So what `changes` something needs its word that the page is ours. Clients that are no
        browsers may send Basic without.
        """
        known = request.known
        authorization = known.get(AUTHORIZATION)
        if authorization is not None:
            caller = await self._authenticator.authenticate(authorization)
            is_bearer = authorization[: len(_BEARER)].lower() == _BEARER
            if caller is not None:
                if changes and not is_bearer and (FETCH_SITE in known or ORIGIN in known):
                    _check_same_origin(known)
                return caller
            # A proxy in front may ask for a Basic password of its own, and pass it on.
            if authorization[: len(_BASIC)].lower() != _BASIC:
                raise Unauthorized
        cookie = known.get(COOKIE)
        caller = None if cookie is None else self._sessions.caller(cookie)
        if caller is None:
            raise Unauthorized
        if changes:
            _check_same_origin(known)
        return caller


def _check_same_origin(known: Mapping[str, str]) -> None:
    if known.get(FETCH_SITE) != SAME_ORIGIN:
        raise Forbidden(CROSS_SITE)


def _narrowed(caller: Caller, route: Route, names: Mapping[str, str]) -> Mapping[str, str]:
    """Return the names that a caller is to see. Raises Forbidden."""
    if route.scope is not None and route.scope not in caller.scopes:
        raise lacks(route.scope)
    if caller.types is None and caller.queues is None:
        return names
    queue_type = names.get("queue_type", route.implied_type)
    queue_id = names.get("queue_id")
    if queue_id is None:
        _check_reach(caller, route, has_type=queue_type is not None)
    seen = dict(names)
    if queue_type is not None and not caller.may_use_type(queue_type):
        seen["queue_type"] = _outside(route, "queue type", queue_type)
    if queue_id is not None and not caller.may_use_queue(queue_id):
        seen["queue_id"] = _outside(route, "queue", queue_id)
    return seen


def _check_reach(caller: Caller, route: Route, *, has_type: bool) -> None:
    """Make sure that the caller may use all that a route without a queue in its path reaches."""
    if route.reach is Reach.NOTHING:
        return
    if caller.queues is not None and (route.reach is Reach.NAMED or not has_type):
        raise Forbidden("This key is for some queues only, and this is about a whole queue type.")
    if caller.types is not None and route.reach is Reach.NAMED and not has_type:
        raise Forbidden("This key is for some queue types only, and this is about all of them.")


def _outside(route: Route, what: str, name: str) -> str:
    """Return what a look at a name is to see instead. Raises Forbidden for all but looks."""
    if route.scope is READ:
        return ABSENT if is_name(name) else name  # one that is no name is refused as such
    shown = f" `{name}`" if is_name(name) else ""
    raise Forbidden(f"This key may not use the {what}{shown}.")
