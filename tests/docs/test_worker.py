"""The worker of the README, run as it stands there, on bad days."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

import httpx
import pytest

from support.program import Program
from support.readme import ADDRESS, block
from support.redis_server import free_port
from support.server import ServerProcess
from support.waiting import until

WORKER = block("python", "while True")


class Worker(Program):
    """The worker as a process."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(WORKER.replace(ADDRESS, url), folder)

    def says(self, text: str) -> None:
        """Wait until it has said a text, while it lives."""
        self.until_said(lambda said: text in said)


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    workers = []

    def start(url: str) -> Worker:
        workers.append(Worker(url, tmp_path))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def put(url: str, job_id: str, payload: object) -> None:
    job = {"job_id": job_id, "interval": 0, "payload": payload}
    assert httpx.post(f"{url}/enqueue/sms/acme/", json=job).status_code == 201


def left(url: str) -> tuple[int, int]:
    metrics = httpx.get(f"{url}/metrics/sms/acme/").json()
    return metrics["queue_length"], metrics["leased"]


@pytest.mark.parametrize("number", [SIGKILL, SIGTERM])
def test_the_worker_outlives_a_restart_of_the_server(
    number: Signals, redis_url: str, start_worker: Callable[[str], Worker]
) -> None:
    port = f"{free_port()}"
    environ = {"SHARQ_REDIS_URL": redis_url}
    arguments = ("--backend", "redis", "--port", port)
    with ServerProcess(*arguments, environ=environ) as server:
        put(server.url, "1", {"to": "before"})
        worker = start_worker(server.url)
        worker.says("sending to before\n")
        server.send(number)
        server.wait()
    with ServerProcess(*arguments, environ=environ) as server:
        put(server.url, "2", {"to": "after"})
        worker.says("sending to after\n")
        until(lambda: left(server.url) == (0, 0))


def test_a_job_that_the_worker_cannot_do_does_not_end_it(
    start_worker: Callable[[str], Worker],
) -> None:
    with ServerProcess() as server:
        payloads = ["text", None, 7, ["list"], {"no": "address"}]
        for number, payload in enumerate(payloads):
            put(server.url, f"bad-{number}", payload)
        put(server.url, "good", {"to": "somebody"})
        worker = start_worker(server.url)
        worker.says("sending to somebody\n")
        until(lambda: left(server.url) == (0, len(payloads)))


class Relay:
    """Stand between the worker and a server; `meddle` may change a request, or lose its answer."""

    def __init__(self, port: int, meddle: Callable[[bytes], bytes | None]) -> None:
        self._port = port
        self._meddle = meddle
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                with self._listener.accept()[0] as client:
                    self._relay(client)

    def _relay(self, client: socket.socket) -> None:
        request = b""
        while not is_whole(request):
            request += client.recv(10_000)
        changed = self._meddle(request)
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            server.sendall(changed or request)
            answer = b""
            while part := server.recv(10_000):
                answer += part
        if changed is not None:
            client.sendall(answer)


def is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and len(body) >= int(length[1] if length else 0)


@contextlib.contextmanager
def relayed(server: ServerProcess, meddle: Callable[[bytes], bytes | None]) -> Iterator[str]:
    relay = Relay(server.port, meddle)
    try:
        yield relay.url
    finally:
        server.send(SIGKILL)
        relay.close()


def test_a_dequeue_whose_answer_was_lost_is_repeated_and_gets_the_same_job(
    start_worker: Callable[[str], Worker],
) -> None:
    requests: list[bytes] = []

    def lose_the_first_answer(request: bytes) -> bytes | None:
        requests.append(request)
        return None if len(requests) == 1 else request

    with ServerProcess() as server, relayed(server, lose_the_first_answer) as url:
        put(server.url, "1", {"to": "first"})
        put(server.url, "2", {"to": "second"})
        worker = start_worker(url)
        worker.says("sending to second\n")
        until(lambda: left(server.url) == (0, 0))
        assert worker.said.splitlines() == ["sending to first", "sending to second"]
    first, again, *later = (r.partition(b"\r\n\r\n")[2] for r in requests if b"/dequeue/" in r)
    assert first == again
    assert first not in later


def test_a_finish_that_comes_too_late_ends_the_job_and_not_the_worker(
    start_worker: Callable[[str], Worker],
) -> None:
    finishes: list[Any] = []

    def spoil_the_first_lease(request: bytes) -> bytes:
        head, end, body = request.partition(b"\r\n\r\n")
        if b"/finish/" not in head:
            return request
        finishes.append(json.loads(body))
        if len(finishes) > 1:
            return request
        lease = finishes[0]["lease"]
        return head + end + body.replace(lease.encode(), b"x" * len(lease))

    with ServerProcess() as server, relayed(server, spoil_the_first_lease) as url:
        put(server.url, "1", {"to": "first"})
        put(server.url, "2", {"to": "second"})
        worker = start_worker(url)
        worker.says("too late for 1\n")
        worker.says("sending to second\n")
        until(lambda: left(server.url) == (0, 1))
    assert len(finishes) == 2
