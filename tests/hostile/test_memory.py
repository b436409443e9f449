"""The memory of a server does not grow with what its clients wait for."""

import contextlib
import resource
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from sharq_plug.http.wire.app import MEMORY
from sharq_plug.service.admission import MAX_BYTES_IN_FLIGHT
from support.http_client import Wire
from support.server import ServerProcess

MIB = 1024 * 1024
JOB = b'{"job_id": "big", "interval": 0, "payload": "' + b"x" * (MIB - 60) + b'"}'
ENQUEUE = b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(JOB)
BATCH_SIZE = 15 * MIB
BATCH_HEAD = b"POST /enqueue/sms/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % BATCH_SIZE
COUNTED = 2 * MEMORY
"""Bytes that the server may count, and what an allocator loses on them."""
READ = 256 * 1024
"""Bytes that a connection may bring in one read, before they are counted."""
ANSWER = 1024 * 1024
"""Bytes of the largest answer, of which each request in flight may have one."""
WAITING = 32 * 1024
"""Bytes that a client may take while it waits for a job, its line included."""

ATTACKS = {
    "half-sent bodies": (500, READ, ENQUEUE + JOB[: MIB * 9 // 10]),
    "half-sent batches": (50, READ, BATCH_HEAD + JOB * 14),
    "headers that do not end": (500, READ, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 8000),
    "requests whose answers nobody reads": (
        500,
        READ,
        b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000,
    ),
    "pages of big jobs that nobody reads": (
        150,
        READ + ANSWER,
        b"GET /jobs/sms/q/?payload=1 HTTP/1.1\r\nHost: x\r\n\r\n" * 100,
    ),
    "big jobs that nobody reads": (
        150,
        READ + ANSWER,
        b"GET /dequeue/sms/?attempt_id=a HTTP/1.1\r\nHost: x\r\n\r\n" * 100,
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
            wire.send(b"GET /deepstatus/ HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = wire.answer()
            assert answer is not None
            assert answer.status == 200
        grown = most_memory(server) - before
    assert grown < COUNTED + clients * uncounted
    assert "Traceback" not in server.log()


@pytest.fixture
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_files")
@pytest.mark.parametrize("types", [1, 2000])
def test_two_thousand_clients_that_wait_take_little(server: ServerProcess, types: int) -> None:
    before = most_memory(server)
    with ExitStack() as stack:
        for number in range(2000):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            path = b"/dequeue/type-%d/?wait=60000" % (number % types)
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        with Wire(server.port) as wire:
            wire.send(b"GET /dequeue/type-0/?wait=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = wire.answer()
        assert answer is not None
        assert answer.status == 404
        grown = most_memory(server) - before
    assert grown < 2000 * WAITING
    assert "Traceback" not in server.log()


def test_large_answers_that_nobody_reads_are_not_all_made_at_once(server: ServerProcess) -> None:
    with Wire(server.port) as wire:
        for number in range(7):
            wire.send(ENQUEUE + JOB.replace(b'"big"', b'"b-%d"' % number))
            assert wire.answer() is not None
    before = most_memory(server)
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            for _ in range(60)
        ]
        server.send(signal.SIGSTOP)
        for connection in connections:
            connection.sendall(
                b"GET /dequeue/sms/?count=8&attempt_id=a HTTP/1.1\r\nHost: x\r\n\r\n"
            )
        server.send(signal.SIGCONT)
        for connection in connections:
            with contextlib.suppress(ConnectionError):  # it had to give way
                connection.recv(1, socket.MSG_PEEK)
        grown = most_memory(server) - before
    assert grown < COUNTED + 60 * READ + 4 * 8 * MIB
    assert "Traceback" not in server.log()


def batch(queue: int) -> bytes:
    """Return a batch of a thousand jobs for one queue, nearly as large as it may be."""
    item = b'{"queue_id": "q%d", "job_id": "j%d", "interval": 0, "payload": "' + b"x" * 15_000
    items = b'"}, '.join(item % (queue, number) for number in range(1000))
    body = b'{"jobs": [' + items + b'"}]}'
    return (
        b"POST /enqueue/sms/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


def status_of(server: ServerProcess, sent: bytes) -> int | None:
    """Return what a request is answered; None if the server hangs up."""
    with Wire(server.port) as wire:
        wire.socket.settimeout(20)
        wire.send(sent)
        answer = wire.answer()
        return None if answer is None else answer.status


def test_batches_from_many_clients_at_once_stay_within_the_bounds(
    redis_url: str,
) -> None:
    environ = {"SHARQ_SERVER_BACKEND": "redis", "SHARQ_REDIS_URL": redis_url}
    batches = [batch(queue) for queue in range(12)]
    with ServerProcess(environ=environ) as server, ThreadPoolExecutor(len(batches)) as clients:
        before = most_memory(server)
        statuses = list(clients.map(lambda sent: status_of(server, sent), batches))
        grown = most_memory(server) - before
        assert "Traceback" not in server.log()
    assert grown < 2 * (MEMORY + MAX_BYTES_IN_FLIGHT)
    assert 200 in statuses
    assert set(statuses) <= {200, 503, None}


READERS = 24
"""Their answers of 8 MiB take three times the memory that there is for all."""


def read_everything(server: ServerProcess, _number: int) -> int:
    """Dequeue as many jobs as there may be in an answer, and return how many came."""
    with Wire(server.port) as wire:
        wire.socket.settimeout(20)
        while True:
            wire.send(b"GET /dequeue/sms/?count=1000 HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = wire.answer()
            assert answer is not None, "hung up on in the middle of reading"
            if answer.status == 200:
                return answer.body.count(b'"job_id"')
            assert answer.status == 503
            time.sleep(0.1)


def test_clients_that_read_get_large_answers_however_many_they_are(server: ServerProcess) -> None:
    with Wire(server.port) as wire:
        for number in range(READERS * 8 - 1):
            wire.send(ENQUEUE + JOB.replace(b'"big"', b'"%03d"' % number, 1))
            assert wire.answer() is not None
    with ThreadPoolExecutor(READERS) as clients:
        counts = list(clients.map(partial(read_everything, server), range(READERS)))
    with Wire(server.port) as wire:
        wire.send(b"GET /metrics/sms/q/ HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = wire.answer()
    assert answer is not None
    assert b'"leased":%d,' % sum(counts) in answer.body, "a job was leased to nobody"
    assert min(counts) > 0
