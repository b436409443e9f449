"""The time-outs of connections are keys of the configuration, in ms."""

import time

import pytest

from support.http_client import Wire
from support.server import ServerProcess

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_an_idle_connection_is_closed_after_the_keep_alive_timeout() -> None:
    environ = {"SHARQ_SERVER_KEEP_ALIVE_TIMEOUT": "400"}
    with ServerProcess(environ=environ) as server, Wire(server.port) as wire:
        wire.send(GET)
        assert wire.answer() is not None
        started = time.monotonic()
        assert wire.answer() is None
        assert 0.3 < time.monotonic() - started < 4


def test_a_request_that_does_not_come_whole_is_answered_after_the_request_timeout() -> None:
    environ = {"SHARQ_SERVER_REQUEST_TIMEOUT": "400"}
    with ServerProcess(environ=environ) as server, Wire(server.port) as wire:
        wire.send(GET[:-2])
        started = time.monotonic()
        [answer] = wire.answers()
        assert answer.status == 408
        assert 0.3 < time.monotonic() - started < 4


@pytest.mark.parametrize("key", ["KEEP_ALIVE_TIMEOUT", "REQUEST_TIMEOUT"])
def test_a_short_time_out_lets_a_wait_come_to_its_end(key: str) -> None:
    with (
        ServerProcess(environ={f"SHARQ_SERVER_{key}": "1000"}) as server,
        Wire(server.port) as wire,
    ):
        wire.send(GET.replace(b" / ", b" /dequeue/sms/?wait=2000 "))
        answer = wire.answer()
        assert answer is not None
        assert answer.status == 404
