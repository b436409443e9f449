"""Which routes there are, and which methods each of them knows."""

import re
from collections import Counter

import httpx
import pytest

from sharq_plug.http.api.answers import Success
from sharq_plug.http.api.replies import Reply, success
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.routes import Verb, routes_of
from sharq_plug.http.wire.app import ROUTES
from sharq_plug.http.wire.router import Router

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)


def allowed_methods() -> dict[str, str]:
    """Return each path, and what `Allow` must say there. A GET that takes jobs knows no HEAD.

    The README has the same paths and methods by hand: tests/docs/test_readme_facts.py.
    """
    known: dict[str, set[str]] = {}
    for route in ROUTES:
        path = re.sub(r"<\w+>", "a", route.path)
        known.setdefault(path, {"OPTIONS"}).update({*route.methods} - {"HEAD"})
        if "GET" in route.methods and route.verb != "dequeue":
            known[path].add("HEAD")
    return {path: ", ".join(sorted(methods)) for path, methods in known.items()}


PATHS = allowed_methods()
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"]


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
@pytest.mark.parametrize(("path", "allowed"), PATHS.items())
@ON_MEMORY
async def test_a_route_says_which_methods_it_knows(
    client: httpx.AsyncClient, path: str, allowed: str, slash: str
) -> None:
    path = path.rstrip("/") + slash or "/"
    options = await client.options(path)
    assert (options.status_code, options.headers["allow"]) == (200, allowed)
    assert options.json() == {"status": "success"}
    for method in set(METHODS) - set(allowed.split(", ")):
        # A request object would put the method into capitals.
        request = client.build_request("GET", path)
        request.method = method
        response = await client.send(request)
        assert (response.status_code, response.headers["allow"]) == (405, allowed)
        if method != "HEAD":
            assert response.json() == {
                "status": "failure",
                "message": "The route does not know this method.",
                "error": "method_not_allowed",
            }


@pytest.mark.parametrize("path", [path for path in PATHS if "HEAD" in PATHS[path]])
@ON_MEMORY
async def test_head_is_get_without_its_body(client: httpx.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    is_missing = path.startswith(("/job/", "/limit/"))
    assert (head.status_code, head.content) == (404 if is_missing else 200, b"")
    if path != "/-/metrics":  # whose figures count these requests too
        assert head.headers["content-length"] == got.headers["content-length"]


def test_no_two_rows_serve_one_method_of_a_path() -> None:
    served = Counter(
        (route.verb, len(route.names), method) for route in ROUTES for method in route.methods
    )
    assert max(served.values()) == 1


async def test_one_path_can_have_a_row_for_each_method() -> None:
    async def look(_request: Request, **_names: str) -> Reply:
        return success(Success())

    async def cancel(_request: Request, **_names: str) -> Reply:
        return success(Success())

    paths = (("queue_type", "queue_id", "job_id"),)
    rows = Verb("job", paths, "GET", look, None, {}), Verb("job", paths, "DELETE", cancel, None, {})
    router = Router(routes_of(rows))
    names = {"queue_type": "sms", "queue_id": "q", "job_id": "j1"}
    for method, handler in (("GET", look), ("HEAD", look), ("DELETE", cancel)):
        route, found = router.find("/job/sms/q/j1/", method)
        assert (route.handler, found) == (handler, names)
    options, _ = router.find("/job/sms/q/j1/", "OPTIONS")
    assert (await options.handler(None)).headers == {"Allow": "DELETE, GET, HEAD, OPTIONS"}


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/-/",
        "/-",
        "/-/nothing",
        "/-/health/a",
        "/-%2Fhealth",
        "/enqueue",
        "/enqueue/sms/q/j",
        "/dequeue/a/b",
        "/finish",
    ],
)
@ON_MEMORY
async def test_an_unknown_route_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        response = await client.request(method, path)
        assert response.status_code == 404
        if method != "HEAD":
            assert response.json() == {
                "status": "failure",
                "message": "There is no such route.",
                "error": "not_found",
            }


@ON_MEMORY
async def test_the_content_type_of_a_body_does_not_matter(client: httpx.AsyncClient) -> None:
    body = b'{"job_id": "j1", "interval": 0, "payload": 1}'
    for number, kind in enumerate(["text/plain", "application/x-www-form-urlencoded", ""]):
        path = f"/enqueue/sms/q{number}"
        response = await client.post(path, content=body, headers={"content-type": kind})
        assert response.status_code == 201


@ON_MEMORY
async def test_an_answer_carries_no_header_that_says_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert set(response.headers) == {
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "date",
        "x-request-id",
    }
