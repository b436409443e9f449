"""Lines of a JSON log name the request that they belong to, and no other."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.wire.app import AppOptions
from sharq_plug.server.json_lines import JsonFormatter
from support.api import QUIET, Served, enqueue, exchange, send, serving

pytestmark = pytest.mark.anyio

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TOLD = {"X-Request-Id": "mine", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
logger = logging.getLogger("sharq_plug.tests")


class Lines(logging.Handler):
    """Keep what a JSON log would say."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter(longest=4000))
        self.said: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(json.loads(self.format(record)))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    lines = Lines()
    access = logging.getLogger("sanic.access")
    monkeypatch.setattr(access, "level", logging.INFO)
    monkeypatch.setattr(access, "handlers", [lines])
    monkeypatch.setattr(access, "propagate", False)
    monkeypatch.setattr(logger, "handlers", [lines])
    monkeypatch.setattr(logger, "propagate", False)
    return lines


@pytest.fixture
async def served(lines: Lines) -> AsyncIterator[Served]:
    async with serving(MemoryStore, AppOptions(access_log=True, service=QUIET.service)) as served:
        yield served


async def test_the_access_log_tells_the_request(served: Served, lines: Lines) -> None:
    _, path, job = enqueue("j1")
    await served.client.post(path, json=job, headers=TOLD)
    [line] = lines.said
    assert line.pop("ts").endswith("Z")
    assert line.pop("client").startswith("127.0.0.1:")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "level": "INFO",
        "logger": "sanic.access",
        "message": "POST /enqueue/<queue_type>/<queue_id>: 201",
        "request_id": "mine",
        "route": "/enqueue/<queue_type>/<queue_id>",
        "queue_type": "sms",
        "queue_id": "q",
        "job_id": "j1",
        "trace_id": TRACE,
        "status": 201,
        "bytes": 19,
    }


async def test_a_dequeue_tells_which_job_it_gave(served: Served, lines: Lines) -> None:
    await send(served.client, enqueue("j1"))
    await served.client.get("/dequeue/sms/")
    await served.client.get("/dequeue/sms/")
    _, given, none = lines.said
    assert (given["queue_id"], given["job_id"], given["status"]) == ("q", "j1", 200)
    assert "job_id" not in none
    assert (none["queue_type"], none["status"]) == ("sms", 404)


async def test_a_name_that_is_none_is_not_logged(served: Served, lines: Lines) -> None:
    await served.client.get("/job/sms/q/a%20secret%0A/")
    [line] = lines.said
    assert line["queue_id"] == "q"
    assert "job_id" not in line
    assert "secret" not in str(line)


async def test_a_path_without_a_route_is_not_logged(served: Served, lines: Lines) -> None:
    await served.client.request("SECRET", "/secret/?lease=secret", headers=TOLD)
    await exchange(served.port, sent=b"secret\r\n\r\n")
    unknown, unreadable, *_ = lines.said
    assert (unknown["status"], unknown["request_id"]) == (404, "mine")
    assert (unreadable["status"], len(unreadable["request_id"])) == (400, 24)
    assert "route" not in unknown
    assert "secret" not in str(lines.said).lower()


async def test_the_end_of_a_connection_is_a_line(served: Served, lines: Lines) -> None:
    await exchange(served.port, sent=b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answered, *_ = lines.said
    assert answered["message"] == "GET /: 200"


@pytest.fixture
def _talking_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each enqueue and each dequeue of the store log a line."""
    for verb in ("enqueue", "dequeue", "health"):
        original = getattr(MemoryStore, verb)

        async def talking(
            *args: Any, _verb: str = verb, _original: Any = original, **kwargs: Any
        ) -> Any:
            logger.warning("%s", _verb)
            return await _original(*args, **kwargs)

        monkeypatch.setattr(MemoryStore, verb, talking)


@pytest.mark.usefixtures("_talking_store")
async def test_a_line_within_a_request_names_it(served: Served, lines: Lines) -> None:
    batch = {"jobs": [{"queue_id": "q", **enqueue(job)[2]} for job in ("a", "b")]}
    await served.client.post("/enqueue/sms/", json=batch, headers=TOLD)
    within, answered = lines.said
    assert within["message"] == "enqueue"
    for field in ("request_id", "trace_id", "route", "queue_type"):
        assert within[field] == answered[field]


@pytest.mark.usefixtures("_talking_store")
async def test_a_line_of_a_call_for_many_requests_names_none(served: Served, lines: Lines) -> None:
    await send(served.client, enqueue("j1"))
    await served.client.get("/dequeue/sms/?wait=1000")
    shared = [line for line in lines.said if line["logger"] == logger.name]
    assert {line["message"] for line in shared} >= {"enqueue", "dequeue"}
    for line in shared:
        assert "request_id" not in line


async def test_a_line_between_two_requests_names_neither(served: Served, lines: Lines) -> None:
    logger.warning("outside")
    await served.client.get("/")
    logger.warning("outside")
    assert "request_id" not in lines.said[0]
    assert "request_id" not in lines.said[-1]


async def test_an_error_names_its_request(
    served: Served, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **_names: object) -> None:
        raise RuntimeError("why")

    errors = logging.getLogger("sharq_plug.http.wire.errors")
    monkeypatch.setattr(errors, "handlers", [lines])
    monkeypatch.setattr(errors, "propagate", False)
    monkeypatch.setattr(type(served.service), "health", fail)
    await served.client.get("/deepstatus/", headers=TOLD)
    error, answered = lines.said
    assert (error["level"], error["request_id"], error["trace_id"]) == ("ERROR", "mine", TRACE)
    told = error["exception"].splitlines()
    assert told[0] == "Traceback (most recent call last):"
    assert told[-1].startswith("RuntimeError: (its message is not logged")
    assert (answered["status"], answered["request_id"]) == (500, "mine")
