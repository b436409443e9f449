"""Signals: what is in flight is answered, then the server ends with exit status 0."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from signal import SIGINT, SIGTERM, Signals

import pytest

from sharq_plug.server.serving import ONE_SIGNAL
from support.http_client import Wire
from support.load import Load, jobs_in_redis
from support.server import ServerProcess
from support.waiting import until

pytestmark = pytest.mark.anyio

BODY = json.dumps({"job_id": "late", "interval": 0, "payload": "x" * 100}).encode()
HEAD = (
    b"POST /enqueue/load/0/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)

Stop = Callable[[ServerProcess], None]


def once(number: Signals) -> Stop:
    return lambda server: server.send(number)


def twice(number: Signals) -> Stop:
    def stop(server: ServerProcess) -> None:
        server.send(number)
        until(partial(is_closed, server))
        server.send(number)

    return stop


def all_processes_twice(number: Signals) -> Stop:
    def stop(server: ServerProcess) -> None:
        server.send_to_all(number)
        until(partial(is_closed, server))
        server.send_to_all(number)

    return stop


STOPS = {
    "SIGTERM": once(SIGTERM),
    "SIGINT": once(SIGINT),
    "SIGTERM twice": twice(SIGTERM),
    "Ctrl-C twice": all_processes_twice(SIGINT),
    "SIGTERM to all twice": all_processes_twice(SIGTERM),
}


def is_closed(server: ServerProcess) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
    except ConnectionError:
        return True
    return False


def a_request_in_flight(server: ServerProcess) -> socket.socket:
    """Return a connection whose request the server has begun to read."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(HEAD)
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
    return connection


def the_rest_of(connection: socket.socket) -> bytes:
    connection.sendall(BODY)
    answer = b""
    while part := connection.recv(10_000):
        answer += part
    return answer


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_a_request_in_flight_is_answered_before_the_end(stop: Stop) -> None:
    with ServerProcess() as server, a_request_in_flight(server) as connection:
        stop(server)
        until(partial(is_closed, server))
        assert the_rest_of(connection).startswith(b"HTTP/1.1 201 ")
        assert server.wait() == 0
        assert "Traceback" not in server.log()


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
async def test_two_processes_answer_before_the_end(stop: Stop, on_redis: dict[str, str]) -> None:
    with (
        ServerProcess("--workers", "2", environ=on_redis) as server,
        a_request_in_flight(server) as connection,
    ):
        stop(server)
        until(partial(is_closed, server))
        assert the_rest_of(connection).startswith(b"HTTP/1.1 201 ")
        assert server.wait() == 0
        assert "Traceback" not in server.log()
    assert await jobs_in_redis(on_redis["SHARQ_REDIS_URL"]) == {"late"}


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG = {"SHARQ_SERVER_DRAIN_TIME": "60000"}


def an_idle_connection(server: ServerProcess) -> Wire:
    """Return a connection that has carried a request and waits for the next."""
    wire = Wire(server.port)
    wire.send(GET)
    answer = wire.answer()
    assert answer is not None
    assert (answer.status, answer.headers["connection"]) == (200, "keep-alive")
    return wire


def assert_the_last_request_is_answered(wire: Wire) -> None:
    wire.send(GET * 2)
    [answer] = wire.answers()
    assert (answer.status, answer.headers["connection"]) == (200, "close")


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_an_idle_connection_carries_one_more_request(stop: Stop) -> None:
    with ServerProcess(environ=LONG) as server, an_idle_connection(server) as wire:
        stop(server)
        until(partial(is_closed, server))
        assert_the_last_request_is_answered(wire)
        assert server.wait() == 0
        assert "Traceback" not in server.log()


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_idle_connections_to_two_processes_carry_one_more_request(
    stop: Stop, on_redis: dict[str, str]
) -> None:
    with (
        ServerProcess("--workers", "2", environ=on_redis | LONG) as server,
        ExitStack() as stack,
    ):
        wires = [stack.enter_context(an_idle_connection(server)) for _ in range(8)]
        stop(server)
        until(partial(is_closed, server))
        for wire in wires:
            assert_the_last_request_is_answered(wire)
        assert server.wait() == 0
        assert "Traceback" not in server.log()


def test_a_waiting_worker_is_answered_at_once() -> None:
    with (
        ServerProcess(environ=LONG) as server,
        an_idle_connection(server) as idle,
        an_idle_connection(server) as waiting,
    ):
        waiting.send(GET.replace(b" / ", b" /dequeue/sms/?wait=60000 "))
        server.send(SIGTERM)
        [answer] = waiting.answers()
        assert (answer.status, answer.headers["connection"]) == (404, "close")
        assert_the_last_request_is_answered(idle)
        assert server.wait() == 0


def test_an_idle_connection_holds_the_end_up_for_the_drain_time_only() -> None:
    with (
        ServerProcess(environ={"SHARQ_SERVER_DRAIN_TIME": "500"}) as server,
        an_idle_connection(server) as wire,
    ):
        started = time.monotonic()
        server.send(SIGTERM)
        assert wire.answers() == []
        assert server.wait() == 0
        assert 0.5 <= time.monotonic() - started < 4


def test_without_a_connection_the_end_comes_at_once() -> None:
    with ServerProcess(environ=LONG) as server:
        server.send(SIGTERM)
        assert server.wait() == 0


def test_a_second_signal_closes_idle_connections_and_answers_what_is_in_flight() -> None:
    with (
        ServerProcess(environ=LONG) as server,
        an_idle_connection(server) as idle,
        a_request_in_flight(server) as connection,
    ):
        server.send(SIGINT)
        time.sleep(ONE_SIGNAL + 0.2)
        server.send(SIGINT)
        assert idle.answers() == []
        assert the_rest_of(connection).startswith(b"HTTP/1.1 201 ")
        assert server.wait() == 0


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
async def test_memory_under_load_stops_with_every_answer_a_good_one(number: Signals) -> None:
    with ServerProcess() as server:
        load = Load(server.url)
        await load.reach(200)
        server.send(number)
        await load.end()
        assert server.wait() == 0
        assert load.refusals == []
        assert "Traceback" not in server.log()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
async def test_redis_under_load_keeps_every_acknowledged_job(
    number: Signals, workers: str, on_redis: dict[str, str]
) -> None:
    with ServerProcess("--workers", workers, environ=on_redis) as server:
        load = Load(server.url)
        await load.reach(200)
        server.send_to_all(number)
        await load.end()
        assert server.wait() == 0
        assert load.refusals == []
        assert "Traceback" not in server.log()
    assert load.acknowledged <= await jobs_in_redis(on_redis["SHARQ_REDIS_URL"])
