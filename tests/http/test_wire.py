"""What comes over the wire, from broken request lines to bodies that are too large."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import httpx
import pytest

from sharq_plug.http.api.answers import Success
from sharq_plug.http.api.replies import success
from sharq_plug.http.wire.responses import response_bytes
from sharq_plug.store import QueueStore
from support.api import QUIET, Served, exchange, serving

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("backend", ["memory"], indirect=True)]

MIB = 1024 * 1024
HEADERS = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
TOO_LARGE = {
    "status": "failure",
    "message": "Request body exceeds the size limit",
    "error": "too_large",
}


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield
    assert [record.getMessage() for record in caplog.records if record.name != "httpx"] == []


BROKEN_TARGETS = [b"/\0", b"/dequeue/\0/", b"\0", b"sms", b"sms:80", b"?x=1", b"\xff", b"/\xff"]
BROKEN_REQUESTS = [
    *(b"GET " + target + HEADERS for target in BROKEN_TARGETS),
    b"GET" + HEADERS,
    b"G E T /" + HEADERS,
    b"\x16\x03\x01" + HEADERS,
    b"GET / HTTP/2.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nno header\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nExpect: \xff\r\nContent-Length: 1\r\n\r\n1",
    b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n1",
    b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"GET /" + b"a" * 10_000 + HEADERS,
    b"\0" * 20_000,
]


@pytest.mark.parametrize("sent", BROKEN_REQUESTS, ids=lambda sent: repr(sent[:30]))
async def test_a_broken_request_is_refused(served: Served, sent: bytes) -> None:
    head, _, body = (await exchange(served.port, sent=sent)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4")
    assert body.startswith(b'{"status":"failure","message":"')
    assert (await served.client.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/dequeue/sms" + b"/" * 5000, 404),
        (b"/" * 5000, 404),
        (b"//", 200),
        (b"*", 400),
        (b"http://localhost", 200),
        (b"http://localhost/dequeue/a%20b/", 400),
        (b"/#fragment", 400),
        (b"/dequeue/" + b"%73" * 101, 400),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_strange_target_is_answered(served: Served, target: bytes, status: int) -> None:
    received = await exchange(served.port, sent=b"GET " + target + HEADERS)
    assert received.startswith(b"HTTP/1.1 %d " % status)


async def test_every_answer_has_a_date_and_no_cache_may_keep_it(served: Served) -> None:
    sent = [
        *(
            b"GET %b" % path + HEADERS
            for path in (b"/", b"/nothing", b"/dequeue/sms/", b"/metrics/")
        ),
        b"HEAD /" + HEADERS,
        b"OPTIONS /" + HEADERS,
        b"POST /enqueue/sms/q/" + HEADERS,
        BROKEN_REQUESTS[0],
    ]
    for request in sent:
        assert_is_dated(await exchange(served.port, sent=request))


async def test_a_refused_connection_is_answered_with_a_date_too(
    open_backend: Callable[[], QueueStore],
) -> None:
    async with serving(open_backend, replace(QUIET, max_connections=0)) as served:
        assert_is_dated(await exchange(served.port, sent=b""))


def assert_is_dated(answer: bytes) -> None:
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers["Cache-Control"] == "no-store"
    date = parsedate_to_datetime(headers["Date"])
    assert format_datetime(date, usegmt=True) == headers["Date"]
    assert abs(datetime.now(UTC) - date) < timedelta(seconds=5)


def test_the_date_goes_with_the_clock(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    for now, text in ((784111777.9, b"08:49:37"), (784111778.0, b"08:49:38")):
        monkeypatch.setattr("time.time", lambda now=now: now)
        head = response_bytes(success(Success()), request_id="r1", keep_alive=True)
        assert b"\r\nDate: Sun, 06 Nov 1994 " + text + b" GMT\r\n" in head, backend


async def test_requests_in_a_row_are_answered_in_a_row(served: Served) -> None:
    row = (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /" + HEADERS
    )
    received = await exchange(served.port, sent=row)
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"404", b"200"]


def job(*, size: int) -> bytes:
    """A body of exactly `size` bytes."""
    start, end = b'{"job_id": "j1", "interval": 0, "payload": "', b'"}'
    return start + b"x" * (size - len(start) - len(end)) + end


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 50_000):
        yield body[start : start + 50_000]


async def test_a_body_may_have_a_mebibyte_and_no_byte_more(client: httpx.AsyncClient) -> None:
    for send in (bytes, chunks):
        for size in (MIB + 1, 3 * MIB, 15 * MIB):
            response = await client.post("/enqueue/sms/q/", content=send(job(size=size)))
            assert (response.status_code, response.json()) == (413, TOO_LARGE)
        response = await client.post("/enqueue/sms/q/", content=send(job(size=MIB)))
        assert response.status_code == 201


async def test_a_huge_body_is_refused_before_it_comes(served: Served) -> None:
    head = b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    assert (await exchange(served.port, sent=head)).startswith(b"HTTP/1.1 413 ")


async def test_the_limit_of_a_body_is_an_option(open_backend: Callable[[], QueueStore]) -> None:
    async with serving(open_backend, replace(QUIET, max_body_size=100)) as served:
        headers = {"x-long": "x" * 1000}
        for size, status in ((101, 413), (100, 201)):
            response = await served.client.post(
                "/enqueue/sms/q/", content=job(size=size), headers=headers
            )
            assert response.status_code == status


def batch(*, size: int) -> bytes:
    """A batch of exactly `size` bytes, whose one item is no job."""
    start, end = b'{"jobs": ["', b'"]}'
    return start + b"x" * (size - len(start) - len(end)) + end


async def test_a_batch_may_have_sixteen_mebibytes_and_no_byte_more(served: Served) -> None:
    for send in (bytes, chunks):
        for path in ("/enqueue/sms/", "/finish/sms"):
            response = await served.client.post(path, content=send(batch(size=16 * MIB)))
            assert response.status_code == 200
            [result] = response.json()["results"]
            assert result == {**TOO_LARGE, "code": 413}, "nor would it be taken alone"
        single = await served.client.post("/enqueue/sms/q/", content=send(batch(size=2 * MIB)))
        assert (single.status_code, single.json()) == (413, TOO_LARGE)
    head = b"POST /enqueue/sms/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (16 * MIB + 1)
    assert (await exchange(served.port, sent=head)).startswith(b"HTTP/1.1 413 ")


async def test_the_limit_of_a_batch_is_an_option_of_its_own(
    open_backend: Callable[[], QueueStore],
) -> None:
    options = replace(QUIET, max_body_size=2000, max_batch_body_size=1000)
    async with serving(open_backend, options) as served:
        for path in ("/enqueue/sms/", "/finish/sms/"):
            for size, status in ((1001, 413), (1000, 200)):
                response = await served.client.post(path, content=batch(size=size))
                assert response.status_code == status
        assert (await served.client.post("/enqueue/sms/q", content=job(size=2000))).is_success


def post(path: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST %b HTTP/1.1" % path, b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


CHUNKED = b"POST /finish/sms/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
ROW = (
    post(b"/enqueue/sms/q/", b'{"job_id": "j1", "interval": 0, "payload": 1}')
    + post(b"/enqueue/sms/", b'{"jobs": []}', b"Expect: 100-continue")
    + b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
    + post(b"/nothing/at/all", b"ignored", b"Expect: 100-continue")
    + post(b"/enqueue/sms/q/", b"")
    + CHUNKED
    + b'3\r\n{"j\r\n9\r\nobs": []}\r\n0\r\n\r\n'
    + b"GET /dequeue/sms/?count=5 HTTP/1.1\r\nHost: x\r\n\r\n"
    + post(b"/finish/sms/q/j1/", b"", b"Connection: close")
)
STATUSES = [b"201", b"200", b"200", b"404", b"400", b"200", b"200", b"200"]


async def test_a_row_of_requests_may_come_in_any_two_parts(served: Served) -> None:
    async def answers(cut: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(ROW[:cut])
        await asyncio.sleep(0.001)  # so that the server reads twice
        writer.write(ROW[cut:])
        received = (await reader.read()).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        writer.close()
        statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
        assert (cut, statuses) == (cut, STATUSES)

    async with asyncio.timeout(20):
        for cut in range(len(ROW) + 1):
            await answers(cut)


async def test_who_waits_to_be_asked_for_a_body_is_asked_and_nobody_else(served: Served) -> None:
    body = b'{"jobs": []}'
    request = post(b"/enqueue/sms/", body, b"Expect: 100-continue", b"Connection: close")
    assert (await exchange(served.port, sent=request)).startswith(b"HTTP/1.1 200 ")
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(request.removesuffix(body))
    async with asyncio.timeout(5):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_an_old_client_keeps_its_connection_if_it_says_so(served: Served) -> None:
    keep = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    received = await exchange(served.port, sent=keep * 2 + b"GET / HTTP/1.0\r\n\r\n" * 2)
    connections = [part[:10] for part in received.split(b"\r\nConnection: ")[1:]]
    assert connections == [b"keep-alive", b"keep-alive", b"close\r\n\r\n{"]
