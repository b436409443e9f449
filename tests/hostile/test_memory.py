"""The memory of a server does not grow with what its clients wait for."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hostile.wire import Wire
from sharq_plug.http.app import MEMORY
from support.server import ServerProcess

MIB = 1024 * 1024
JOB = b'{"job_id": "big", "interval": 0, "payload": "' + b"x" * (MIB - 60) + b'"}'
ENQUEUE = b"POST /enqueue/sms/q/ HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(JOB)
COUNTED = 2 * MEMORY
"""Bytes that the server may count, and what an allocator loses on them."""
READ = 256 * 1024
"""Bytes that a connection may bring in one read, before they are counted."""
ANSWER = 1024 * 1024
"""Bytes of the largest answer, of which each request in flight may have one."""

ATTACKS = {
    "half-sent bodies": (500, READ, ENQUEUE + JOB[: MIB * 9 // 10]),
    "headers that do not end": (500, READ, b"GET / HTTP/1.1\r\nX: " + b"x" * 8000),
    "requests whose answers nobody reads": (500, READ, b"GET /metrics/ HTTP/1.1\r\n\r\n" * 20_000),
    "big jobs that nobody reads": (
        150,
        READ + ANSWER,
        b"GET /dequeue/sms/?attempt_id=a HTTP/1.1\r\n\r\n" * 100,
    ),
}


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as server, Wire(server.port) as wire:
        wire.send(ENQUEUE + JOB)
        answer = wire.answer()
        assert answer is not None
        assert answer.status == 201
        yield server


def most_memory(server: ServerProcess) -> int:
    """Return the most bytes of memory that the process has had."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def send_what_is_taken(connections: list[socket.socket], data: bytes) -> None:
    """Send to all in turn, until a second has brought none of them on."""
    rest = {connection: memoryview(data) for connection in connections}
    last_progress = time.monotonic()
    while rest and time.monotonic() - last_progress < 1:
        for connection, unsent in list(rest.items()):
            try:
                sent = connection.send(unsent[: 64 * 1024])
            except BlockingIOError:
                continue
            except ConnectionError:
                del rest[connection]
                continue
            last_progress = time.monotonic()
            rest[connection] = unsent[sent:]
            if not rest[connection]:
                del rest[connection]


@pytest.mark.parametrize(("clients", "uncounted", "sent"), ATTACKS.values(), ids=ATTACKS)
def test_it_stays_within_its_bounds(
    server: ServerProcess, clients: int, uncounted: int, sent: bytes
) -> None:
    before = most_memory(server)
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(clients)
        ]
        for connection in connections:
            connection.setblocking(False)
        send_what_is_taken(connections, sent)
        with Wire(server.port) as wire:
            wire.send(b"GET /deepstatus/ HTTP/1.1\r\n\r\n")
            answer = wire.answer()
            assert answer is not None
            assert answer.status == 200
        grown = most_memory(server) - before
    assert grown < COUNTED + clients * uncounted
    assert "Traceback" not in server.log()
