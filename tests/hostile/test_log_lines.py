"""What clients send cannot forge a line of the log, nor hide one."""

import logging
import re
import sys
from pathlib import Path

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.server.logs import OneLineFormatter
from support.http_client import Wire
from support.server import ServerProcess

ACCESS_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} 127\.0\.0\.1:\d+ [!-~]+ [!-~]+ "
    r"(\d{3}|Stage\.\w+) (\d+|DISCONNECTED)( \d+\.\dms)?"
)
FORGED = b"2026-01-01 00:00:00,000 10.0.0.1:1 GET /forged 200 1 0.1ms"
FORGERIES = [
    b"GET\n" + FORGED + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET\r" + FORGED + b"\r / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\n" + FORGED + b"\r\n\r\n",
    b"GET /\n" + FORGED.replace(b" ", b"_") + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\x1b[2K\x1b[1A HTTP/1.1\r\nHost: x\r\n\r\n",
    b"G\x1b[2K\x1b[1A / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%0A" + FORGED.replace(b" ", b"%20") + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: x/ 200 1 0.1ms\n" + FORGED + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: x/forged 200 1 0.1ms\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: \n" + FORGED + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nExpect: \x85" + FORGED + b"\r\nContent-Length: 0\r\n\r\n",
    "GET /\u2028\u202e HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    b"\xff\xfe / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\xff\n" + FORGED + b": 1\r\n\r\n",
    b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"G" * 8000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"DELETE\x00 /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
]


def test_each_line_of_the_access_log_is_of_one_request(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    with ServerProcess(environ={"SHARQ_SERVER_ACCESSLOG": str(path)}) as server:
        for forgery in FORGERIES:
            with Wire(server.port) as wire:
                wire.send(forgery)
                assert wire.answer() is not None, forgery
        assert server.stop() == 0
        assert "forged" not in server.log()
        assert "Traceback" not in server.log()
    lines = path.read_text().splitlines()
    for line in lines:
        assert ACCESS_LINE.fullmatch(line), line
        assert len(line) < 700
    answered = [line for line in lines if "DISCONNECTED" not in line]
    assert len(answered) == len(FORGERIES)


FORGED_LINE = f"\n{FORGED.decode()} ERROR"
MESSAGES = [
    FORGED_LINE,
    f"\r\n{FORGED_LINE}",
    "\x1b[2K\x1b[1A\x07\x08",
    "\x85\u2028\u2029\x0b\x0c",
    "\u202e\u2066\ufeff",
    "\udcff\ud800",
    "\0",
]


@pytest.mark.parametrize("message", MESSAGES, ids=ascii)
def test_a_message_is_one_line_that_any_terminal_can_show(message: str) -> None:
    record = logging.makeLogRecord({"msg": "it said %s", "args": (message,)})
    line = OneLineFormatter("%(message)s").format(record)
    assert line.isprintable()
    assert line.startswith("it said \\")
    assert line.encode()


def test_a_long_message_is_cut() -> None:
    record = logging.makeLogRecord({"msg": "x" * 1_000_000})
    assert len(OneLineFormatter("%(message)s").format(record)) < 5000


def test_no_line_of_a_traceback_looks_like_one_of_the_log() -> None:
    def fail() -> None:
        raise InvalidRequest(FORGED_LINE)

    try:
        fail()
    except InvalidRequest:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    first, *rest = OneLineFormatter("%(message)s").format(record).split("\n")
    assert first == "failed"
    assert any("forged" in line for line in rest)
    assert all(line.startswith("    ") for line in rest)


def test_letters_of_every_language_stay_as_they_are() -> None:
    record = logging.makeLogRecord({"msg": "Größe 大小 café"})
    assert OneLineFormatter("%(message)s").format(record) == "Größe 大小 café"
