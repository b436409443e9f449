"""Each response has an X-Request-Id: that of its request, or a new one."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from sharq_plug.http.wire.log_fields import trace_id
from sharq_plug.store import QueueStore
from support.api import QUIET, Served, enqueue, exchange, serving
from support.http_client import read_answer

pytestmark = pytest.mark.anyio

NEW = re.compile(r"[0-9a-f]{24}").fullmatch
ID = re.compile(rb"\r\nX-Request-Id: (.*)\r\n").findall
LAST = b"Host: x\r\nConnection: close\r\n"


async def ids(served: Served, sent: bytes) -> list[str]:
    """Return the ids of the responses to what is sent over one connection."""
    return [found.decode() for found in ID(await exchange(served.port, sent=sent))]


@pytest.mark.parametrize("sent", ["a", "A-Z_09", "x" * 64, "0" * 64, "-", "_"])
async def test_an_id_is_taken_over(served: Served, sent: str) -> None:
    head = b"GET / HTTP/1.1\r\nx-request-id: %b\r\n%b\r\n" % (sent.encode(), LAST)
    assert await ids(served, head) == [sent]


@pytest.mark.parametrize(
    "sent", ["", "x" * 65, "a b", "a,b", "é", "a/b", "a.b", 'a"b', "a\tb", "{a}", "%0d%0a"]
)
async def test_what_is_no_id_is_replaced(served: Served, sent: str) -> None:
    head = b"GET / HTTP/1.1\r\nX-Request-Id: %b\r\n%b\r\n" % (sent.encode(), LAST)
    [given] = await ids(served, head)
    assert NEW(given)


async def test_two_ids_are_none(served: Served) -> None:
    head = b"GET / HTTP/1.1\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n%b\r\n" % LAST
    [given] = await ids(served, head)
    assert NEW(given)


async def test_each_request_of_a_connection_has_its_own(served: Served) -> None:
    row = (
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\n\r\n"
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        b"GET / HTTP/1.1\r\n" + LAST + b"\r\n"
    )
    first, second, third = await ids(served, row)
    assert first == "mine"
    assert NEW(second)
    assert NEW(third)
    assert second != third


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere/", b"", 404),
        ("GET", "/dequeue/sms/", b"", 404),
        ("PUT", "/", b"", 405),
        ("HEAD", "/", b"", 200),
        ("OPTIONS", "*", b"", 200),
        ("GET", "/-/health/", b"", 200),
        ("POST", "/enqueue/sms/q/", b"{", 400),
        ("POST", "/enqueue/sms/q/", b" " * 2_000_000, 413),
    ],
)
async def test_errors_have_it_too(
    served: Served, method: str, path: str, body: bytes, status: int
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nX-Request-Id: mine\r\nContent-Length: {len(body)}\r\n"
    answer = await exchange(served.port, sent=head.encode() + LAST + b"\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert ID(answer) == [b"mine"]


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Request-Id: mine\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\nbroken\r\n\r\n",
        b"GET /" + b"x" * 100_000,
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    ],
    ids=["no request", "no host", "broken header", "long target", "no length"],
)
async def test_a_refused_head_gets_a_new_one(served: Served, sent: bytes) -> None:
    [given] = await ids(served, sent)
    assert NEW(given)


async def test_a_refused_connection_gets_one(open_backend: Callable[[], QueueStore]) -> None:
    async with serving(open_backend, replace(QUIET, max_connections=0)) as served:
        [given] = await ids(served, b"")
        assert NEW(given)


async def test_a_failure_of_the_server_has_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **_names: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(type(served.service), "health", fail)
    response = await served.client.get("/deepstatus/", headers={"X-Request-Id": "mine"})
    assert (response.status_code, response.headers["x-request-id"]) == (500, "mine")


async def test_a_body_to_come_is_asked_for_without_one(served: Served) -> None:
    body = b'{"job_id": "j", "interval": 0, "payload": 1}'
    head = b"POST /enqueue/sms/q/ HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n"
    answer = await exchange(served.port, sent=head % len(body) + LAST + b"\r\n" + body)
    assert answer.count(b"X-Request-Id") == 1
    final = read_answer(answer[answer.index(b"HTTP/1.1 2") :])
    assert final is not None
    assert final.status == 201


async def test_it_is_no_part_of_an_answer_that_is_kept(served: Served) -> None:
    _, path, job = enqueue("j")
    for number in range(2):
        headers = {"X-Request-Id": f"n{number}"}
        response = await served.client.post(path, json=job, headers=headers)
        assert response.headers["x-request-id"] == f"n{number}"
        assert "x-request-id" not in response.text.lower()


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("parent", "found"),
    [
        (f"00-{TRACE}-{SPAN}-01", TRACE),
        (f"00-{TRACE}-{SPAN}-00", TRACE),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", TRACE),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}", None),
        (f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01", None),
        ("", None),
        (None, None),
    ],
)
async def test_the_trace_is_read_as_its_standard_says(
    parent: str | None, found: str | None
) -> None:
    assert trace_id(parent) == found
