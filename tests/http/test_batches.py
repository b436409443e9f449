"""Many jobs in one request: each is answered as if it had come alone."""

from typing import Any

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support import api
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

ENQUEUE, FINISH = "/enqueue/sms", "/finish/sms/"
LIMIT = "max_queued_length"


def job(job_id: str, queue_id: str = "q", /, **fields: Any) -> dict[str, Any]:
    return {"queue_id": queue_id, "job_id": job_id, "interval": 0, "payload": {}} | fields


def bad(message: str) -> dict[str, object]:
    return {"status": "failure", "message": message, "error": "invalid", "code": 400}


def invalid(field: str) -> dict[str, object]:
    return bad(api.invalid(field))


def mandatory(field: str) -> dict[str, object]:
    return bad(api.mandatory(field))


QUEUED = {"status": "queued", "code": 201}
FINISHED = {"status": "success", "code": 200}
NOT_LEASED = {"status": "failure", "code": 404}
STALE = {
    "status": "failure",
    "message": "The lease has ended.",
    "error": "stale_lease",
    "code": 409,
}


async def results(client: httpx.AsyncClient, path: str, items: list[Any]) -> list[Any]:
    """Send a batch, and return what each item was answered."""
    response = await client.post(path, json={"jobs": items})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"status", "results"}
    assert response.json()["status"] == "success"
    found: list[Any] = response.json()["results"]
    return found


async def refusal(client: httpx.AsyncClient, path: str, body: bytes | str) -> str:
    """Send what is refused whole, and return the message."""
    response = await client.post(path, content=body)
    assert response.status_code == 400
    assert response.json().keys() == {"status", "message", "error"}
    assert response.json()["error"] == "invalid"
    return str(response.json()["message"])


async def test_every_outcome_of_an_enqueue_stands_beside_the_others(
    client: httpx.AsyncClient,
) -> None:
    items = [
        (job("j1"), QUEUED),
        (job("j1", payload=2), QUEUED | {"duplicate": True}),
        (job("j1", "other"), QUEUED),
        (job("j2", max_queued_length=2), QUEUED | {"current_queue_length": 1}),
        (
            job("j3", max_queued_length=2),
            {
                "status": "failure",
                "message": "Max queue length reached",
                "current_queue_length": 2,
                "error": "queue_full",
                "code": 429,
            },
        ),
        (job("j3", interval=-1), invalid("interval")),
        (job("j3", payload={LIMIT: 3}), QUEUED | {"current_queue_length": 2}),
        (
            job("j3", max_queued_length=1),
            QUEUED | {"duplicate": True, "current_queue_length": 3},
        ),
    ]
    answers = await results(client, ENQUEUE, [item for item, _ in items])
    assert answers == [answer for _, answer in items]
    assert (await client.get("/metrics/sms/q/")).json()["queue_length"] == 3
    assert (await client.get("/metrics/sms/other/")).json()["queue_length"] == 1


BAD_JOBS: list[tuple[object, dict[str, object]]] = [
    (1, bad("Expected `object`, got `int`")),
    (None, bad("Expected `object`, got `null`")),
    ("job", bad("Expected `object`, got `str`")),
    ([], bad("Expected `object`, got `array`")),
    (job("j", queue_id=None), invalid("queue_id")),
    (job("j", "q/q"), invalid("queue_id")),
    (job("j", ""), invalid("queue_id")),
    (job("j j"), invalid("job_id")),
    (job("j" * 101), invalid("job_id")),
    (job("j", job_id=1), invalid("job_id")),
    (job("j", interval=True), invalid("interval")),
    (job("j", interval=1.5), invalid("interval")),
    (job("j", interval=10**12 + 1), invalid("interval")),
    (job("j", requeue_limit=-2), invalid("requeue_limit")),
    (job("j", max_queued_length=-1), invalid(LIMIT)),
    (job(".."), invalid("job_id")),
    (job("j", colour=1), bad("Object contains unknown field `colour`")),
    *(
        ({key: value for key, value in job("j").items() if key != missing}, mandatory(missing))
        for missing in job("j")
    ),
]


