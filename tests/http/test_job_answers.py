"""Every answer about jobs (enqueue, dequeue, finish), with and without the last slash."""

from unittest.mock import ANY

import httpx
import pytest

from sharq_plug.testing import ManualClock
from support.api import Case, check, enqueue

pytestmark = pytest.mark.anyio

DEQUEUE = ("GET", "/dequeue/sms", None)
FAILURE = {"status": "failure"}
SUCCESS = {"status": "success"}
LEASED = {
    "status": "success",
    "queue_id": "q",
    "job_id": "j1",
    "payload": {},
    "requeues_remaining": -1,
    "current_queue_length": 0,
    "lease": ANY,
    "attempt": 1,
    "expires_at": ManualClock().now() + 60_000,
    "enqueued_at": ManualClock().now(),
}

CASES = [
    Case("a job is queued", enqueue("j1"), 201, {"status": "queued"}),
    Case(
        "what an enqueue body says of the queue is ignored",
        enqueue("j1", queue_type=7, queue_id=["x"]),
        201,
        {"status": "queued"},
    ),
    Case(
        "an optional field that is null is absent",
        enqueue("j1", requeue_limit=None, max_queued_length=None),
        201,
        {"status": "queued"},
    ),
    Case(
        "with a limit an enqueue tells how many waited before",
        enqueue("j3", max_queued_length=3),
        201,
        {"status": "queued", "current_queue_length": 2},
        [enqueue("j1"), enqueue("j2")],
    ),
    Case(
        "a limit inside the payload is one too",
        enqueue("j2", payload={"max_queued_length": 2}),
        201,
        {"status": "queued", "current_queue_length": 1},
        [enqueue("j1")],
    ),
    Case(
        "a full queue refuses a job",
        enqueue("j2", max_queued_length=1),
        429,
        {
            "status": "failure",
            "message": "Max queue length reached",
            "current_queue_length": 1,
            "error": "queue_full",
        },
        [enqueue("j1")],
    ),
    Case(
        "a queue that is full by the payload's limit refuses a job",
        enqueue("j1", payload={"max_queued_length": 0}),
        429,
        {
            "status": "failure",
            "message": "Max queue length reached",
            "current_queue_length": 0,
            "error": "queue_full",
        },
    ),
    Case(
        "the limit at the top wins",
        enqueue("j2", max_queued_length=5, payload={"max_queued_length": 1}),
        201,
        {"status": "queued", "current_queue_length": 1},
        [enqueue("j1")],
    ),
    Case(
        "a limit of null at the top leaves the payload's",
        enqueue("j2", max_queued_length=None, payload={"max_queued_length": 1}),
        429,
        {
            "status": "failure",
            "message": "Max queue length reached",
            "current_queue_length": 1,
            "error": "queue_full",
        },
        [enqueue("j1")],
    ),
    Case(
        "a limit of null in the payload is none",
        enqueue("j1", payload={"max_queued_length": None}),
        201,
        {"status": "queued"},
    ),
    Case(
        "a payload that is no object has no limit",
        enqueue("j1", payload=["max_queued_length", {"max_queued_length": 0}]),
        201,
        {"status": "queued"},
    ),
    Case(
        "a limit deep inside the payload is none",
        enqueue("j1", payload={"a": {"max_queued_length": 0}}),
        201,
        {"status": "queued"},
    ),
    Case(
        "a job that waits is a duplicate",
        enqueue("j1"),
        201,
        {"status": "queued", "duplicate": True},
        [enqueue("j1")],
    ),
    Case(
        "a duplicate is looked for before the limit",
        enqueue("j1", max_queued_length=1),
        201,
        {"status": "queued", "duplicate": True, "current_queue_length": 1},
        [enqueue("j1")],
    ),
    Case("a job is dequeued", DEQUEUE, 200, LEASED, [enqueue("j1")]),
    Case(
        "a dequeue tells how many wait after it, and the requeues",
        DEQUEUE,
        200,
        LEASED | {"requeues_remaining": 5, "current_queue_length": 1},
        [enqueue("j1", requeue_limit=5), enqueue("j2")],
    ),
    Case(
        "a dequeue without a type is one of the type default",
        ("GET", "/dequeue", None),
        200,
        LEASED,
        [enqueue("j1", "default/q")],
    ),
    Case(
        "a part of the path is decoded once",
        ("GET", "/dequeue/%73%6Ds", None),
        200,
        LEASED,
        [enqueue("j1")],
    ),
    Case(
        "what a query says beside the options is ignored",
        ("GET", "/dequeue/sms?patience=%FF&x", None),
        200,
        LEASED,
        [enqueue("j1")],
    ),
    Case(
        "nothing is ready where nothing waits",
        DEQUEUE,
        404,
        {"status": "failure", "next_ready_at": None},
    ),
    Case(
        "a leased job is finished",
        ("POST", "/finish/sms/q/j1", None),
        200,
        SUCCESS,
        [enqueue("j1"), DEQUEUE],
    ),
    Case(
        "a finish may have a body without a lease",
        ("POST", "/finish/sms/q/j1", {}),
        200,
        SUCCESS,
        [enqueue("j1"), DEQUEUE],
    ),
    Case(
        "a lease of null is the current one",
        ("POST", "/finish/sms/q/j1", {"lease": None}),
        200,
        SUCCESS,
        [enqueue("j1"), DEQUEUE],
    ),
    Case(
        "a job that waits is not finished",
        ("POST", "/finish/sms/q/j1", None),
        404,
        FAILURE,
        [enqueue("j1")],
    ),
    Case("an unknown job is not finished", ("POST", "/finish/sms/q/j1", None), 404, FAILURE),
    Case(
        "an unknown job is not finished with a lease either",
        ("POST", "/finish/sms/q/j1", {"lease": "another"}),
        404,
        FAILURE,
    ),
    Case(
        "another's lease does not finish a job",
        ("POST", "/finish/sms/q/j1", {"lease": "another"}),
        409,
        {"status": "failure", "message": "The lease has ended.", "error": "stale_lease"},
        [enqueue("j1"), DEQUEUE],
    ),
]


@pytest.mark.parametrize("slash", [False, True], ids=["bare", "slash"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title.replace(" ", "_"))
async def test_every_answer_about_jobs(
    client: httpx.AsyncClient, case: Case, *, slash: bool
) -> None:
    await check(client, case, slash=slash)
