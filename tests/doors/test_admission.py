"""What is checked before a body is read, item by item, and of payloads."""

import asyncio
import base64

import pytest

from sharq_plug.http.doors.admission import ABSENT
from sharq_plug.model import Scope, is_name
from support.api import exchange
from support.keyed import House

pytestmark = pytest.mark.anyio


def job(job_id: str, queue_id: str | None = None) -> dict[str, object]:
    body: dict[str, object] = {"job_id": job_id, "interval": 0, "payload": {"seen": job_id}}
    return body if queue_id is None else body | {"queue_id": queue_id}


async def answered(house: House, *lines: str) -> bytes:
    """Send a head whose body never comes; return what is answered to it."""
    head = "\r\n".join([*lines, "Host: x", "Content-Length: 5", "Connection: close", "", ""])
    reader, writer = await asyncio.open_connection("127.0.0.1", house.served.port)
    writer.write(head.encode())
    line = bytes(await reader.readline())
    writer.close()
    return line


async def test_nobody_waits_for_the_body_of_a_request_that_may_not_be(house: House) -> None:
    token = house.tokens["other-type"]
    for line, status in (
        ("POST /enqueue/sms/q/ HTTP/1.1", b"401"),
        ("POST /enqueue/sms/ HTTP/1.1\r\nAuthorization: Bearer sq_a_b", b"401"),
        (f"POST /enqueue/sms/q/ HTTP/1.1\r\nAuthorization: Bearer {token}", b"403"),
        (f"POST /enqueue/sms/ HTTP/1.1\r\nAuthorization: Bearer {token}", b"403"),
    ):
        assert (await answered(house, line)).split()[1] == status


async def test_two_headers_are_no_key(house: House) -> None:
    token = house.tokens["all"]
    head = "GET /types/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    once = f"Authorization: Bearer {token}\r\n"
    assert b" 200 OK" in await exchange(house.served.port, sent=f"{head}{once}\r\n".encode())
    twice = await exchange(house.served.port, sent=f"{head}{once}{once}\r\n".encode())
    assert twice.startswith(b"HTTP/1.1 401 Unauthorized\r\n")


async def test_basic_has_the_id_and_the_secret(house: House) -> None:
    secret = house.tokens["read"].removeprefix("sq_read_")
    for password, status in ((secret, 200), (secret[:-1], 401), ("", 401)):
        said = base64.b64encode(f"read:{password}".encode()).decode()
        response = await house.ask(None, "GET", "/types/", Authorization=f"Basic {said}")
        assert response.status_code == status
    assert "basic" not in response.headers["www-authenticate"].lower()


@pytest.mark.parametrize("many", [3, 200])
async def test_items_of_other_queues_are_refused_one_by_one(house: House, many: int) -> None:
    queues = ["q", "other", "other-2", "othe"]
    jobs = [job(f"{queue}{number}", queue) for number in range(many) for queue in queues]
    response = await house.ask("other-queue", "POST", "/enqueue/sms/", {"jobs": jobs})
    assert response.status_code == 200
    results = response.json()["results"]
    refusals = {
        queue: {
            "status": "failure",
            "message": f"This key may not use the queue `{queue}`.",
            "error": "forbidden",
            "code": 403,
        }
        for queue in ("q", "othe")
    }
    for sent, result in zip(jobs, results, strict=True):
        queue = str(sent["queue_id"])
        assert result == refusals.get(queue, {"status": "queued", "code": 201})
    there = (await house.ask("all", "GET", "/queues/sms/")).json()["queues"]
    assert [view["queue_id"] for view in there] == ["other", "other-2"]


async def test_a_batch_of_one_refused_item_changes_nothing(house: House) -> None:
    response = await house.ask("other-queue", "POST", "/enqueue/sms/", {"jobs": [job("j", "q")]})
    assert [result["code"] for result in response.json()["results"]] == [403]
    assert (await house.ask("all", "GET", "/types/")).json()["types"] == []


