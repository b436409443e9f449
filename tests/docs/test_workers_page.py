"""The worker of docs/workers.md, run as it stands there, on bad days."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signal import SIGTERM
from typing import Any

import httpx
import pytest

from support.program import Program
from support.readme import ADDRESS, ROOT
from support.redis_server import free_port
from support.server import ServerProcess
from support.waiting import until

PAGE = (ROOT / "docs" / "workers.md").read_text()
[WORKER] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PROVIDER = "http://127.0.0.1:9090"
TO_A = {"to": ["a"], "text": "hello"}


class Provider:
    """What the worker sends messages to.

    It answers as `answers` say, else with 200, and only while `go_on` is set.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.asked: list[str] = []
        """The addresses of the messages that came."""
        self.sent: list[str] = []
        """Those that were answered with 200."""
        self.go_on = threading.Event()
        self.go_on.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # `self` is below
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.asked.append(message["to"])
                provider.go_on.wait()
                status, headers = provider.answers.pop(0) if provider.answers else (200, {})
                if status == 200:
                    provider.sent.append(message["to"])
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class Worker(Program):
    """The worker as a process; its dequeues wait 300 ms, and its leases last as long as is said."""

    def __init__(self, url: str, provider: Provider, folder: Path, lease_time: int) -> None:
        code = WORKER.replace(ADDRESS, url).replace(PROVIDER, provider.url)
        code = code.replace("WAIT = 5_000", "WAIT = 300")
        code = code.replace("LEASE_TIME = 30_000", f"LEASE_TIME = {lease_time}")
        super().__init__(code, folder)

    def says(self, *lines: str) -> None:
        """Wait until it has said exactly these lines, while it lives."""
        self.until_said(lambda said: said.splitlines() == list(lines))

    def ends(self) -> None:
        """Wait until it has ended, as it was told to."""
        assert self.process.wait(10) == 0, self.said


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def start(provider: Provider, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers = []

    def start(url: str, *, lease_time: int = 30_000) -> Worker:
        workers.append(Worker(url, provider, tmp_path, lease_time))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def put(url: str, job_id: str, payload: object, **fields: object) -> None:
    job = {"job_id": job_id, "interval": 0, "payload": payload, **fields}
    assert httpx.post(f"{url}/enqueue/sms/acme/", json=job).status_code == 201


def left(url: str) -> dict[str, Any]:
    metrics = httpx.get(f"{url}/metrics/sms/acme/").json()
    names = ("queue_length", "delayed", "leased", "dead_letters")
    return {name: metrics[name] for name in names if metrics[name]}


def test_it_does_what_comes_and_outlives_what_is_no_job_for_it(
    provider: Provider, start: Callable[..., Worker]
) -> None:
    with ServerProcess() as server:
        put(server.url, "poison", ["no", "object"], requeue_limit=9)
        put(server.url, "good", {"to": ["a", "b"], "text": "hello"})
        worker = start(server.url)
        worker.says("fail poison", "finish good")
        assert provider.sent == ["a", "b"]
        assert left(server.url) == {"dead_letters": 1}


def test_it_waits_for_a_server_that_is_not_there_yet(start: Callable[..., Worker]) -> None:
    port = free_port()
    worker = start(f"http://127.0.0.1:{port}")
    with ServerProcess("--port", f"{port}") as server:
        put(server.url, "j1", TO_A)
        worker.says("finish j1")


def test_a_provider_that_is_busy_gets_its_pause_and_costs_no_requeue(
    provider: Provider, start: Callable[..., Worker]
) -> None:
    provider.answers = [(429, {"Retry-After": "1"})]
    with ServerProcess() as server:
        put(server.url, "j1", TO_A, requeue_limit=0)
        worker = start(server.url)
        worker.says("release j1")
        worker.says("release j1", "finish j1")
        assert left(server.url) == {}


def test_what_went_wrong_is_tried_again_until_no_requeue_is_left(
    provider: Provider, start: Callable[..., Worker]
) -> None:
    provider.answers = [(500, {})] * 2
    with ServerProcess() as server:
        put(server.url, "j1", TO_A, requeue_limit=1, requeue_delay=1)
        worker = start(server.url)
        worker.says("fail j1", "fail j1")
        assert left(server.url) == {"dead_letters": 1}


def test_a_job_that_the_provider_refuses_is_a_dead_letter_at_once(
    provider: Provider, start: Callable[..., Worker]
) -> None:
    provider.answers = [(422, {})]
    with ServerProcess() as server:
        put(server.url, "j1", TO_A, requeue_limit=5)
        worker = start(server.url)
        worker.says("fail j1")
        assert left(server.url) == {"dead_letters": 1}


def test_a_job_that_takes_longer_than_its_lease_is_kept(
    provider: Provider, start: Callable[..., Worker], tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    environ = {"SHARQ_SERVER_ACCESSLOG": str(log), "SHARQ_JOB_REQUEUE_INTERVAL": "20"}
    provider.go_on.clear()
    with ServerProcess(environ=environ) as server:
        put(server.url, "j1", TO_A)
        worker = start(server.url, lease_time=600)
        until(lambda: log.exists() and log.read_text().count("/extend/sms/acme/j1/") >= 6)
        assert left(server.url) == {"leased": 1}
        provider.go_on.set()
        worker.says("finish j1")
        assert provider.asked == ["a"]


def test_a_job_that_was_taken_away_is_dropped_between_two_steps(
    provider: Provider, start: Callable[..., Worker], tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    provider.go_on.clear()
    with ServerProcess(environ={"SHARQ_SERVER_ACCESSLOG": str(log)}) as server:
        put(server.url, "j1", {"to": ["a", "b"]})
        worker = start(server.url, lease_time=300)
        until(lambda: provider.asked == ["a"])
        httpx.delete(f"{server.url}/deletequeue/sms/acme/")
        until(lambda: re.search(r"/extend/sms/acme/j1/\S* .*404", log.read_text()))
        put(server.url, "j2", TO_A)
        provider.go_on.set()
        worker.says("lost j1", "finish j2")
        assert provider.asked == ["a", "a"]


def test_it_finishes_the_job_in_hand_and_ends_when_it_is_told_to(
    provider: Provider, start: Callable[..., Worker]
) -> None:
    provider.go_on.clear()
    with ServerProcess() as server:
        put(server.url, "j1", TO_A)
        put(server.url, "j2", TO_A)
        worker = start(server.url)
        until(lambda: provider.asked == ["a"])
        worker.process.send_signal(SIGTERM)
        provider.go_on.set()
        worker.ends()
        assert worker.said.splitlines() == ["finish j1"]
        assert left(server.url) == {"queue_length": 1}


def test_it_hands_back_a_job_that_comes_when_it_was_told_to_end(
    provider: Provider, start: Callable[..., Worker]
) -> None:
    with ServerProcess() as server:
        put(server.url, "first", {"to": []})
        worker = start(server.url)
        worker.says("finish first")
        worker.process.send_signal(SIGTERM)
        put(server.url, "j1", TO_A, requeue_limit=3)
        worker.ends()
        assert (worker.said.splitlines(), provider.asked) == (["finish first"], [])
        job = httpx.post(f"{server.url}/dequeue/sms/").json()
        assert (job["job_id"], job["requeues_remaining"]) == ("j1", 3)
