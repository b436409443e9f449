"""Clients that send no more, before a server in a process of its own: the loop is another there."""

import json
import time
from collections.abc import Iterator

import pytest

from support.http_client import Wire
from support.server import ServerProcess

WAIT = b"GET /dequeue/sms/?wait=%d HTTP/%b\r\nHost: x\r\n\r\n"
JOB = b'{"job_id": "j1", "interval": 0, "payload": 1}'
ENQUEUE = b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(JOB) + JOB


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as server:
        yield server
        assert "Traceback" not in server.log()
        assert " ERROR " not in server.log()


def enqueue(server: ServerProcess) -> None:
    with Wire(server.port) as wire:
        wire.send(ENQUEUE)
        answer = wire.answer()
        assert answer is not None
        assert answer.status == 201


def test_a_client_that_sends_no_more_gets_its_job(server: ServerProcess) -> None:
    with Wire(server.port) as wire:
        wire.send(WAIT % (20_000, b"1.1"))
        wire.shut()
        time.sleep(0.2)  # so that its end is seen before there is a job
        enqueue(server)
        [answer] = wire.answers()
    assert (answer.status, json.loads(answer.body)["attempt"]) == (200, 1)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("pause", [0, 0.2])
def test_a_client_that_is_gone_keeps_no_job(
    server: ServerProcess, version: bytes, pause: float
) -> None:
    gone = Wire(server.port)
    gone.send(WAIT % (20_000, version))
    time.sleep(0.2)  # so that it is in line before it goes
    gone.socket.close()
    time.sleep(pause)
    enqueue(server)
    with Wire(server.port) as wire:
        wire.send(WAIT % (4000, b"1.1"))
        answer = wire.answer()
    assert answer is not None
    assert (answer.status, json.loads(answer.body)["job_id"]) == (200, "j1")
