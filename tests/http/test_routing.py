"""Which routes there are, and which methods each of them knows."""

import httpx
import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("backend", ["memory"], indirect=True)]

PATHS = {
    "/": "GET, HEAD, OPTIONS",
    "/enqueue/sms": "OPTIONS, POST",
    "/enqueue/sms/q": "OPTIONS, POST",
    "/dequeue": "GET, OPTIONS",
    "/dequeue/sms": "GET, OPTIONS",
    "/finish/sms": "OPTIONS, POST",
    "/finish/sms/q/j1": "OPTIONS, POST",
    "/interval/sms/q": "OPTIONS, POST",
    "/metrics": "GET, HEAD, OPTIONS",
    "/metrics/sms": "GET, HEAD, OPTIONS",
    "/metrics/sms/q": "GET, HEAD, OPTIONS",
    "/deletequeue/sms/q": "DELETE, OPTIONS",
    "/deepstatus": "GET, HEAD, OPTIONS",
    "/-/health": "GET, HEAD, OPTIONS",
    "/-/ready": "GET, HEAD, OPTIONS",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"]


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
@pytest.mark.parametrize(("path", "allowed"), PATHS.items())
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
async def test_head_is_get_without_its_body(client: httpx.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


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


async def test_the_content_type_of_a_body_does_not_matter(client: httpx.AsyncClient) -> None:
    body = b'{"job_id": "j1", "interval": 0, "payload": 1}'
    for number, kind in enumerate(["text/plain", "application/x-www-form-urlencoded", ""]):
        path = f"/enqueue/sms/q{number}"
        response = await client.post(path, content=body, headers={"content-type": kind})
        assert response.status_code == 201


async def test_an_answer_carries_no_header_that_says_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert set(response.headers) == {
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "date",
    }