async def test_each_bad_job_fails_alone(client: httpx.AsyncClient) -> None:
    items: list[object] = []
    for number, (item, _) in enumerate(BAD_JOBS):
        items += [item, job(f"j{number}")]
    answers = await results(client, ENQUEUE, items)
    assert answers[::2] == [answer for _, answer in BAD_JOBS]
    assert answers[1::2] == [QUEUED] * len(BAD_JOBS)
    assert (await client.get("/metrics/sms/q/")).json()["queue_length"] == len(BAD_JOBS)


async def test_a_batch_of_bad_jobs_alone_is_answered_all_the_same(
    client: httpx.AsyncClient,
) -> None:
    answers = await results(client, ENQUEUE, [item for item, _ in BAD_JOBS])
    assert answers == [answer for _, answer in BAD_JOBS]
    assert (await client.get("/metrics/")).json()["queue_types"] == []


async def test_a_job_of_a_batch_may_name_the_type_as_sharq_lets_it(
    client: httpx.AsyncClient,
) -> None:
    assert await results(client, ENQUEUE, [job("j", queue_type=["ignored"])]) == [QUEUED]


async def test_jobs_of_a_batch_wait_in_its_order(client: httpx.AsyncClient) -> None:
    ids = [f"j{number}" for number in range(1000)]
    assert await results(client, ENQUEUE, [job(job_id) for job_id in ids]) == [QUEUED] * 1000
    jobs = (await client.get("/dequeue/sms/?count=1000")).json()["jobs"]
    assert [leased["job_id"] for leased in jobs] == ids


async def test_a_batch_may_be_empty_and_have_a_thousand_items_and_no_more(
    client: httpx.AsyncClient,
) -> None:
    for path in (ENQUEUE, FINISH):
        assert await results(client, path, []) == []
        too_many = '{"jobs": [' + ", ".join(["{}"] * 1001) + "]}"
        assert await refusal(client, path, too_many) == api.invalid("jobs")
        assert len(await results(client, path, [{}] * 1000)) == 1000
    assert (await client.get("/metrics/")).json()["queue_types"] == []


NO_BATCHES = {
    "": "The body is not valid JSON: the body is empty",
    '{"jobs": [{}, {]}': "The body is not valid JSON: expected '\"' (byte 15)",
    "[]": "Expected `object`, got `array`",
    "null": "Expected `object`, got `null`",
    "{}": "`jobs` is a mandatory parameter",
    '{"jobs": null}': api.invalid("jobs"),
    '{"jobs": {}}': api.invalid("jobs"),
    '{"jobs": "all"}': api.invalid("jobs"),
    '{"jobs": [], "colour": 1}': "Object contains unknown field `colour`",
}


@pytest.mark.parametrize("path", [ENQUEUE, FINISH])
@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_what_is_no_batch_is_refused(client: httpx.AsyncClient, path: str) -> None:
    for body, message in NO_BATCHES.items():
        assert (body, await refusal(client, path, body)) == (body, message)


def around(payload: bytes) -> bytes:
    """A batch of a good job, and of one with this payload."""
    start = b'{"queue_id": "q", "job_id": "j%d", "interval": 0, "payload": '
    return b'{"jobs": [' + start % 1 + b"1}, " + start % 2 + payload + b"}]}"


