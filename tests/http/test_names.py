"""Names from real life, as types, queues, jobs and attempts, plain and percent-encoded."""

from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest

from support.operators import let_die

pytestmark = pytest.mark.anyio

NAMES = [
    "gpt-4.1",
    "+441632960001",
    "a@b.example",
    "~team",
    "...a",
    "a..",
    "-",
    "+",
    ":",
    "sms:priority",
    "A_b-C.d:e@f+g~",
]
NAMES.append("." * 99 + "x")


def encoded(name: str) -> str:
    """Percent-encode every character, as a URL library may."""
    return "".join(f"%{ord(letter):02x}" for letter in name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("write", [str, quote, encoded], ids=["plain", "quoted", "encoded"])
async def test_a_name_goes_through_every_route(
    client: httpx.AsyncClient, name: str, write: Callable[[str], str]
) -> None:
    part = write(name)
    job = {"job_id": name, "interval": 0, "payload": 1}
    assert (await client.post(f"/enqueue/{part}/{part}", json=job)).status_code == 201
    batch = {"jobs": [job | {"queue_id": name}]}
    [again] = (await client.post(f"/enqueue/{part}/", json=batch)).json()["results"]
    assert again == {"status": "queued", "duplicate": True, "code": 201}

    dequeued = (await client.get(f"/dequeue/{part}/?attempt_id={part}")).json()
    assert (dequeued["queue_id"], dequeued["job_id"]) == (name, name)
    repeated = (await client.get(f"/dequeue/{part}/?attempt_id={part}")).json()
    assert repeated["lease"] == dequeued["lease"]

    assert (await client.get("/metrics/")).json()["queue_types"] == [name]
    assert (await client.get(f"/metrics/{part}/")).json()["queue_ids"] == [name]
    assert (await client.get(f"/metrics/{part}/{part}")).json()["leased"] == 1
    interval = await client.post(f"/interval/{part}/{part}/", json={"interval": 1})
    assert interval.status_code == 200

    uses = {"uses": [name]}
    assert (await client.patch(f"/limit/{part}/{part}", json={})).status_code == 200
    patched = await client.patch(f"/queue/{part}/{part}/", json=uses)
    assert (patched.status_code, patched.json()["settings"]) == (200, uses)
    assert (await client.get(f"/limit/{part}/{part}/")).json()["leased"] == 0
    [limit] = (await client.get(f"/limits/{part}/")).json()["limits"]
    assert limit["name"] == name
    await client.patch(f"/queue/{part}/{part}", json={"uses": None})
    assert (await client.delete(f"/limit/{part}/{part}")).status_code == 200

    for path in (f"queue/{part}/{part}", f"type/{part}/"):
        assert (await client.get(f"/{path}")).json()["leased"] == 1
    [queue] = (await client.get(f"/queues/{part}/?prefix={part}")).json()["queues"]
    [job] = (await client.get(f"/jobs/{part}/{part}/?state=leased")).json()["jobs"]
    assert (queue["queue_id"], job["job_id"]) == (name, name)

    lease = {"lease": dequeued["lease"]}
    assert (await client.post(f"/finish/{part}/{part}/{part}", json=lease)).status_code == 200
    finish = {"jobs": [{"queue_id": name, "job_id": name, **lease}]}
    assert (await client.post(f"/finish/{part}", json=finish)).json()["results"][0]["code"] == 200
    cleared = await client.delete(f"/deletequeue/{part}/{part}")
    assert cleared.json()["message"] == "No queued calls found"
    assert (await client.delete(f"/deletequeue/{part}/")).json()["more"] is False


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("write", [str, quote, encoded], ids=["plain", "quoted", "encoded"])
async def test_a_name_goes_through_the_routes_of_dead_letters(
    client: httpx.AsyncClient, name: str, write: Callable[[str], str]
) -> None:
    part = write(name)
    await let_die(client, name, queue=f"{name}/{name}")
    for path in (f"{part}/", f"{part}/{part}"):
        [letter] = (await client.get(f"/deadletters/{path}")).json()["letters"]
        assert (letter["queue_id"], letter["job_id"]) == (name, name)
    redriven = await client.post(f"/redrive/{part}/{part}", json={"jobs": [name]})
    assert redriven.json()["redriven"] == 1
    assert (await client.post(f"/discard/{part}/")).json()["discarded"] == 0
