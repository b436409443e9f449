"""Random visitors at the doors: an oracle says who may come in; nobody else does, or sees a thing.

`amount` says how many.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from hostile.amount import REQUESTS, drawn_once, rows_of
from hostile.conftest import SETTINGS
from hostile.door_keys import (
    ABSENT,
    FORBIDDEN,
    KEYS,
    LET_IN,
    UNAUTHORIZED,
    Entry,
    Ring,
    verdict,
)
from hostile.door_requests import Visit, visits
from hostile.grammar import Sent
from hostile.line import Line
from hostile.snapshot import QUEUES, TYPES, Snapshots
from support.http_client import Answer, Wire, request
from support.redis_server import RedisServer
from support.server import ServerProcess

REFUSED = {UNAUTHORIZED: 401, FORBIDDEN: 403}
LONG_HEAD = 6000
PAIRS = [(queue_type, queue) for queue_type in TYPES for queue in QUEUES]


def mark(queue_type: str, queue: str) -> str:
    """Return what stands in every payload of a queue, and nowhere else."""
    return f"payload!{queue_type}!{queue}!"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ring, Path]:
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    return Ring.make(path), path


@pytest.fixture(scope="module")
def keyed_server(
    backend: str, redis: RedisServer | None, ring: tuple[Ring, Path]
) -> Iterator[ServerProcess]:
    environ = {
        **SETTINGS,
        "SHARQ_SERVER_BACKEND": backend,
        "SHARQ_SERVER_KEYS_FILE": str(ring[1]),
    }
    if redis is not None:
        redis.client().flushall()
        environ["SHARQ_REDIS_URL"] = redis.url
    with ServerProcess(environ=environ) as server:
        yield server
    if redis is not None:
        redis.client().flushall()  # the ttls of its jobs would end in other tests


class Judge:
    """Send requests, and hold each answer to what the oracle says of it."""

    def __init__(self, ring: Ring, line: Line) -> None:
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._ring = ring
        self._line = line
        self._secrets = ring.secrets()

    def fill(self) -> None:
        """Let there be jobs and dead letters in every queue, whatever was done to them."""
        for queue_type, queue in PAIRS:
            self.root("PATCH", f"/type/{queue_type}/", b'{"paused":false,"freeze":0}')
            jobs = [
                {"job_id": job_id, "interval": 0, "payload": mark(queue_type, queue), **more}
                for job_id, more in (("j1", {}), ("j2", {}), ("dead", {"ttl": 1}))
            ]
            for job in jobs:
                path = f"/enqueue/{queue_type}/{queue}/"
                self.root("POST", path, json.dumps(job).encode())

    def root(self, method: str, path: str, body: bytes = b"") -> Answer:
        headers = {"Authorization": f"Bearer {self._ring.tokens['root']}"}
        return self._line.exchange(Sent(b"", request(method, path, body, headers)))

    def settings(self) -> list[object]:
        """Return what is set for types, queues and shared limits, and which letters there are."""
        paths = [f"/{what}/{name}/" for name in TYPES for what in ("type", "limits", "deadletters")]
        paths += [f"/queue/{queue_type}/{queue}/" for queue_type, queue in PAIRS]
        bodies = [json.loads(self.root("GET", path).body) for path in paths]
        letters = [[letter["job_id"] for letter in body.get("letters", ())] for body in bodies]
        limits = [
            [(limit["name"], limit["settings"]) for limit in body.get("limits", ())]
            for body in bodies
        ]
        chosen = ("settings", "defaults", "frozen_until", "pending")
        return [letters, limits, [[body.get(name) for name in chosen] for body in bodies]]

    def send(self, visit: Visit) -> None:
        expected = verdict(visit.visitor, visit.told, visit.names)
        answer = self._line.exchange(visit.sent)
        self.statuses[answer.status] += 1
        self.counts[expected] += 1
        said = (visit, expected, answer)
        assert answer.status < 500, said
        self._check_secrets(answer)
        if answer.status == 413:  # its head is as long as heads may be
            assert len(visit.sent.data) > LONG_HEAD, said
        elif visit.has_token_in_path:
            assert answer.status == 400, said
        elif visit.told.endswith("/-/session"):
            _check_session(visit, answer)
        elif expected in REFUSED:
            assert answer.status == REFUSED[expected], said
        elif visit.told == "GET /-/ready":
            _check_ready(visit, answer)
        else:
            self._check_let_in(visit, expected, answer)

    def _check_secrets(self, answer: Answer) -> None:
        text = answer.head.decode() + answer.body.decode()
        assert not [secret for secret in self._secrets if secret in text]
        is_challenge = answer.headers.get("www-authenticate")
        assert (is_challenge == "Bearer") is (answer.status == 401)

    def _check_let_in(self, visit: Visit, expected: str, answer: Answer) -> None:
        said = (visit, expected, answer)
        text = answer.body.decode()
        entry = visit.visitor.entry or Entry(())
        asks_payload = b"payload=1" in visit.query or b"payload=%31" in visit.query
        may_not_see = not {"admin", "read_payloads"} & set(entry.scopes)
        shared = _sends_uses(visit) and entry.queues is not None
        assert answer.status != 401, said
        if answer.status == 403:
            assert (asks_payload and may_not_see) or shared, said
        if expected == ABSENT:
            assert "payload!" not in text, said
            assert answer.status != 200 or _is_empty(text), said
        if shared and _says_uses(visit):
            assert answer.status in {400, 403}, said
        _check_items(visit, entry, answer)
        for queue_type, queue in PAIRS:
            if mark(queue_type, queue) in text:
                assert entry.has_type(queue_type), said
                assert entry.has_queue(queue), said
                assert "work" in entry.scopes or not may_not_see, said
                assert "dequeue" in visit.told or "read" in entry.scopes, said
        kind = entry.has_queue if visit.told in _OF_QUEUES else entry.has_type
        assert all(map(kind, _names_in(visit.told, text))), said


_OF_QUEUES = {"GET /queues/<queue_type>", "GET /deadletters/<queue_type>"}
_NAMES_IN = {
    "GET /queues/<queue_type>": r'"queue_id":"([^"]*)"',
    "GET /deadletters/<queue_type>": r'"queue_id":"([^"]*)"',
    "GET /types": r'"queue_type":"([^"]*)"',
    "GET /-/metrics": r'queue_type="([^"]*)"',
}


def _names_in(told: str, text: str) -> list[str]:
    """Return the types or queues that a listing shows."""
    if told == "GET /metrics":
        listed = re.search(r'"queue_types":\[([^]]*)\]', text)
        return re.findall(r'"([^"]+)"', listed[1]) if listed else []
    return re.findall(_NAMES_IN[told], text) if told in _NAMES_IN else []


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


_SIZES = ("waiting", "delayed", "leased", "dead", "queue_length", "dead_letters", "ready_queues")
_FILLED = ("jobs", "letters", "queues", "limits", "queue_ids", "settings", "defaults")


def _is_empty(text: str) -> bool:
    """Return whether a look shows nothing: no job, no setting, no item of a list."""
    body = json.loads(text or "{}")
    totals = {**body.get("totals", {}), **body.get("enqueue_counts", {})}
    sizes = [body.get(name, 0) for name in (*_SIZES, "overdue_ms")]
    filled = [body.get(name) for name in _FILLED]
    return not any([*sizes, *filled, *totals.values(), *body.get("held_by", ())])


def _check_items(visit: Visit, entry: Entry, answer: Answer) -> None:
    """Hold each item of a batch to the queues that its key may use."""
    if visit.told != "POST /enqueue/<queue_type>" or answer.status != 200:
        return
    jobs, results = _parsed(visit.body)["jobs"], _parsed(answer.body)["results"]
    for job, result in zip(jobs, results, strict=True):
        queue = job.get("queue_id") if isinstance(job, dict) else None
        if not isinstance(queue, str):
            continue
        shares = entry.queues is not None and job.get("uses") is not None
        if shares or not entry.has_queue(queue):
            assert result["code"] in {400, 403}, (visit, answer)
        if result["code"] == 403:
            assert shares or not entry.has_queue(queue), (visit, answer)


def _sends_uses(visit: Visit) -> bool:
    """Return whether a body says which shared limits a queue uses."""
    return b"uses" in visit.body and ("enqueue" in visit.told or "/queue/" in visit.told)


def _says_uses(visit: Visit) -> bool:
    """Return whether a body that is no batch says which shared limits a queue uses."""
    body = _parsed(visit.body)
    if not isinstance(body, dict) or visit.told == "POST /enqueue/<queue_type>":
        return False
    return body.get("uses") is not None or ("PATCH" in visit.told and "uses" in body)


def _check_session(visit: Visit, answer: Answer) -> None:
    """Hold a log-in or a log-out to its page, its body and its key."""
    site, entry = visit.visitor.fetch_site, visit.visitor.entry
    headers = answer.headers
    if visit.told.startswith("DELETE"):
        may = site == "same-origin" or (site is None and not visit.has_cookie)
        assert answer.status == (200 if may else 403), (visit, answer)
        return
    is_set = headers.get("set-cookie", "").startswith("sharq_session=")
    assert is_set is (answer.status == 201), (visit, answer)
    if answer.status == 201:
        key_id = json.loads(answer.body)["key_id"]
        entry = KEYS[key_id]
        assert entry.expires is None, visit
        assert json.loads(visit.body)["key"].startswith(f"sq_{key_id}_"), visit
        assert set(json.loads(answer.body)["scopes"]) == set(entry.scopes), visit
        assert site in {None, "same-origin"}, visit
    else:
        assert answer.status in {400, 401, 403}, (visit, answer)


def _check_ready(visit: Visit, answer: Answer) -> None:
    entry = visit.visitor.entry
    if visit.query != b"?detail=1":
        assert answer.status == 200, (visit, answer)
        assert answer.body in {b"", b'{"status":"success"}'}, (visit, answer)
        return
    if entry is None or entry.expires is not None:
        assert answer.status == 401, (visit, answer)
    elif "read" not in entry.scopes or entry.types is not None or entry.queues is not None:
        assert answer.status == 403, (visit, answer)
    else:
        assert answer.status == 200, (visit, answer)


def test_nobody_comes_in_who_may_not_and_who_was_refused_has_changed_nothing(
    keyed_server: ServerProcess,
    ring: tuple[Ring, Path],
    redis: RedisServer | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = Line(keyed_server.port)
    judge = Judge(ring[0], line)
    with Wire(keyed_server.port) as wire:
        snapshots = Snapshots(wire, redis, ring[0].tokens["root"])

        @drawn_once
        @given(rows_of(visits(ring[0])))
        def send_all(row: Sequence[Visit]) -> None:
            """Send first what may change something, then all that must not."""
            judge.fill()
            refused = []
            for visit in row:
                if verdict(visit.visitor, visit.told, visit.names) in {LET_IN, ABSENT}:
                    judge.send(visit)
                else:
                    refused.append(visit)
            before = snapshots.take(), judge.settings()
            for visit in refused:
                judge.send(visit)
            assert (snapshots.take(), judge.settings()) == before, refused

        try:
            send_all()
        finally:
            line.close()
            with capsys.disabled():
                counts = dict(sorted(judge.statuses.items())), dict(judge.counts)
                sys.stdout.write(f"\n{judge.statuses.total()} visitors: {counts}\n")
    assert judge.statuses.total() >= REQUESTS
    assert set(judge.counts) == {LET_IN, ABSENT, FORBIDDEN, UNAUTHORIZED}
    log = keyed_server.log()
    assert " ERROR " not in log
    assert "Traceback" not in log
    secrets = ring[0].secrets()
    leaks = [line for line in log.splitlines() if any(secret in line for secret in secrets)]
    assert not leaks