MALFORMED = {
    "a stray byte": b'"\xff"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a lone surrogate outside a string": rb"\ud800",
    "no number": b"NaN",
    "an open string": b'"',
    "nesting that no reader follows": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_json_spoils_the_whole_batch(
    client: httpx.AsyncClient, payload: bytes
) -> None:
    assert await refusal(client, ENQUEUE, around(payload))
    assert (await client.get("/metrics/")).json()["queue_types"] == []


async def test_a_job_that_is_nested_too_deep_fails_alone(client: httpx.AsyncClient) -> None:
    for depth, last in ((513, bad("The body is nested deeper than 512.")), (512, QUEUED)):
        response = await client.post(ENQUEUE, content=around(b"[" * depth + b"]" * depth))
        assert response.json()["results"] == [QUEUED, last]
        await client.delete("/deletequeue/sms/q/")


PAYLOADS = [
    "1" * 3000,
    "-0",
    "0.10",
    "9007199254740993",
    "1E400",
    '{"b": 1, "a": 2, "b": 3}',
    '{ "a" :\t[ 1 ,\r\n 2 ] }',
    r'"\u0041\/\ud83d\ude00\"\\\u0000"',
    r'{"text": "hello \ud83d", "\uDC00": "\\ud83d\\\ud83d\ud83d\ude00"}',
    '"é\u2028\U0001f600"',
    '{"jobs": [{"results": null}]}',
    '"' + "x" * 900_000 + '"',
]


async def test_payloads_go_through_batches_byte_for_byte(client: httpx.AsyncClient) -> None:
    items = ", ".join(
        f'{{"payload": {payload}, "queue_id": "q", "job_id": "j{number}", "interval": 0}}'
        for number, payload in enumerate(PAYLOADS)
    )
    sent = await client.post(ENQUEUE, content=f'{{"jobs": [{items}]}}'.encode())
    assert sent.json()["results"] == [QUEUED] * len(PAYLOADS)
    body = (await client.get("/dequeue/sms/?count=100")).text
    assert len(httpx.Response(200, text=body).json()["jobs"]) == len(PAYLOADS)
    for payload in PAYLOADS:
        assert f'"payload":{payload},"requeues_remaining"' in body


async def test_every_outcome_of_a_finish_stands_beside_the_others(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await results(client, ENQUEUE, [job(f"j{number}") for number in range(6)])
    leased = (await client.get("/dequeue/sms/?count=5")).json()["jobs"]
    leases = [one["lease"] for one in leased]

    def lease(number: int, token: object = None, /) -> dict[str, object]:
        return {"queue_id": "q", "job_id": f"j{number}"} | ({"lease": token} if token else {})

    items: list[tuple[object, dict[str, object]]] = [
        (lease(0, leases[0]), FINISHED),
        (lease(0, leases[0]), FINISHED),
        (lease(1, leases[2]), STALE),
        (lease(2), FINISHED),
        (lease(2), NOT_LEASED),
        (lease(5), NOT_LEASED),
        (lease(5, leases[0]), STALE),
        (lease(7, leases[0]), NOT_LEASED),
        (lease(3) | {"lease": None, "status": "sent"}, FINISHED),
        (lease(4, 1), invalid("lease")),
        (lease(4, "x" * 201), invalid("lease")),
        (lease(4) | {"queue_id": "{q}"}, invalid("queue_id")),
        (lease(4) | {"job_id": ""}, invalid("job_id")),
        ({"queue_id": "q"}, mandatory("job_id")),
        ({"job_id": "j4"}, mandatory("queue_id")),
        ("j4", bad("Expected `object`, got `str`")),
    ]
    answers = await results(client, FINISH, [item for item, _ in items])
    assert answers == [answer for _, answer in items]
    metrics = (await client.get("/metrics/sms/q/")).json()
    assert (metrics["queue_length"], metrics["leased"]) == (1, 2)


@pytest.mark.parametrize("backend", ["redis"], indirect=True)
async def test_a_damaged_queue_fails_alone(
    client: httpx.AsyncClient, redis_server: RedisServer
) -> None:
    await results(client, ENQUEUE, [job("j1", "broken"), job("j1", "fine")])
    assert len((await client.get("/dequeue/sms/?count=2")).json()["jobs"]) == 2
    redis_server.damage("sms", "broken")
    damaged = {
        "status": "failure",
        "message": "The queue broken is damaged in the store.",
        "error": "broken_queue",
        "code": 503,
    }
    items = [job("j2", "fine"), job("j2", "broken"), job("j3", "fine")]
    assert await results(client, ENQUEUE, items) == [QUEUED, damaged, QUEUED]
    refs = [{"queue_id": queue, "job_id": "j1"} for queue in ("broken", "fine")]
    assert await results(client, FINISH, refs) == [damaged, FINISHED]
