"""A server over HTTP, one job or a hundred a request, compared with a bare Sanic.

The server has a core for itself. On the other one are the load and Redis.
"""

from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.remote import Remote
from benchmarks.servers import Answers, bare_server, load, sharq_server
from sharq_plug.plugins import installed_backends
from sharq_plug.testing.benchmarks import Row, Side, in_turns
from support.server import ServerProcess

CONNECTIONS = 32
ROUNDS, BATCH_ROUNDS = 5, 9
JOBS = 25_000
"""In a round, which takes one or two seconds."""
BATCH, BATCH_JOBS, BATCH_CONNECTIONS = 100, 40_000, 8
VERBS = ("enqueue", "dequeue", "finish")
BARE = "stock Sanic"
GREETING = f"{BARE}, GET /"
SINGLE_BARS = {"memory": 1.0, "redis": 0.75}
BARE_REQUESTS = 13_000
BATCH_BARS = {"enqueue": 40_000, "dequeue": 30_000, "finish": 40_000}
"""Jobs a second on a machine where a bare Sanic does `BARE_REQUESTS` a second."""


@pytest.fixture(params=list(installed_backends()))
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def server(backend: str, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    environ = {"SHARQ_SERVER_BACKEND": backend}
    if backend == "redis":
        environ["SHARQ_REDIS_URL"] = request.getfixturevalue("redis_server").url
    with sharq_server(environ) as server:
        yield server


@pytest.fixture
def loader() -> Iterator[Remote]:
    with load() as remote:
        yield remote


@pytest.fixture
def bare(server: ServerProcess) -> Iterator[int]:
    """Stock Sanic that gives the server's answers."""
    with bare_server("sanic", answers_of(server)) as port:
        yield port


def answers_of(server: ServerProcess) -> Answers:
    """Return a server's answer to each route."""
    with httpx.Client(base_url=server.url) as client:
        payload = {"number": 1_000_000, "text": "x" * 72}
        job = {"job_id": "j" * 36, "interval": 0, "payload": payload}
        answers = {
            "greet": client.get("/"),
            "enqueue": client.post("/enqueue/load/queue-100/", json=job),
            "dequeue": client.get("/dequeue/load/"),
        }
        body = {"lease": answers["dequeue"].json()["lease"]}
        answers["finish"] = client.post(f"/finish/load/queue-100/{job['job_id']}/", json=body)
        return {verb: (answer.status_code, answer.text) for verb, answer in answers.items()}


class Bench:
    """The load, and the largest share of a core that it used."""

    def __init__(self, loader: Remote, benchmark: BenchmarkFixture) -> None:
        self.ask = loader.ask
        self._busy = 0.0
        self._notes = benchmark.extra_info.setdefault("notes", [])

    def connect(self, *ports: int, connections: int = CONNECTIONS) -> None:
        for port in ports:
            self.ask("connect", port=port, connections=connections)

    def send(self, port: int, status: int, requests: int, *, keep: bool = False) -> None:
        """Send the prepared requests; all answers must have one status."""
        answer = self.ask("send", port=port, keep=keep)
        assert answer["statuses"] == {str(status): requests}, answer
        self._busy = max(self._busy, answer["busy"])

    def note(self, what: str) -> None:
        """Note how busy the load was at most."""
        self._notes.append(f"{what}: the load took up to {self._busy:.0%} of its core.")


@pytest.mark.benchmark(group="http")
def test_one_job_a_request(
    benchmark: BenchmarkFixture, backend: str, server: ServerProcess, bare: int, loader: Remote
) -> None:
    bench, sides = Bench(loader, benchmark), dict[str, Side]()
    bench.connect(server.port, bare)
    for verb in VERBS:
        status = 201 if verb == "enqueue" else 200
        sides[verb] = Side(
            units=JOBS,
            before=partial(bench.ask, "prepare", verb=verb, jobs=JOBS, batch=1),
            run=partial(bench.send, server.port, status, JOBS, keep=verb == "dequeue"),
        )
        sides[f"{BARE}, {verb}"] = Side(units=JOBS, run=partial(bench.send, bare, status, JOBS))
    rows = [
        Row(
            what=f"{backend}, {verb}",
            side=verb,
            against=f"{BARE}, {verb}",
            unit="requests/s",
            at_least=SINGLE_BARS.get(backend),
        )
        for verb in VERBS
    ]
    in_turns(benchmark, sides, ROUNDS, rows)
    bench.note(backend)


@pytest.mark.benchmark(group="http_batches")
def test_a_hundred_jobs_a_request(
    benchmark: BenchmarkFixture, backend: str, server: ServerProcess, bare: int, loader: Remote
) -> None:
    bench = Bench(loader, benchmark)
    bench.connect(bare)
    bench.connect(server.port, connections=BATCH_CONNECTIONS)

    def check(code: int) -> None:
        assert bench.ask("kept", text=f'"code":{code}') == BATCH_JOBS

    sides = {
        GREETING: Side(
            units=JOBS,
            before=partial(bench.ask, "greet", requests=JOBS),
            run=partial(bench.send, bare, 200, JOBS),
        )
    }
    for verb in VERBS:
        code = {"enqueue": 201, "finish": 200}.get(verb)
        sides[verb] = Side(
            units=BATCH_JOBS,
            before=partial(bench.ask, "prepare", verb=verb, jobs=BATCH_JOBS, batch=BATCH),
            run=partial(bench.send, server.port, 200, BATCH_JOBS // BATCH, keep=True),
            after=partial(check, code) if code else lambda: None,
        )
    rows = [
        Row(
            what=f"{backend}, {verb}, {BATCH} a request",
            side=verb,
            against=GREETING,
            at_least=at_least / BARE_REQUESTS if backend == "redis" else None,
        )
        for verb, at_least in BATCH_BARS.items()
    ]
    in_turns(benchmark, sides, BATCH_ROUNDS, rows)
    bench.note(backend)


@pytest.mark.benchmark(group="http")
def test_what_the_load_can_do(benchmark: BenchmarkFixture, loader: Remote) -> None:
    bench = Bench(loader, benchmark)
    with bare_server("canned", {}) as port:
        bench.connect(port)
        sides = {
            "load": Side(
                units=JOBS,
                before=partial(bench.ask, "greet", requests=JOBS),
                run=partial(bench.send, port, 200, JOBS),
            )
        }
        rows = [Row(what="the load, on a server that only sends", side="load", unit="requests/s")]
        in_turns(benchmark, sides, ROUNDS, rows)
    bench.note("On that one")
