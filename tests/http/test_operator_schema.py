"""The second description of the API knows every answer that operators get."""

import httpx
import pytest

from support import operator_schema, wire_schema
from support.api import Call, enqueue, send
from support.operators import let_die
from support.wire_schema import Answers, read

pytestmark = pytest.mark.anyio

ANSWERS: list[tuple[Call, Answers]] = [
    (("GET", "/types/", None), operator_schema.TYPES),
    (("GET", "/type/sms/", None), operator_schema.TYPE),
    (("GET", "/type/unknown/", None), operator_schema.TYPE),
    (("GET", "/queues/sms/", None), operator_schema.QUEUES),
    (("GET", "/queues/sms/?sort=overdue", None), operator_schema.QUEUES),
    (("GET", "/queues/sms/?sort=waiting", None), operator_schema.QUEUES),
    (("GET", "/queue/sms/q/", None), operator_schema.QUEUE),
    (("GET", "/queue/sms/unknown/", None), operator_schema.QUEUE),
    (("PATCH", "/queue/sms/q/", {"limits": [{"rate": 1, "per": 5}]}), operator_schema.QUEUE),
    (("PATCH", "/queue/sms/q/", {"concurrency": 1, "paused": True}), operator_schema.QUEUE),
    (("PATCH", "/type/sms/", {"concurrency": 1, "freeze": 100}), operator_schema.TYPE),
    (("PATCH", "/type/sms/", {"defaults": {"interval": 5, "weight": 2}}), operator_schema.TYPE),
    (("GET", "/limits/sms/", None), operator_schema.LIMITS),
    (("GET", "/limit/sms/busy/", None), operator_schema.LIMIT),
    (("GET", "/limit/sms/unknown/", None), operator_schema.LIMIT),
    (("PATCH", "/limit/sms/new/", {"paused": True, "freeze": 100}), operator_schema.LIMIT),
    (("PATCH", "/limit/sms/busy/", {"remaining": 0, "until": 10**15}), operator_schema.LIMIT),
    (("PATCH", "/queue/sms/q/", {"uses": ["busy"]}), operator_schema.QUEUE),
    (("DELETE", "/limit/sms/busy/", None), operator_schema.DROP_LIMIT),
    (("DELETE", "/limit/sms/idle/", None), operator_schema.DROP_LIMIT),
    (("DELETE", "/limit/sms/unknown/", None), operator_schema.DROP_LIMIT),
    (("GET", "/jobs/sms/q/", None), operator_schema.JOBS),
    (("GET", "/jobs/sms/q/?state=delayed", None), operator_schema.JOBS),
    (("GET", "/jobs/sms/q/?state=leased&limit=1", None), operator_schema.JOBS),
    (("GET", "/jobs/sms/q/?state=dead&payload=1", None), operator_schema.JOBS),
    (("GET", "/deadletters/sms/", None), operator_schema.LETTERS),
    (("GET", "/deadletters/sms/q/?limit=1", None), operator_schema.LETTERS),
    (("POST", "/redrive/sms/", {"count": 1}), operator_schema.REDRIVE),
    (("POST", "/redrive/sms/q/", {"jobs": ["j1", "d2"]}), operator_schema.REDRIVE),
    (("POST", "/discard/sms/", {"letters": [1, 2, 99]}), operator_schema.DISCARD),
    (("POST", "/discard/sms/q/", None), operator_schema.DISCARD),
    (("DELETE", "/deletequeue/sms/q/?states=waiting", None), wire_schema.CLEAR),
    (("DELETE", "/deletequeue/sms/q/", {"purge_all": True}), wire_schema.CLEAR),
    (("DELETE", "/deletequeue/sms/", {"purge_all": True}), operator_schema.CLEAR_TYPE),
]


@pytest.mark.parametrize(("call", "answers"), ANSWERS, ids=lambda each: str(each)[:60])
async def test_each_answer_is_known(
    client: httpx.AsyncClient, call: Call, answers: Answers
) -> None:
    await let_die(client, "d1", "d2", "d3", "d1", headers={"a": "b"})
    await client.patch("/limit/sms/busy/", json={"interval": 1000, "concurrency": 1})
    await client.patch("/limit/sms/idle/", json={})
    await client.patch("/queue/sms/used/", json={"uses": ["busy"]})
    for number in range(2):
        await send(client, enqueue(f"j{number}", "sms/used"))
    await client.post("/dequeue/sms/")
    for number in range(3):
        await send(client, enqueue(f"j{number}"))
    await client.post("/dequeue/sms/")
    await send(client, enqueue("later", delay=1000))
    response = await send(client, call)
    read(answers, response.status_code, response.content)