async def test_payloads_need_a_scope_of_their_own(house: House) -> None:
    assert (await house.ask("all", "POST", "/enqueue/sms/q/", job("k"))).status_code == 201
    taken = (await house.ask("all", "GET", "/dequeue/sms/")).json()
    dead = {"lease": taken["lease"], "dead": True}
    assert (await house.ask("all", "POST", "/fail/sms/q/k/", dead)).status_code == 200
    for path in ("/job/sms/q/k/?payload=1", "/jobs/sms/q/?state=dead&payload=1"):
        refused = await house.ask("read", "GET", path)
        assert refused.json()["message"] == "This key lacks the scope `read_payloads`."
        assert refused.status_code == 403
        assert "seen" in (await house.ask("read-payloads", "GET", path)).text
        assert "seen" in (await house.ask("all", "GET", path)).text
        bare = await house.ask("read", "GET", path.replace("payload=1", "payload=0"))
        assert bare.status_code == 200
        assert "seen" not in bare.text
    for path in ("/deadletters/sms/", "/deadletters/sms/q/"):
        [letter] = (await house.ask("read", "GET", path)).json()["letters"]
        assert letter["job_id"] == "k"
        assert "payload" not in letter
        [letter] = (await house.ask("read-payloads", "GET", path)).json()["letters"]
        assert letter["payload"] == {"seen": "k"}


async def test_a_retired_key_ends_at_once_and_an_old_connection_does_not_help(
    house: House,
) -> None:
    assert (await house.ask("read", "GET", "/types/")).status_code == 200
    house.path.write_text(house.path.read_text().replace('id = "read"', 'id = "dear"'))
    house.authenticator.refresh()
    assert (await house.ask("read", "GET", "/types/")).status_code == 401


async def test_metrics_of_all_types_count_those_of_the_key(house: House) -> None:
    house.add("two", [Scope.READ], types=["a", "b"])
    for number, queue_type in enumerate("aabc"):
        body = job(f"j{number}")
        assert (
            await house.ask("all", "POST", f"/enqueue/{queue_type}/q/", body)
        ).status_code == 201
    seen = (await house.ask("two", "GET", "/metrics/")).json()
    everything = (await house.ask("all", "GET", "/metrics/")).json()
    assert seen["queue_types"] == ["a", "b"]
    assert sum(seen["enqueue_counts"].values()) == 3
    assert sum(everything["enqueue_counts"].values()) == 4
    assert seen["enqueue_counts"].keys() == everything["enqueue_counts"].keys()
    none = (await house.ask("other-type", "GET", "/metrics/")).json()
    assert none["queue_types"] == []
    assert list(none["enqueue_counts"]) == list(everything["enqueue_counts"])
    assert not any(none["enqueue_counts"].values())


async def test_readiness_tells_readers_its_detail(house: House) -> None:
    plain = await house.ask(None, "GET", "/-/ready")
    assert plain.json() == {"status": "success"}
    assert (await house.ask(None, "GET", "/-/ready?detail=1")).status_code == 401
    assert (await house.ask("work", "GET", "/-/ready?detail=1")).status_code == 403
    told = (await house.ask("read", "GET", "/-/ready?detail=1")).json()
    assert "forgets every job" in told["weaknesses"][0]
    assert told["problems"] == []
    good = house.path.read_text()
    house.path.write_text(f"{good}\n[[key]]\n")
    house.authenticator.refresh()
    told = (await house.ask("read", "GET", "/-/ready?detail=1")).json()
    [problem] = told["problems"]
    assert "id: must be 1 to 32" in problem
    assert "problems" not in (await house.ask("work", "GET", "/-/ready")).text


def test_the_name_of_what_is_absent_is_a_name_and_no_one_can_guess_it() -> None:
    assert is_name(ABSENT)
    assert len(ABSENT) > 43


async def test_a_name_that_is_none_is_refused_as_without_keys(house: House) -> None:
    for path in ("/type/a%20b/", "/queue/sms/a%20b/", "/metrics//q/"):
        narrowed = await house.ask("other-type", "GET", path)
        free = await house.ask("all", "GET", path)
        assert narrowed.status_code == free.status_code == 400
        assert narrowed.json() == free.json()
    for path in ("/enqueue/a%0Ab/q/", "/enqueue/other/%3Cb%3E/"):
        refused = await house.ask("other-queue", "POST", path, job("j"))
        assert refused.status_code == 403 or "invalid" in refused.json()["error"]
        assert "<b>" not in refused.text
