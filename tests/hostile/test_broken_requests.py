"""Requests that no client should send: each is answered or hung up on, and does no harm."""

import pytest

from support.http_client import Answer, Wire
from support.server import ServerProcess

pytestmark = pytest.mark.usefixtures("_unharmed")

BODY = b'{"job_id": "j", "interval": true, "payload": 1}'
"""Of a job that is refused, if the request around it is not."""
POST = b"POST /enqueue/sms/q1/ HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
FIVE = "\N{ARABIC-INDIC DIGIT FIVE}".encode()


def length(value: bytes) -> bytes:
    return POST + b"Content-Length: " + value + b"\r\n\r\n" + BODY


def chunk(size: bytes, data: bytes = BODY) -> bytes:
    return CHUNKED + size + b"\r\n" + data + b"\r\n0\r\n\r\n"


REFUSED = {
    "an empty chunk size": (400, chunk(b"")),
    "a negative chunk size": (400, chunk(b"-5")),
    "a signed chunk size": (400, chunk(b"+%x" % len(BODY))),
    "a chunk size with a prefix": (400, chunk(b"0x%x" % len(BODY))),
    "a chunk size with a space": (400, chunk(b" %x" % len(BODY))),
    "a chunk size in other digits": (400, chunk(FIVE)),
    "a chunk size that is no number": (400, chunk(b"size")),
    "a huge chunk size": (413, chunk(b"f" * 40)),
    "a chunk longer than its size": (400, chunk(b"2")),
    "an endless chunk extension": (400, chunk(b"5;" + b"x" * 70_000)),
    "a NUL for a chunk": (400, CHUNKED + b"\0" * 100),
    "a negative length": (400, length(b"-5")),
    "a signed length": (400, length(b"+5")),
    "a length with a list": (400, length(b"5, 5")),
    "a length with an underscore": (400, length(b"1_0")),
    "a length in other digits": (400, length(FIVE)),
    "an empty length": (400, length(b"")),
    "a huge length": (413, length(b"9" * 300)),
    "a length that no integer holds": (400, length(b"9" * 5000)),
    "two lengths": (400, length(b"1\r\nContent-Length: 1")),
    "a length and chunks": (400, length(b"5\r\nTransfer-Encoding: chunked")),
    "chunks and a length": (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
    "chunked chunks": (400, POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "an encoding nobody knows": (400, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "an expectation nobody knows": (417, length(b"5\r\nExpect: 200-ok")),
    "a space before the colon": (400, GET + b"Content-Length : 5\r\n\r\n"),
    "a header without a colon": (400, GET + b"header\r\n\r\n"),
    "a header without a name": (400, GET + b": value\r\n\r\n"),
    "a header that goes on": (400, GET + b"X: a\r\n b\r\n\r\n"),
    "a line feed in a header": (400, GET + b"X: a\nContent-Length: 5\r\n\r\n"),
    "a carriage return in a header": (400, GET + b"X: a\rContent-Length: 5\r\n\r\n"),
    "a NUL in a header": (400, GET + b"X: \0\r\n\r\n"),
    "an escape in a header": (400, GET + b"X: \x1b[2J\r\n\r\n"),
    "a header's name in other letters": (400, GET + b"\xc3\xa9: 1\r\n\r\n"),
    "a huge header": (413, GET + b"X: " + b"x" * 100_000 + b"\r\n\r\n"),
    "a header that never ends": (413, GET + b"X: " + b"x" * 1_000_000),
    "many headers": (413, GET + b"a:b\r\n" * 20_000 + b"\r\n"),
    "an escape in the method": (400, b"G\x1b[2J / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a line feed in the method": (400, b"GET\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a line feed in the path": (400, b"GET /\n HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a NUL in the path": (400, b"GET /dequeue/\0/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "invalid UTF-8 in the path": (400, b"GET /dequeue/\xff/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "letters in the path": (400, "GET /dequeue/é/ HTTP/1.1\r\nHost: x\r\n\r\n".encode()),
    "an encoded NUL": (400, b"GET /dequeue/%00/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "an encoded line feed": (400, b"GET /dequeue/%0A/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "braces": (400, b"GET /dequeue/{sms}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a format": (400, b"GET /dequeue/{}%(x)s{0}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a path upwards": (404, b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"),
    "an open host": (400, b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a port beyond all ports": (400, b"GET http://localhost:99999/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a tunnel": (400, b"CONNECT localhost:443 HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a trace": (405, b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a method nobody knows": (405, b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a method in small letters": (405, b"get / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a long method": (400, b"G" * 41 + b" / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "HTTP/0.9": (400, b"GET /\r\n\r\n"),
    "HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a TLS greeting": (400, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n"),
    "noise": (400, bytes(range(256)) * 1000),
}


@pytest.mark.parametrize(("status", "sent"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused(server: ServerProcess, status: int, sent: bytes) -> None:
    with Wire(server.port) as wire:
        wire.send(sent)
        answer = wire.answer()
        assert answer is not None
        assert answer.status == status
        assert answer.body.startswith(b'{"status":"failure","message":"')


LENGTH = b"Content-Length: %d\r\n" % len(BODY)
TAKEN = {
    "HTTP/1.0": (200, b"GET / HTTP/1.0\r\n\r\n"),
    "an absolute URL": (200, b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a websocket": (200, GET + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    "another protocol": (200, GET + b"Upgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n"),
    "headers of a proxy": (200, GET + b'Forwarded: for="\r\nX-Forwarded-For: \xff, ::1\r\n\r\n'),
    "a thousand headers": (200, GET + b"a:b\r\n" * 1000 + b"\r\n"),
    "options": (200, b"OPTIONS /enqueue/sms/q1/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a body where none is expected": (200, GET + LENGTH + b"\r\n" + BODY),
    "an expectation": (400, POST + b"Expect: 100-continue\r\n" + LENGTH + b"\r\n" + BODY),
    "a chunk extension": (400, chunk(b"%x;name=value" % len(BODY))),
}


@pytest.mark.parametrize(("status", "sent"), TAKEN.values(), ids=TAKEN)
def test_it_is_taken_for_what_it_is(server: ServerProcess, status: int, sent: bytes) -> None:
    with Wire(server.port) as wire:
        wire.send(sent)
        answer = wire.answer()
        assert answer is not None
        assert answer.status == status
        if b"HTTP/1.0" not in sent:
            wire.send(GET + b"\r\n")
            following = wire.answer()
            assert following is not None
            assert following.status == 200


HALVES = {
    "nothing": b"",
    "half a request line": b"GET /deq",
    "half a head": GET + b"Host: loc",
    "no body": POST + LENGTH + b"\r\n",
    "half a body": POST + LENGTH + b"\r\n" + BODY[:10],
    "half a chunk size": CHUNKED + b"1",
    "half a chunk": CHUNKED + b"ff\r\n{",
    "no last chunk": CHUNKED + b"1\r\n{\r\n",
}


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
def test_half_a_request_leaves_nothing_behind(server: ServerProcess, sent: bytes) -> None:
    with Wire(server.port) as wire:
        wire.send(sent)
    with Wire(server.port) as other:
        other.send(GET + b"\r\n")
        assert other.answer() is not None


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def test_after_a_broken_request_in_a_row_nothing_more_is_read(server: ServerProcess) -> None:
    good = POST + LENGTH + b"\r\n" + BODY
    with Wire(server.port) as wire:
        wire.send(GET + b"\r\n" + good + b"broken\r\n\r\n" + good.replace(b"true", b"1000"))
        assert statuses(wire.answers()) == [200, 400, 400]


def test_after_a_refused_request_in_a_row_the_next_is_read(server: ServerProcess) -> None:
    row = [
        b"DELETE /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + LENGTH + b"\r\n" + BODY,
        GET + b"\r\n",
    ]
    with Wire(server.port) as wire:
        wire.send(b"".join(row) * 100 + b"GET / HTTP/1.0\r\n\r\n")
        assert statuses(wire.answers()) == [404, 400, 200] * 100 + [200]


def test_what_follows_a_bad_chunk_is_no_request(server: ServerProcess) -> None:
    hidden = b"DELETE /deletequeue/sms/q1/ HTTP/1.1\r\nHost: x\r\n\r\n"
    with Wire(server.port) as wire:
        wire.send(CHUNKED + b"1\r\n{\r\n0\r\n" + hidden)
        assert statuses(wire.answers()) == [400]
