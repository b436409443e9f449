"""Random requests over real sockets: each is answered well, and a refused one changes nothing.

`amount` says how many.
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given

from hostile.amount import REQUESTS, drawn_once, rows_of
from hostile.grammar import Sent, requests
from hostile.line import Line
from hostile.snapshot import Snapshots
from support.server import ServerProcess

UNHEARD = frozenset({400, 405, 413, 417})
"""Refusals that the store does not hear of; with others it may forget what it no longer needs."""


class Sender:
    """Send requests over one connection for as long as the server keeps it open."""

    def __init__(self, server: ServerProcess, snapshots: Snapshots) -> None:
        self.statuses: Counter[int] = Counter()
        self._snapshots = snapshots
        self._state = snapshots.take()
        self._line = Line(server.port)

    def send(self, sent: Sent) -> None:
        answer = self._line.exchange(sent)
        self.statuses[answer.status] += 1
        assert answer.status < 500, sent
        is_json = answer.headers["content-type"] == "application/json"  # a scrape is not
        if is_json and sent.method != b"HEAD":
            failed = json.loads(answer.body or b"{}").get("status", "").lower() == "failure"
            assert failed or answer.status < 400, sent
        state = self._snapshots.take()
        if answer.status >= 400:
            assert state.metrics == self._state.metrics, sent
        if answer.status in UNHEARD:
            assert state.keys == self._state.keys, sent
        self._state = state

    def close(self) -> None:
        self._line.close()


def test_random_requests_are_answered_and_refused_ones_change_nothing(
    server: ServerProcess, snapshots: Snapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    sender, logged = Sender(server, snapshots), len(server.log())

    @drawn_once
    @given(rows_of(requests()))
    def send_all(row: Sequence[Sent]) -> None:
        for sent in row:
            sender.send(sent)

    try:
        send_all()
    finally:
        sender.close()
        with capsys.disabled():
            counts = ", ".join(f"{n} x {status}" for status, n in sorted(sender.statuses.items()))
            sys.stdout.write(f"\n{sender.statuses.total()} requests: {counts}\n")
    assert sender.statuses.total() >= REQUESTS
    log = server.log()[logged:]
    assert " ERROR " not in log
    assert "Traceback" not in log
