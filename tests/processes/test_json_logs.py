"""`log_format : json`: each line is an object, of all processes, and tells no secret."""

import json
from pathlib import Path
from signal import SIGHUP
from typing import Any

import httpx
import pytest

from support.http_client import Wire
from support.redis_server import RedisServer, free_port
from support.server import ServerProcess, has_open, run_command
from support.waiting import until

JSON_LOG = {"SHARQ_SERVER_LOG_FORMAT": "json"}
SECRET = "s3cr3t"


def objects(text: str) -> list[dict[str, Any]]:
    """Return what each line says."""
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        assert {"ts", "level", "logger", "message"} <= line.keys()
    return found


def log_of(server: ServerProcess) -> list[dict[str, Any]]:
    return objects(server.log())


def test_messages_and_requests_are_objects() -> None:
    with ServerProcess(environ=JSON_LOG | {"SHARQ_SERVER_ACCESSLOG": "-"}) as server:
        assert httpx.get(f"{server.url}/dequeue/sms/").status_code == 404
        assert server.stop() == 0
        announced, *requests = log_of(server)
    assert " serves the backend 'memory' at " in announced["message"]
    assert any(line.get("route") == "/dequeue/<queue_type>" for line in requests)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_each_process_opens_its_file_anew_at_sighup(
    workers: str, tmp_path: Path, on_redis: dict[str, str]
) -> None:
    path = tmp_path / "access.log"
    environ = {"SHARQ_SERVER_ACCESSLOG": str(path), "SHARQ_SERVER_WORKERS": workers}
    with ServerProcess(environ=on_redis | JSON_LOG | environ) as server:
        assert httpx.get(f"{server.url}/", headers={"X-Request-Id": "before"}).status_code == 200
        until(lambda: '"before"' in path.read_text())
        old = path.rename(tmp_path / "access.log.1")
        server.send(SIGHUP)
        until(path.exists)
        pids = server.children() or [server.process.pid]
        assert len(pids) == int(workers)
        until(lambda: not any(has_open(pid, old) for pid in pids))
        assert httpx.get(f"{server.url}/", headers={"X-Request-Id": "after"}).status_code == 200
        assert server.stop() == 0
        assert log_of(server)
    assert "after" not in str(objects(old.read_text()))
    assert "before" not in str(objects(path.read_text()))
    assert [line["status"] for line in objects(path.read_text()) if "after" in str(line)] == [200]


SMUGGLED = [
    ("GET", f"/dequeue/sms/?lease={SECRET}", {}, b""),
    ("GET", f"/nowhere/{SECRET}/?{SECRET}", {}, b""),
    ("POST", "/enqueue/sms/q/", {}, b'{"job_id": "j", "interval": 0, "payload": "s3cr3t"}'),
    ("POST", "/finish/sms/q/j/", {}, b'{"lease": "s3cr3t"}'),
    ("POST", f"/finish/sms/q/j/?lease={SECRET}", {}, b'{"lease": "s3cr3t", "a": s3cr3t}'),
    ("POST", "/fail/sms/q/j/", {}, b'{"lease": "s3cr3t", "error": "s3cr3t"}'),
    ("GET", "/", {"Authorization": f"Bearer {SECRET}"}, b""),
    ("GET", "/types/", {"Authorization": "Basic czNjcjN0OnMzY3IzdA=="}, b""),
    ("GET", "/", {"Cookie": f"session={SECRET}"}, b""),
    ("GET", "/", {"X-Request-Id": f"\t{SECRET}."}, b""),
    ("GET", "/", {"traceparent": f"00-{SECRET}", "tracestate": SECRET}, b""),
    (
        "POST",
        "/enqueue/sms/q/",
        {"Idempotency-Key": SECRET},
        b'{"job_id": "i", "interval": 0, "payload": 1}',
    ),
    (
        "POST",
        "/enqueue/sms/",
        {},
        b"""{"jobs": [{"queue_id": "q", "job_id": "k", "interval": 0, "payload": "s3cr3t",
        "idempotency_key": "s3cr3t", "headers": {"a": "s3cr3t"}}, "s3cr3t"]}""",
    ),
    ("GET", f"/dequeue/{SECRET}%20/", {}, b""),
    ("S3CR3T", f"/dequeue/{SECRET}%20/", {}, b""),
]


@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_no_secret_of_a_request_is_logged(backend: str, redis_url: str) -> None:
    environ = {"SHARQ_SERVER_ACCESSLOG": "-", "SHARQ_SERVER_BACKEND": backend}
    if backend == "redis":
        environ["SHARQ_REDIS_URL"] = redis_url
    with ServerProcess(environ=JSON_LOG | environ) as server:
        for method, path, headers, body in SMUGGLED:
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            with Wire(server.port) as wire:
                wire.send(head.encode() + b"\r\n" + body)
                assert wire.answer() is not None, path
        for sent in (b"s3cr3t\r\n\r\n", b"GET /s3cr3t HTTP/1.1\r\ns3cr3t\r\n\r\n"):
            with Wire(server.port) as wire:
                wire.send(sent)
                assert wire.answer() is not None
        assert server.stop() == 0
        lines = log_of(server)
    answered = [line for line in lines if "status" in line]
    assert len(answered) == len(SMUGGLED) + 2
    assert SECRET not in str(lines).lower()
    assert "czNj" not in str(lines)


def test_no_password_of_the_store_is_logged(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        redis.command("ACL", "SETUSER", "sharq", "on", ">another", "~*", "+@all")
        urls = [
            f"redis://sharq:{SECRET}@127.0.0.1:{redis.port}/0",
            f"redis://:{SECRET}@127.0.0.1:{redis.port}/0",
            f"redis://sharq:{SECRET}@127.0.0.1:{free_port()}/0",
            f"redis://sharq:{SECRET}@sharq.invalid:6379/0",
        ]
        for url in urls:
            environ = {"SHARQ_SERVER_BACKEND": "redis", "SHARQ_REDIS_URL": url}
            with ServerProcess(environ=JSON_LOG | environ) as server:
                assert httpx.get(f"{server.url}/deepstatus/", timeout=20).status_code == 503
                assert server.stop() == 0
                lines = log_of(server)
            assert len(lines) > 1
            assert SECRET not in str(lines)


def test_another_format_is_refused() -> None:
    done = run_command("--check", environ={"SHARQ_SERVER_LOG_FORMAT": "xml"})
    assert done.returncode == 2
    assert "SHARQ_SERVER_LOG_FORMAT: must be text or json" in done.stderr


def test_a_warning_at_the_start_is_an_object() -> None:
    environ = JSON_LOG | {"SHARQ_ENABLE_REQUEUE_SCRIPT": "false"}
    done = run_command("--check", environ=environ)
    assert done.returncode == 0
    assert {line["level"] for line in objects(done.stderr)} == {"WARNING"}
