"""Random requests over real sockets: each is answered well, and a refused one changes nothing.

SHARQ_HOSTILE_REQUESTS says how many at least; `tox -e hostile` sends many, and prints its count.
"""

import json
import os
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hostile.grammar import Sent, requests
from hostile.line import Line
from hostile.snapshot import Snapshots
from support.server import ServerProcess

REQUESTS = int(os.environ.get("SHARQ_HOSTILE_REQUESTS", "600"))
AT_ONCE = 20
"""Requests of one example."""
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

    @settings(
        max_examples=-(-REQUESTS // AT_ONCE),
        deadline=None,
        database=None,
        phases=(Phase.generate,),  # the store has a memory: a smaller example proves nothing
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(requests(), min_size=AT_ONCE, max_size=AT_ONCE))
    def send_all(row: list[Sent]) -> None:
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
