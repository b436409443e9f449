"""The grammar of paths, `/<verb>/<name>/<name>/...` and `/-/<thing>/<name>/...`."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import unquote

from sanic.exceptions import BadRequest, MethodNotAllowed, NotFound

from sharq_plug.http.api.routes import Route
from sharq_plug.model import has_token

CORNER = "-"
"""The first part of the paths of the server's own corner; what follows it is fixed too."""

KNOWN_PATHS = 256
"""Paths of GET requests that are remembered: a worker asks for the same one again and again."""

_Key: TypeAlias = tuple[str, int] | tuple[str, str, int]


class Router:
    """Find a route by the fixed parts of its path, the number of names after them, and the method.

    Parts are percent-decoded once. A slash at the end makes no difference. Unless it
    `takes_tokens`, a name that looks like a key's token is refused: it would become the name of a
    type or a queue, which listings and figures show.
    """

    def __init__(self, routes: Iterable[Route], *, takes_tokens: bool = True) -> None:
        self._takes_tokens = takes_tokens
        self._index: dict[_Key, dict[str, Route]] = {}
        for route in routes:
            by_method = self._index.setdefault(_key(route), {})
            by_method.update(dict.fromkeys(route.methods, route))
        self._find_known = lru_cache(KNOWN_PATHS)(self._find)

    def find(self, path: str, method: str) -> tuple[Route, Mapping[str, str]]:
        """Return the route, and the names in the path.

        Raises NotFound, MethodNotAllowed, BadRequest.
        """
        return self._find_known(path, method) if method == "GET" else self._find(path, method)

    def _find(self, path: str, method: str) -> tuple[Route, Mapping[str, str]]:
        verb, *names = path.removeprefix("/").removesuffix("/").split("/")
        if "%" in path:
            verb, *names = map(unquote, (verb, *names))
        if not self._takes_tokens and ("sq_" in path or "%" in path) and any(map(has_token, names)):
            raise BadRequest("The path holds a key: send it as `Authorization: Bearer`.")
        if verb == CORNER and names:
            thing = names.pop(0)
            by_method = self._index.get((verb, thing, len(names)))
        else:
            by_method = self._index.get((verb, len(names)))
        if by_method is None and path == "*":
            by_method = self._index["", 0]  # the server as a whole
        if by_method is None:
            raise NotFound("There is no such route.")
        route = by_method.get(method)
        if route is None:
            raise MethodNotAllowed(
                "The route does not know this method.",
                method=method,
                allowed_methods=sorted(by_method),
            )
        return route, dict(zip(route.names, names, strict=True))


def _key(route: Route) -> _Key:
    verb, slash, thing = route.verb.partition("/")
    return (verb, thing, len(route.names)) if slash else (verb, len(route.names))
