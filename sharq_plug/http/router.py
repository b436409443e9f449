"""The grammar of the API, `/<verb>/<name>/<name>/...`, as a Sanic router."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

import sanic.router
from sanic.exceptions import MethodNotAllowed, NotFound
from sanic_routing.route import Route


class Router(sanic.router.Router):
    """Find a route by its verb, the number of names after it, and the method.

    Parts are percent-decoded once; one slash at the end makes no difference. Sanic's own
    router recurses once for each slash, and remembers a thousand paths that never come again.
    """

    def finalize(self, *args: Any, **kwargs: Any) -> None:
        """Index the routes by verb and number of names."""
        super().finalize(*args, **kwargs)
        self._index: dict[tuple[str, int], dict[str, tuple[Route, Sequence[str]]]] = {}
        for route in self.routes:
            verb, *names = route.parts or ("",)
            by_method = self._index.setdefault((verb, len(names)), {})
            labels = [route.params[part].name for part in sorted(route.params)]
            by_method.update(dict.fromkeys(route.methods, (route, labels)))

    def get(  # type: ignore[override]  # Sanic's is wrapped in a cache
        self,
        path: str,
        method: str,
        host: str | None,  # noqa: ARG002  # all hosts are one
    ) -> tuple[Route, Callable[..., Any], dict[str, str]]:
        """Return the route, its handler, and the names in the path.

        Raises NotFound, MethodNotAllowed.
        """
        verb, *names = path.removeprefix("/").removesuffix("/").split("/")
        if "%" in path:
            verb, *names = map(unquote, (verb, *names))
        by_method = self._index.get((verb, len(names)))
        if by_method is None and path == "*":
            by_method = self._index["", 0]  # the server as a whole
        if by_method is None:
            raise NotFound("There is no such route.")
        found = by_method.get(method)
        if found is None:
            raise MethodNotAllowed(
                "The route does not know this method.",
                method=method,
                allowed_methods=sorted(by_method),
            )
        route, labels = found
        return route, route.handler, dict(zip(labels, names, strict=True))
