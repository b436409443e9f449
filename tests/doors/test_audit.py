"""What an administrator did is in the audit log: key id, verb, what, and how many."""

import logging

import pytest

from support.keyed import House

pytestmark = pytest.mark.anyio


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "sharq_plug.audit")
    return caplog


def taken(caplog: pytest.LogCaptureFixture) -> list[str]:
    told = [record.getMessage() for record in caplog.records if record.name == "sharq_plug.audit"]
    caplog.clear()
    return told


async def test_each_admin_verb_leaves_a_line(house: House, lines: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        new = {"job_id": f"j{number}", "interval": 0, "payload": "secret"}
        await house.ask("all", "POST", "/enqueue/sms/q/", new)
    await house.ask("all", "GET", "/types/")
    assert taken(lines) == []
    job = (await house.ask("all", "GET", "/dequeue/sms/")).json()
    dead = {"lease": job["lease"], "dead": True}
    await house.ask("all", "POST", "/fail/sms/q/j0/", dead)
    verbs: list[tuple[str, str, object, str]] = [
        ("PATCH", "/type/sms/", {"paused": True}, "PATCH type sms: 200, 1 changed"),
        ("PATCH", "/queue/sms/q/", {"weight": 2}, "PATCH queue sms/q: 200, 1 changed"),
        ("POST", "/interval/sms/q/", {"interval": 1}, "POST interval sms/q: 200, 1 changed"),
        ("PATCH", "/job/sms/q/j1/", {"delay": 5}, "PATCH job sms/q/j1: 200, 1 changed"),
        ("DELETE", "/job/sms/q/j1/", None, "DELETE job sms/q/j1: 200, 1 changed"),
        ("DELETE", "/job/sms/q/none/", None, "DELETE job sms/q/none: 404, 0 changed"),
        ("POST", "/redrive/sms/", None, "POST redrive sms: 200, 1 changed"),
        ("POST", "/discard/sms/", None, "POST discard sms: 200, 0 changed"),
        ("DELETE", "/deletequeue/sms/q/", None, "DELETE deletequeue sms/q: 200, 2 changed"),
        ("DELETE", "/deletequeue/sms/", None, "DELETE deletequeue sms: 200, 0 changed"),
        ("DELETE", "/limit/sms/n/", None, "DELETE limit sms/n: 404, 0 changed"),
        ("PATCH", "/type/sms/", {"nonsense": 1}, "PATCH type sms: 400, 0 changed"),
    ]
    for method, path, body, line in verbs:
        await house.ask("all", method, path, body)
        assert taken(lines) == [f"key all: {line}"]


async def test_a_key_that_may_not_is_noted_and_nobody_is_not(
    house: House, lines: pytest.LogCaptureFixture
) -> None:
    await house.ask("read", "DELETE", "/deletequeue/sms/")
    await house.ask("other-type", "DELETE", "/deletequeue/sms/")
    assert taken(lines) == [
        "key read: DELETE deletequeue sms: 403, 0 changed",
        "key other-type: DELETE deletequeue sms: 403, 0 changed",
    ]
    await house.ask("wrong", "DELETE", "/deletequeue/sms/")
    await house.ask(None, "DELETE", "/deletequeue/sms/")
    assert taken(lines) == []


async def test_a_line_cannot_be_forged_by_a_name(
    house: House, lines: pytest.LogCaptureFixture
) -> None:
    await house.ask("all", "DELETE", "/deletequeue/a%0Akey%20x/%C3%BC/")
    [line] = taken(lines)
    assert line == "key all: DELETE deletequeue 'a\\nkey x'/'\\xfc': 400, 0 changed"


async def test_log_ins_are_noted(house: House, lines: pytest.LogCaptureFixture) -> None:
    body = {"key": house.tokens["read"]}
    await house.ask(None, "POST", "/-/session", body)
    [line] = taken(lines)
    assert line == "key read: POST -/session -: 201, 1 changed"
    await house.ask("all", "PATCH", "/type/sms/", {"paused": True})
    [record] = [found for found in lines.records if found.name == "sharq_plug.audit"]
    assert vars(record)["fields"] == {
        "key_id": "all",
        "verb": "PATCH type",
        "what": "sms",
        "status": 200,
        "count": 1,
    }
