"""RFC 9112 and what of RFC 9110 it rests on, rule by rule, as bytes on a socket.

Each row names its section. `TAKEN` has what a server must accept, or may and we do; `REFUSED` what
it must refuse, or may and we do. A DELETE follows each refused request on the same connection, as
an attacker would hide one there: it must never be carried out.
"""

from collections.abc import Iterator

import pytest

from support.http_client import Wire
from support.server import ServerProcess

HOST = b"Host: x\r\n"
BODY = b'{"jobs": []}'
"""Of a batch that is answered 200 if exactly these bytes come as its body."""
GET = b"GET / HTTP/1.1\r\n" + HOST
LINE = b"POST /enqueue/sms/ HTTP/1.1\r\n"
POST = LINE + HOST
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HIDDEN = b"DELETE /deletequeue/sms/q1/ HTTP/1.1\r\nHost: x\r\n\r\n"
JOB = b'{"job_id": "j1", "interval": 0, "payload": 1}'


def chunks(
    *, size: bytes = b"%x" % len(BODY), end: bytes = b"\r\n", trailers: bytes = b""
) -> bytes:
    """Return a request in one chunk: its first line, what ends it, and what follows the last."""
    return POST + CHUNKED + b"\r\n" + size + end + BODY + b"\r\n0\r\n" + trailers + b"\r\n"


def coded(codings: bytes) -> bytes:
    """Return a request in one chunk with a Transfer-Encoding of its own."""
    return chunks().replace(CHUNKED, codings)


def target(target: bytes, method: bytes = b"GET") -> bytes:
    return method + b" " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"


def field(line: bytes) -> bytes:
    return GET + line + b"\r\n\r\n"


