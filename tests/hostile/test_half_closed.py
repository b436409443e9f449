"""Clients that send no more, before a server in a process of its own: the loop is another there."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.certificates import Authority
from support.http_client import Wire
from support.metrics import waiting_workers
from support.server import ServerProcess
from support.waiting import until

WAIT = b"GET /dequeue/sms/?wait=%d HTTP/%b\r\nHost: x\r\n\r\n"
JOB = b'{"job_id": "j1", "interval": 0, "payload": 1}'
ENQUEUE = b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(JOB) + JOB


@pytest.fixture(params=["plain", "tls"])
def trust(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    """What a client needs to speak TLS with `server`; None if it speaks none."""
    if request.param == "plain":
        return None
    authority: Authority = request.getfixturevalue("authority")
    return authority.context()


@pytest.fixture
def server(trust: ssl.SSLContext | None, authority: Authority) -> Iterator[ServerProcess]:
    environ = {} if trust is None else authority.issue("server").environ
    with ServerProcess(environ=environ) as server:
        yield server
        assert "Traceback" not in server.log()
        assert " ERROR " not in server.log()


def enqueue(server: ServerProcess, trust: ssl.SSLContext | None) -> None:
    with Wire(server.port, tls=trust) as wire:
        wire.send(ENQUEUE)
        answer = wire.answer()
        assert answer is not None
        assert answer.status == 201


def test_a_client_that_sends_no_more_gets_its_job(
    server: ServerProcess, trust: ssl.SSLContext | None
) -> None:
    with Wire(server.port, tls=trust) as wire:
        wire.send(WAIT % (20_000, b"1.1"))
        wire.shut()
        time.sleep(0.2)  # so that its end is seen before there is a job
        enqueue(server, trust)
        [answer] = wire.answers()
    assert (answer.status, json.loads(answer.body)["attempt"]) == (200, 1)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("pause", [0, 0.2])
def test_a_client_that_is_gone_keeps_no_job(
    server: ServerProcess, trust: ssl.SSLContext | None, version: bytes, pause: float
) -> None:
    gone = Wire(server.port, tls=trust)
    gone.send(WAIT % (20_000, version))
    until(lambda: waiting_workers(server, trust) == 1)
    gone.socket.close()
    time.sleep(pause)
    enqueue(server, trust)
    with Wire(server.port, tls=trust) as wire:
        wire.send(WAIT % (4000, b"1.1"))
        answer = wire.answer()
    assert answer is not None
    assert (answer.status, json.loads(answer.body)["job_id"]) == (200, "j1")


@pytest.mark.parametrize("trust", ["tls"], indirect=True)
@pytest.mark.parametrize("end", [lambda _: None, Wire.shut], ids=["open", "closed"])
def test_a_client_that_says_goodbye_in_tls_gets_its_job(
    server: ServerProcess, trust: ssl.SSLContext, end: Callable[[Wire], None]
) -> None:
    with Wire(server.port, tls=trust) as wire:
        wire.send(WAIT % (20_000, b"1.1"))
        wire.say_goodbye()
        end(wire)
        time.sleep(0.2)  # so that its end is seen before there is a job
        enqueue(server, trust)
        [answer] = wire.answers()
    assert (answer.status, json.loads(answer.body)["attempt"]) == (200, 1)


@pytest.mark.parametrize("trust", ["tls"], indirect=True)
def test_a_row_of_requests_with_a_goodbye_is_answered_whole(
    server: ServerProcess, trust: ssl.SSLContext
) -> None:
    with Wire(server.port, tls=trust) as wire:
        # The first one waits, so that no answer comes before the goodbye.
        wire.send(WAIT % (500, b"1.1") + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        wire.say_goodbye()
        assert [answer.status for answer in wire.answers()] == [404, *[200] * 100]


@pytest.mark.parametrize("trust", ["tls"], indirect=True)
@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_a_client_that_leaves_within_the_handshake_leaves_nothing(
    server: ServerProcess, trust: ssl.SSLContext, sent: bytes
) -> None:
    for ends in (Wire.shut, lambda wire: wire.socket.close()):
        wire = Wire(server.port)
        wire.send(sent)
        ends(wire)
        if ends is Wire.shut:
            assert wire.socket.recv(1) == b""
            wire.socket.close()
    until(lambda: open_connections(server) == 0)


def open_connections(server: ServerProcess) -> int:
    """Return how many connections the server has not closed yet."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    at_port = [line for line in lines if line[1].endswith(f":{server.port:04X}")]
    listening, ownerless = "0A", "0"
    return sum(line[3] != listening and line[9] != ownerless for line in at_port)
