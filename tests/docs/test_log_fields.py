"""The table of fields of JSON logs in docs/operating.md is that of real lines."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.plugin_folder import LEAKY, make_plugin
from support.readme import ROOT, quoted, table
from support.server import ServerProcess, run_command

PAGE = (ROOT / "docs" / "operating.md").read_text()
FIELDS = [quoted(row[0]) for row in table("field", PAGE)]
ACCESS = {"status", "duration_ms", "bytes", "client"}
AUDIT = {"verb", "what", "count", "status"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All that a server logs in the course of a short life."""
    folder = tmp_path_factory.mktemp("lines")
    keys = {"SHARQ_SERVER_KEYS_FILE": str(folder / "keys.toml")}
    made = run_command("keys", "add", "ops", "--scopes", "enqueue,work,admin", environ=keys)
    plugin = make_plugin(folder, group="sharq_plug.backends", name="leaky", code=LEAKY)
    environ = {
        **keys,
        **plugin,
        "SHARQ_SERVER_BACKEND": "leaky",
        "SHARQ_SERVER_LOG_FORMAT": "json",
        "SHARQ_SERVER_ACCESSLOG": "-",
    }
    headers = {
        "Authorization": f"Bearer {made.stdout.strip()}",
        "X-Request-Id": "mine",
        "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
    }
    with (
        ServerProcess(environ=environ) as server,
        httpx.Client(base_url=server.url, headers=headers) as client,
    ):
        for job_id, status in (("j1", 201), ("boom", 500)):
            job = {"job_id": job_id, "interval": 0, "payload": 1}
            assert client.post("/enqueue/sms/q/", json=job).status_code == status
        assert client.get("/dequeue/sms/").status_code == 200
        assert client.delete("/deletequeue/sms/q/").status_code == 200
        assert client.get("/nowhere/").status_code == 404
        assert server.stop() == 0
        return [json.loads(line) for line in server.log().splitlines()]


def test_every_field_of_the_table_is_in_a_line_and_no_other(lines: list[dict[str, Any]]) -> None:
    told = [name for names in FIELDS for name in names]
    assert len(told) == len(set(told))
    assert {name for line in lines for name in line} == set(told)


def test_each_line_says_when_how_badly_who_and_what(lines: list[dict[str, Any]]) -> None:
    assert FIELDS[:2] == [["ts"], ["level", "logger", "message"]]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
        assert all(line[name] for name in ("level", "logger", "message"))


def test_the_access_log_has_its_fields(lines: list[dict[str, Any]]) -> None:
    answered = [line for line in lines if line["logger"] == "sanic.access"]
    assert [line["status"] for line in answered if "status" in line] == [201, 500, 200, 200, 404]
    enqueued, _, dequeued, _, nowhere = answered[:5]
    assert enqueued.keys() >= ACCESS
    assert not [line for line in lines if AUDIT & line.keys() - ACCESS and line.keys() >= ACCESS]
    assert (enqueued["request_id"], enqueued["trace_id"]) == ("mine", TRACE)
    assert (enqueued["route"], enqueued["key_id"]) == ("/enqueue/<queue_type>/<queue_id>", "ops")
    for line in (enqueued, dequeued):
        assert [line[name] for name in ("queue_type", "queue_id", "job_id")] == ["sms", "q", "j1"]
    assert "route" not in nowhere


def test_the_audit_log_has_its_fields(lines: list[dict[str, Any]]) -> None:
    [audited] = [line for line in lines if line["logger"] == "sharq_plug.audit"]
    told = {name: audited[name] for name in (*AUDIT, "key_id")}
    assert told == {
        "verb": "DELETE deletequeue",
        "what": "sms/q",
        "count": 1,
        "status": 200,
        "key_id": "ops",
    }


def test_an_exception_is_where_it_was_raised(lines: list[dict[str, Any]]) -> None:
    [failed] = [line for line in lines if "exception" in line]
    assert (failed["level"], failed["request_id"]) == ("ERROR", "mine")
    assert "in enqueue" in failed["exception"]
    assert "16 000" in PAGE


def test_the_page_is_about_files_that_there_are() -> None:
    for link in re.findall(r"\]\((\w[\w/.-]+\.md)", PAGE):
        assert Path(ROOT / "docs" / link).is_file(), link