def host(line: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\n" + line + b"\r\n"


TAKEN = [
    ("2.2", "an empty line before the request", b"\r\n" + GET + b"\r\n"),
    ("2.2", "many empty lines before the request", b"\r\n" * 50 + GET + b"\r\n"),
    ("2.2", "an empty line after a body", POST + LENGTH + b"\r\n" + BODY + b"\r\n"),
    ("2.3", "a later minor version", b"GET / HTTP/1.2\r\n" + HOST + b"\r\n"),
    ("2.3", "HTTP/1.0", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    ("3.2", "an empty host", host(b"Host:\r\n")),
    ("3.2", "a host with a port", host(b"Host: queue.internal:8080\r\n")),
    ("3.2", "a host with an empty port", host(b"Host: x:\r\n")),
    ("3.2", "an IPv4 address", host(b"Host: 127.0.0.1:8080\r\n")),
    ("3.2", "an IPv6 address", host(b"Host: [::1]:8080\r\n")),
    ("3.2", "a host with an underscore and a percent", host(b"Host: my_queue%2Da\r\n")),
    ("3.2", "no host in HTTP/1.0", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    ("3.2.1", "a path and a query", target(b"/?a=b&c=%20?/")),
    ("3.2.2", "an absolute URL", target(b"http://elsewhere/")),
    ("3.2.2", "an absolute URL without a path", target(b"http://elsewhere:80")),
    ("3.2.2", "an absolute URL with a query only", target(b"HTTP://elsewhere?a")),
    ("3.2.2", "an absolute URL of https", target(b"https://[::1]:8080/")),
    ("3.2.4", "an asterisk", target(b"*", b"OPTIONS")),
    ("5", "a name in any case", POST + LENGTH.upper() + b"\r\n" + BODY),
    ("5.1", "no space after the colon", POST + LENGTH.replace(b" ", b"") + b"\r\n" + BODY),
    ("5.1", "spaces and tabs around a value", POST + b"Content-Length:\t 12 \t\r\n\r\n" + BODY),
    ("5.1", "an empty value", field(b"X:")),
    ("5.5", "bytes past ASCII in a value", field(b"X: \x80\xff")),
    ("6.1", "chunked", chunks()),
    ("6.1", "Chunked", coded(b"Transfer-Encoding: Chunked\r\n")),
    ("6.1", "CHUNKED", coded(b"transfer-encoding:CHUNKED \r\n")),
    ("9110 5.6.1", "empty items beside chunked", coded(b"Transfer-Encoding: , chunked ,\r\n")),
    ("6.2", "a length with zeros ahead", POST + b"Content-Length: 0012\r\n\r\n" + BODY),
    ("6.2", "a length of zero", GET + b"Content-Length: 0\r\n\r\n"),
    ("6.3", "neither length nor chunks", GET + b"\r\n"),
    ("7.1", "a size in capitals", chunks(size=b"C")),
    ("7.1", "a size with zeros ahead", chunks(size=b"00000c")),
    ("7.1", "zeros as the last size", chunks().replace(b"\r\n0\r\n", b"\r\n000\r\n")),
    ("7.1.1", "an extension", chunks(size=b"c;name")),
    ("7.1.1", "an extension with a value", chunks(size=b"c;name=value;other=1")),
    ("7.1.1", "a quoted value", chunks(size=b'c;a="b;c \\" \xff";d')),
    ("7.1.1", "spaces around an extension", chunks(size=b'c \t; a = "b" ; c')),
    ("7.1.1", "an extension of the last chunk", chunks().replace(b"\r\n0\r\n", b"\r\n0;a=b\r\n")),
    ("7.1.2", "a trailer", chunks(trailers=b"Digest: abc\r\n")),
    ("7.1.2", "trailers that mean nothing here", chunks(trailers=LENGTH + CHUNKED + HOST)),
    ("9.3", "an option beside others", GET + b"Connection: keep-alive, X-Hop\r\n\r\n"),
    ("9.3", "an option nobody knows", GET + b"Connection: X-Hop\r\n\r\n"),
    ("9.3", "options in two headers", GET + b"Connection: TE\r\nConnection: X\r\n\r\n"),
    ("9110 10.1.1", "an expectation", POST + LENGTH + b"Expect: 100-Continue\r\n\r\n" + BODY),
    (
        "9110 10.1.1",
        "an expectation in HTTP/1.0",
        b"POST /enqueue/sms/ HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n"
        + LENGTH
        + b"\r\n"
        + BODY,
    ),
]

REFUSED = [
    ("2.2", "a line that ends in a line feed", 400, b"GET / HTTP/1.1\nHost: x\n\n"),
    ("2.2", "a head that ends in line feeds", 400, b"GET / HTTP/1.1\r\nHost: x\n\n"),
    ("2.2", "an empty line of a line feed", 400, b"\n" + GET + b"\r\n"),
    ("2.2", "a bare CR in the request line", 400, target(b"/\r")),
    ("2.2", "a bare CR in a header", 400, field(b"X: a\rContent-Length: 5")),
    ("2.2", "a space before the first header", 400, GET.replace(HOST, b" " + HOST) + b"\r\n"),
    ("2.2", "a space before the request line", 400, b" " + GET + b"\r\n"),
    ("2.3", "a version in small letters", 400, GET.replace(b"HTTP", b"http") + b"\r\n"),
    ("2.3", "another major version", 400, GET.replace(b"1.1", b"2.0") + b"\r\n"),
    ("2.3", "a version of two digits", 400, GET.replace(b"1.1", b"1.10") + b"\r\n"),
    ("3", "two spaces in the request line", 400, target(b" /")),
    ("3", "a tab in the request line", 400, GET.replace(b" /", b"\t/") + b"\r\n"),
    ("3", "a space after the version", 400, GET.replace(b"1.1", b"1.1 ") + b"\r\n"),
    ("3", "no version", 400, b"GET /\r\n" + HOST + b"\r\n"),
    ("3.1", "a method that is no token", 400, target(b"/", b"GE(T")),
    ("3", "a target too long", 414, target(b"/" + b"x" * 20_000)),
    ("3.2", "no host", 400, host(b"")),
    ("3.2", "two hosts", 400, host(HOST + HOST)),
    ("3.2", "two hosts in HTTP/1.0", 400, b"GET / HTTP/1.0\r\n" + HOST + b"host: y\r\n\r\n"),
    ("3.2", "two hosts in one header", 400, host(b"Host: a, b\r\n")),
    ("3.2", "a host with a space", 400, host(b"Host: a b\r\n")),
    ("3.2", "a host with a slash", 400, host(b"Host: a/b\r\n")),
    ("3.2", "a host with a user", 400, host(b"Host: user@a\r\n")),
    ("3.2", "a host with half a percent code", 400, host(b"Host: a%2\r\n")),
    ("3.2", "a host in other letters", 400, host(b"Host: \xff\r\n")),
    ("3.2", "a port that is no number", 400, host(b"Host: a:b\r\n")),
    ("3.2", "a bracket that does not close", 400, host(b"Host: [::1\r\n")),
    ("3.2", "a broken host in HTTP/1.0", 400, b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),
    ("3.2", "a fragment", 400, target(b"/#fragment")),
    ("3.2.2", "an absolute URL and no host", 400, b"GET http://x/ HTTP/1.1\r\n\r\n"),
    ("3.2.2", "an absolute URL without a host", 400, target(b"http:///")),
    ("3.2.2", "an absolute URL with a user", 400, target(b"http://user@x/")),
    ("3.2.2", "another scheme", 400, target(b"gopher://x/")),
    ("3.2.3", "an authority", 400, target(b"x:80", b"CONNECT")),
    ("3.2.3", "an authority for another method", 400, target(b"x:80")),
    ("3.2.4", "an asterisk for another method", 400, target(b"*")),
    ("5.1", "a space before the colon", 400, field(b"Content-Length : 5")),
    ("5.1", "a tab before the colon", 400, field(b"Transfer-Encoding\t: chunked")),
    ("5.1", "no name", 400, field(b": 5")),
    ("5.1", "no colon", 400, field(b"Content-Length")),
    ("5.2", "a header that goes on", 400, field(b"X: a\r\n b")),
    ("5.2", "a length that goes on", 400, field(b"Content-Length: 1\r\n\t2")),
    ("5.5", "a NUL in a value", 400, field(b"X: \0")),
    ("5.5", "another control character", 400, field(b"X: \x0b")),
    ("5.4", "headers too long", 413, field(b"X: " + b"x" * 20_000)),
    ("6.1", "chunks in HTTP/1.0", 400, chunks().replace(b"HTTP/1.1", b"HTTP/1.0")),
    (
        "6.1",
        "chunks and a length in HTTP/1.0",
        400,
        LINE.replace(b"1.1", b"1.0") + LENGTH + CHUNKED,
    ),
    ("6.1", "chunks and a length", 400, coded(LENGTH + CHUNKED)),
    ("6.1", "a length and an empty coding", 400, coded(LENGTH + b"Transfer-Encoding:\r\n")),
    ("6.1", "chunked twice", 400, coded(b"Transfer-Encoding: chunked, chunked\r\n")),
    ("6.1", "chunked twice in two headers", 400, coded(CHUNKED + CHUNKED)),
    ("6.3", "chunked not the last", 400, coded(b"Transfer-Encoding: chunked, gzip\r\n")),
    ("6.3", "chunked not at all", 400, coded(b"Transfer-Encoding: gzip\r\n")),
    ("6.3", "an identity", 400, coded(b"Transfer-Encoding: identity\r\n")),
    ("6.3", "an empty coding", 400, coded(b"Transfer-Encoding: \r\n")),
    ("7", "chunked with a parameter", 400, coded(b"Transfer-Encoding: chunked;a=b\r\n")),
    ("6.1", "an unknown coding", 501, coded(b"Transfer-Encoding: gzip, chunked\r\n")),
    ("6.1", "an unknown coding above", 501, coded(b"Transfer-Encoding: br\r\n" + CHUNKED)),
    ("6.1", "a quoted coding", 400, coded(b'Transfer-Encoding: "chunked"\r\n')),
    ("6.1", "a coding behind a strange space", 400, coded(b"Transfer-Encoding: \xa0chunked\r\n")),
    ("6.1", "a Kelvin sign for a k", 400, coded("Transfer-Encoding: chun\u212aed\r\n".encode())),
    ("6.1", "a coding behind a vertical tab", 400, coded(b"Transfer-Encoding: \x0bchunked\r\n")),
    *(
        ("6.2", f"a length of {value!r}", 400, POST + b"Content-Length: " + value + b"\r\n\r\n")
        for value in (b"", b"-1", b"+1", b"1_0", b"0x1", b"1.0", b"1e1", b"1 2", b"1, 1", b"\xb2")
    ),
    ("6.2", "two lengths", 400, POST + LENGTH + b"Content-Length: 1\r\n\r\n" + BODY),
    ("6.2", "one length twice", 400, POST + LENGTH + LENGTH + b"\r\n" + BODY),
    (
        "6.2",
        "a length that no integer holds",
        400,
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ),
    *(
        ("7.1", f"a size of {size!r}", 400, chunks(size=size))
        for size in (b"", b"-c", b"+c", b"0xc", b" c", b"c ", b"c\t", b"1_2", b"z", b"c\0", b"\xb2")
    ),
    ("7.1", "a size that ends in a line feed", 400, chunks(end=b"\n")),
    ("7.1", "a size that ends in a carriage return", 400, chunks(end=b"\r")),
    ("7.1", "a chunk longer than its size", 400, chunks(size=b"2")),
    (
        "7.1",
        "a chunk that ends in a line feed",
        400,
        chunks().replace(BODY + b"\r\n", BODY + b"\n"),
    ),
    ("7.1.1", "a line feed in an extension", 400, chunks(size=b"c;a\nb")),
    ("7.1.1", "a line feed in a quoted value", 400, chunks(size=b'c;a="\n"')),
    ("7.1.1", "a line feed after an extension", 400, chunks(size=b"c;a", end=b"\n")),
    ("7.1.1", "a carriage return in an extension", 400, chunks(size=b"c;a\rb")),
    ("7.1.1", "a NUL in an extension", 400, chunks(size=b"c;a\0")),
    ("7.1.1", "an extension without a name", 400, chunks(size=b"c;")),
    ("7.1.1", "a quoted value that does not end", 400, chunks(size=b'c;a="b')),
    ("7.1.1", "a long extension", 400, chunks(size=b"c;" + b"a" * 5000)),
    ("7.1.2", "a trailer without a colon", 400, chunks(trailers=b"trailer\r\n")),
    ("7.1.2", "a request for a trailer", 400, chunks(trailers=HIDDEN)),
    ("7.1.2", "a space before a trailer's colon", 400, chunks(trailers=b"a : b\r\n")),
    ("7.1.2", "a trailer that goes on", 400, chunks(trailers=b"a: b\r\n c\r\n")),
    ("7.1.2", "a line feed in a trailer", 400, chunks(trailers=b"a: b\nc: d\r\n")),
    ("7.1.2", "a trailer that ends in a line feed", 400, chunks(trailers=b"a: b\n")),
    ("7.1.2", "a long trailer", 400, chunks(trailers=b"a: " + b"b" * 5000 + b"\r\n")),
    ("7.1.2", "many trailers", 400, chunks(trailers=b"a: b\r\n" * 2500)),
    (
        "9110 10.1.1",
        "an unknown expectation",
        417,
        POST + LENGTH + b"Expect: 200-ok\r\n\r\n" + BODY,
    ),
]


@pytest.fixture(scope="module")
def running() -> Iterator[ServerProcess]:
    with ServerProcess() as server:
        yield server
        assert "Traceback" not in server.log()
        assert " ERROR " not in server.log()


@pytest.fixture
def server(running: ServerProcess) -> ServerProcess:
    """A server with one job in its store."""
    head = b"POST /enqueue/sms/q1/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(JOB)
    with Wire(running.port) as wire:
        wire.send(head + JOB)
        answer = wire.answer()
        assert answer is not None
        assert answer.status == 201
    return running


def waiting_jobs(server: ServerProcess) -> bytes:
    with Wire(server.port) as wire:
        wire.send(b"GET /metrics/sms/q1/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = wire.answer()
        assert answer is not None
        return answer.body.partition(b",")[2].partition(b",")[0]


@pytest.mark.parametrize(
    "sent", [sent for _, _, sent in TAKEN], ids=[f"{part} {title}" for part, title, _ in TAKEN]
)
def test_it_is_accepted_and_so_is_what_follows(server: ServerProcess, sent: bytes) -> None:
    with Wire(server.port) as wire:
        wire.send(sent + LAST)
        assert [answer.status for answer in wire.answers()] == [200, 200]


@pytest.mark.parametrize(
    ("status", "sent"),
    [(status, sent) for _, _, status, sent in REFUSED],
    ids=[f"{part} {title}" for part, title, _, _ in REFUSED],
)
def test_it_is_refused_and_what_follows_is_not_carried_out(
    server: ServerProcess, status: int, sent: bytes
) -> None:
    with Wire(server.port) as wire:
        wire.send(sent + HIDDEN)
        [answer] = wire.answers()
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert answer.body.startswith(b'{"status":"failure","message":"')
    assert waiting_jobs(server) == b'"queue_length":1'


def test_after_a_close_nothing_more_is_carried_out(server: ServerProcess) -> None:
    """RFC 9112, 9.3 and 9.6."""
    for option in (b"close", b"Close", b"keep-alive, close", b"TE,CLOSE"):
        with Wire(server.port) as wire:
            wire.send(GET + b"Connection: " + option + b"\r\n\r\n" + HIDDEN)
            [answer] = wire.answers()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    with Wire(server.port) as wire:
        wire.send(b"GET / HTTP/1.0\r\n\r\n" + HIDDEN)
        assert [answer.status for answer in wire.answers()] == [200]
    assert waiting_jobs(server) == b'"queue_length":1'


def test_answers_come_in_the_order_of_the_requests(server: ServerProcess) -> None:
    """RFC 9112, 9.3.2."""
    row = [GET + b"\r\n", target(b"/nothing"), chunks(), target(b"/", b"BREW")]
    with Wire(server.port) as wire:
        wire.send(b"".join(row) * 20 + LAST)
        assert [answer.status for answer in wire.answers()] == [200, 404, 200, 405] * 20 + [200]


def test_a_request_that_does_not_end_is_not_carried_out(server: ServerProcess) -> None:
    """RFC 9112, 8."""
    halves = [
        HIDDEN[:-2],
        POST + LENGTH + b"\r\n" + BODY[:-1],
        chunks().removesuffix(b"\r\n"),
        chunks().removesuffix(b"0\r\n\r\n"),
    ]
    for half in halves:
        with Wire(server.port) as wire:
            wire.send(half)
            wire.shut()
            assert [answer.status for answer in wire.answers()] == [400]
    assert waiting_jobs(server) == b'"queue_length":1'
