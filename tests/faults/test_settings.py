"""A record tells which settings were changed, and what was shown of them."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from faults.crowd import OK
from faults.journal import Journal
from faults.limits import founded, limit_change, opened, shared
from faults.reading import read_history
from faults.settings import DEFAULTS, LIFTED, USES, Change, change, gated, lifted
from faults.verdict import judge
from sharq_plug.model import (
    ChangeOutcome,
    Fail,
    Finish,
    FreezeLimit,
    Hold,
    HoldKind,
    LeaseRef,
    Limit,
    LimitRules,
    LimitView,
    Page,
    PatchLimit,
    PatchQueue,
    PatchType,
    QueueRules,
    QueueView,
    Release,
    Remaining,
    Settings,
    SettingsPatch,
    SharedLimits,
    TypeRules,
    View,
)
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.operations import Look, Operation, PageStep
from sharq_plug.testing.model_check.violations import Rule
from support.http_client import Answer
from support.wire_schema import UnexpectedAnswer

LEASED = LeaseRef("johndoe", "1", "x")
NOTHING: dict[str, Any] = {
    "ready_since": None,
    "next_ready_at": None,
    "held_by": [],
    "frozen_until": None,
    "enqueue_counts": {},
    "dequeue_counts": {},
}
LENGTHS = {"waiting": 1, "delayed": 2, "leased": 3, "dead": 4}
A_QUEUE = NOTHING | LENGTHS | {"settings": {}, "in_effect": {}, "pending": False}
A_TYPE = NOTHING | LENGTHS | {"queues": 1, "ready_queues": 0, "totals": {}}
LIMIT = {"rate": 3, "per": 10, "burst": 2, "unit": "job"}
FREEZE = {"limit": "a", "for": 5}
A_LIMIT: dict[str, Any] = {
    "settings": {"limits": [LIMIT]},
    "held_by": [{"hold": "frozen", "until": 9}],
    "frozen_until": 9,
    "owed": [2],
    "opens_at": 9,
    "leased": 1,
    "queues": 2,
    "remaining": [{"remaining": 3, "until": 8, "unit": "job"}],
    "now": 7,
}
NONE_SET: dict[str, Any] = dict.fromkeys(DEFAULTS)


def read_one(folder: Path, path: str, body: object, **shown: object) -> Event:
    """Record a request and its answer, and return its event."""
    with Journal(folder / "record") as journal:
        call = journal.asked(path, json.dumps(body).encode() if body is not None else b"")
        answer = json.dumps({"status": "success", **shown}).encode()
        journal.answered(call, Answer(OK, answer))
    [event] = read_history([folder / "record"]).events
    return event


def test_a_change_of_a_queue_is_read_from_its_patch(tmp_path: Path) -> None:
    body = {"limits": [{"rate": 3, "per": 10}], "paused": None, "weight": 2, "freeze": 5}
    event = read_one(tmp_path, "/queue/sms/johndoe/", body, **A_QUEUE)
    patch = SettingsPatch(limits=(Limit(3, 10),), paused=None, weight=2)
    assert event.operation == Operation("sms", PatchQueue("johndoe", patch, 5))
    assert event.outcome is ChangeOutcome.CHANGED


@pytest.mark.parametrize(
    ("body", "item"),
    [
        ({"concurrency": 4}, PatchType(SettingsPatch(concurrency=4))),
        ({"defaults": {"limits": []}}, PatchType(defaults=SettingsPatch(limits=()))),
        ({"defaults": None, "freeze": 0}, PatchType(defaults=SettingsPatch(**NONE_SET), freeze=0)),
    ],
)
def test_a_change_of_a_type_is_read_from_its_patch(
    tmp_path: Path, body: dict[str, object], item: PatchType
) -> None:
    event = read_one(tmp_path, "/type/sms/", body, **A_TYPE, settings={}, defaults={})
    assert event.operation == Operation("sms", item)


@pytest.mark.parametrize(
    ("path", "body", "item"),
    [
        ("/queue/sms/q/", {"uses": ["a"]}, PatchQueue("q", SettingsPatch(uses=("a",)))),
        (
            "/type/sms/",
            {"defaults": {"uses": ["a"]}},
            PatchType(defaults=SettingsPatch(uses=("a",))),
        ),
    ],
)
def test_a_change_that_names_a_forgotten_limit_is_read_as_refused(
    tmp_path: Path, path: str, body: dict[str, object], item: PatchQueue | PatchType
) -> None:
    for error in ("unknown_limit", "invalid"):
        with Journal(tmp_path / error) as journal:
            answer = json.dumps({"status": "failure", "message": "", "error": error}).encode()
            journal.answered(journal.asked(path, json.dumps(body).encode()), Answer(400, answer))
    [event] = read_history([tmp_path / "unknown_limit"]).events
    assert event.operation == Operation("sms", item)
    assert event.outcome is ChangeOutcome.UNKNOWN_LIMIT
    with pytest.raises(UnexpectedAnswer):
        read_history([tmp_path / "invalid"])


def test_what_a_queue_shows_is_read(tmp_path: Path) -> None:
    held = {"hold": "limit", "until": 7, "unit": "job", "of": "queue"}
    gate = {"hold": "paused", "until": None, "of": "type"}
    settings, in_effect = {"limits": [LIMIT], "paused": True}, {"limits": [LIMIT], "weight": 2}
    shown = {"settings": settings, "in_effect": in_effect, "held_by": [held, gate], "pending": True}
    event = read_one(tmp_path, "/queue/sms/johndoe/", None, **A_QUEUE | shown)
    limits = (Limit(3, 10, 2),)
    assert event.operation == Operation("sms", Look("johndoe"))
    assert isinstance(event.outcome, View)
    assert event.outcome.queue == QueueView("johndoe", waiting=1, delayed=2, leased=3, dead=4)
    assert event.outcome.rules == QueueRules(
        Settings(limits, paused=True),
        Settings(limits, weight=2, paused=True),
        pending=True,
        held_by=(Hold(HoldKind.LIMIT, 7, "job"), Hold(HoldKind.PAUSED, of_type=True)),
    )


def test_what_a_type_shows_is_read(tmp_path: Path) -> None:
    shown = {"settings": {"concurrency": 4}, "defaults": {"weight": 2}, "frozen_until": 9}
    event = read_one(tmp_path, "/type/sms/", None, **A_TYPE | shown)
    assert event.operation == Operation("sms", Look())
    assert isinstance(event.outcome, View)
    assert event.outcome.type is not None
    assert event.outcome.type.leased == LENGTHS["leased"]
    rules = TypeRules(Settings(concurrency=4), Settings(weight=2), frozen_until=9)
    assert event.outcome.rules == rules


@pytest.mark.parametrize(
    ("body", "item"),
    [
        ({"limits": [], "freeze": 5}, PatchLimit("a", SettingsPatch(limits=()), 5)),
        ({"remaining": 3, "until": 8}, PatchLimit("a", remaining=Remaining(3, 8))),
        ({"remaining": None}, PatchLimit("a", remaining=None)),
    ],
)
def test_a_change_of_a_shared_limit_is_read_from_its_patch(
    tmp_path: Path, body: dict[str, object], item: PatchLimit
) -> None:
    event = read_one(tmp_path, "/limit/sms/a/", body, **A_LIMIT)
    assert event.operation == Operation("sms", item)
    assert event.outcome is ChangeOutcome.CHANGED


def test_what_a_shared_limit_shows_is_read(tmp_path: Path) -> None:
    event = read_one(tmp_path, "/limit/sms/a/", None, **A_LIMIT)
    held = (Hold(HoldKind.FROZEN, 9),)
    rules = LimitRules(Settings((Limit(3, 10, 2),)), held, 9)
    view = LimitView("a", rules, (2,), 9, 1, 2, (Remaining(3, 8),), 7)
    assert event.operation == Operation("sms", PageStep(SharedLimits("a"), None, 100))
    assert event.outcome == Page((view,), None)


@pytest.mark.parametrize(
    ("verb", "fields", "item"),
    [
        ("finish", {"actual": 3}, Finish(LEASED, 60_000, {"job": 3})),
        ("finish", {"actual": {"units": 0}}, Finish(LEASED, 60_000, {"units": 0})),
        ("release", {"freeze": 5}, Release(LEASED, freeze=5)),
        ("fail", {"freeze": 5}, Fail(LEASED, freeze=5)),
        ("release", {"freeze": FREEZE}, Release(LEASED, freeze_limit=FreezeLimit("a", 5))),
        ("fail", {"freeze": FREEZE}, Fail(LEASED, freeze_limit=FreezeLimit("a", 5))),
    ],
)
def test_what_corrects_and_what_freezes_is_read(
    tmp_path: Path, verb: str, fields: dict[str, object], item: Finish | Release | Fail
) -> None:
    event = read_one(tmp_path, f"/{verb}/sms/johndoe/1/", {"lease": "x", **fields})
    assert event.operation == Operation("sms", item)


def test_a_job_that_a_paused_queue_gives_is_reported(tmp_path: Path) -> None:
    job = {"queue_id": "johndoe", "job_id": "1", "payload": 1, "requeues_remaining": -1}
    job |= {"current_queue_length": 0, "lease": "x", "attempt": 1, "expires_at": 10**13}
    enqueue = {"job_id": "1", "interval": 0, "payload": 1}
    with Journal(tmp_path / "record") as journal:
        call = journal.asked("/enqueue/sms/johndoe/", json.dumps(enqueue).encode())
        journal.answered(call, Answer(201, b'{"status": "queued"}'))
        call = journal.asked("/queue/sms/johndoe/", b'{"paused": true}')
        journal.answered(call, Answer(OK, json.dumps({"status": "success", **A_QUEUE}).encode()))
        call = journal.asked("/dequeue/sms/", b"{}")
        answer = {"status": "success", **job, "enqueued_at": 1}
        journal.answered(call, Answer(OK, json.dumps(answer).encode()))
    verdict = judge(read_history([journal.path]), "sms", late=[], recoveries=[])
    assert verdict.count(Rule.PAUSE) == 1


def test_the_changes_of_an_operator_can_be_read_and_in_the_end_nothing_holds() -> None:
    chance = random.Random(1)
    drawn = [change("sms", chance) for _ in range(200)]
    assert {one.path for one in drawn} == {one.path for one in lifted("sms")}
    assert {one.path for one in gated("sms")} == {one.path for one in drawn}
    assert all(LIFTED.items() <= json.loads(one.body).items() for one in lifted("sms"))


def test_shared_limits_are_there_before_queues_use_them_and_in_the_end_none_holds() -> None:
    chance = random.Random(1)
    drawn = {limit_change("sms", chance).path for _ in range(50)}
    assert drawn == {one.path for one in founded("sms")} == {one.path for one in opened("sms")}
    assert {f"/limit/sms/{name}/" for names in USES for name in names or ()} == drawn
    first, second, *others = shared("sms")
    used = {f"/limit/sms/{name}/" for one in others for name in _used(one)}
    assert used == {first.path, second.path}


def _used(change: Change) -> list[str]:
    fields = json.loads(change.body)
    names: list[str] = fields.get("defaults", fields)["uses"]
    return names
