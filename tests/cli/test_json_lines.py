"""A record is one JSON object on one line, whatever it says."""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.server.json_lines import LONGEST_EXCEPTION, JsonFormatter
from sharq_plug.server.logs import LONGEST


def line_of(**record: Any) -> str:
    return JsonFormatter(longest=LONGEST).format(logging.makeLogRecord(record))


def parsed(**record: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line_of(**record))
    return found


@pytest.mark.parametrize(
    "message",
    [
        'a\n{"level":"ERROR"}',
        "a\r\nb\x0b\x0c\x85\u2028\u2029",
        "\x1b[2K\x1b[1A\x07\x08\x7f",
        "\u202e\u2066\ufeff",
        '"quoted\\" \\u0000',
        "\0",
        "Größe 大小 \U0001f4a5",
        "",
    ],
    ids=ascii,
)
def test_a_message_is_one_line_that_says_the_same(message: str) -> None:
    line = line_of(msg="it said %s", args=(message,))
    assert line.isprintable()
    assert line.isascii()
    assert json.loads(line)["message"] == f"it said {message}"


def test_half_a_character_is_escaped() -> None:
    line = line_of(msg="it said \ud800 \udcff")
    assert json.loads(line)["message"] == "it said \\ud800 \\udcff"


def test_a_long_message_is_cut() -> None:
    assert len(parsed(msg="x" * 1_000_000)["message"]) == LONGEST + 3


def test_the_time_is_utc_with_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        formatter = JsonFormatter(longest=LONGEST)
        for second, msecs, text in [
            (1_700_000_000, 0.0, "2023-11-14T22:13:20.000Z"),
            (1_700_000_000, 7.0, "2023-11-14T22:13:20.007Z"),
            (1_700_000_001, 987.0, "2023-11-14T22:13:21.987Z"),
        ]:
            times = {"created": second + msecs / 1000, "msecs": msecs}
            record = logging.makeLogRecord(times)
            ts = json.loads(formatter.format(record))["ts"]
            assert ts == text
            assert datetime.fromisoformat(ts).tzinfo == UTC
    finally:
        monkeypatch.undo()
        time.tzset()


def test_level_and_logger_are_fields() -> None:
    found = parsed(name="sharq_plug.x", levelname="WARNING", msg="m")
    assert (found["level"], found["logger"]) == ("WARNING", "sharq_plug.x")
    assert list(found) == ["ts", "level", "logger", "message"]


def fail(error: Exception) -> None:
    raise error


def raised(error: Exception) -> Any:
    """Return what logging knows of an error that was raised."""
    try:
        fail(error)
    except Exception:
        return sys.exc_info()


def test_an_exception_is_a_field() -> None:
    line = line_of(msg="failed", exc_info=raised(InvalidRequest("it\nfailed")))
    found = json.loads(line)
    assert found["message"] == "failed"
    assert found["exception"].startswith("Traceback ")
    assert found["exception"].endswith("sharq_plug.errors.InvalidRequest: it\nfailed")
    assert "\n" not in line


def test_the_end_of_a_long_exception_is_kept() -> None:
    found = parsed(msg="failed", exc_info=raised(InvalidRequest("x" * 100_000 + " is why")))
    assert len(found["exception"]) == LONGEST_EXCEPTION
    assert found["exception"].endswith(" is why")


def test_what_a_record_brings_becomes_fields() -> None:
    found = parsed(msg="redriven", fields={"key_id": "ops", "count": 3, "path": object})
    assert found["key_id"] == "ops"
    assert found["count"] == 3
    assert found["path"] == "<class 'object'>"
