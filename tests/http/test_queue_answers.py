"""Every answer about queues, and of the server itself, with and without the last slash."""

import httpx
import pytest

from sharq_plug.model import counted_minutes
from sharq_plug.testing import ManualClock
from support.api import Case, check, enqueue

pytestmark = pytest.mark.anyio


def counts(present: int) -> dict[str, int]:
    """The counts of a type or queue to which something happened only in this minute."""
    minutes = [str(minute) for minute in counted_minutes(ManualClock().now())]
    return dict.fromkeys(minutes, 0) | {minutes[-1]: present}


DEQUEUE = ("GET", "/dequeue/sms", None)
FAILURE = {"status": "failure"}
SUCCESS = {"status": "success"}
EMPTY = {"message": "No queued calls found", "status": "Failure", "error": "not_found"}


def cleared(**numbers: int) -> dict[str, object]:
    """The answer to a clearing that removed so many."""
    removed = dict.fromkeys(("waiting", "delayed", "leased", "dead"), 0) | numbers
    message = "Successfully removed all queued calls"
    return {"message": message, "status": "Success", "removed": removed}


def purged(**numbers: int) -> dict[str, object]:
    """The same, where the queue was purged."""
    message = "Successfully removed all queued calls and purged related resources"
    return cleared(**numbers) | {"message": message}


UNKNOWN_QUEUE = SUCCESS | {
    "queue_length": 0,
    "delayed": 0,
    "leased": 0,
    "dead_letters": 0,
    "enqueue_counts": counts(0),
    "dequeue_counts": counts(0),
}

CASES = [
    Case("the index greets", ("GET", "/", None), 200, {"message": "Hello, SharQ!"}),
    Case(
        "the interval of a queue is changed",
        ("POST", "/interval/sms/q", {"interval": 10**12}),
        200,
        SUCCESS,
        [enqueue("j1")],
    ),
    Case(
        "a queue of leased jobs has an interval too",
        ("POST", "/interval/sms/q", {"interval": 0}),
        200,
        SUCCESS,
        [enqueue("j1"), DEQUEUE],
    ),
    Case(
        "the interval of an unknown queue is not changed",
        ("POST", "/interval/sms/q", {"interval": 1}),
        404,
        FAILURE,
    ),
    Case(
        "the metrics list the types and count everything",
        ("GET", "/metrics", None),
        200,
        SUCCESS
        | {"queue_types": ["sms"], "enqueue_counts": counts(2), "dequeue_counts": counts(1)},
        [enqueue("j1"), enqueue("j2"), DEQUEUE],
    ),
    Case(
        "the metrics of nothing are empty",
        ("GET", "/metrics", None),
        200,
        SUCCESS | {"queue_types": [], "enqueue_counts": counts(0), "dequeue_counts": counts(0)},
    ),
    Case(
        "the metrics of a type list its queues and count what went through it",
        ("GET", "/metrics/sms", None),
        200,
        SUCCESS | {"queue_ids": ["q"], "enqueue_counts": counts(1), "dequeue_counts": counts(1)},
        [enqueue("j1"), DEQUEUE, enqueue("j1", "other/q")],
    ),
    Case(
        "the metrics of an unknown type are empty",
        ("GET", "/metrics/sms", None),
        200,
        SUCCESS | {"queue_ids": [], "enqueue_counts": counts(0), "dequeue_counts": counts(0)},
    ),
    Case(
        "the metrics of a queue say what there is in it",
        ("GET", "/metrics/sms/q", None),
        200,
        UNKNOWN_QUEUE
        | {
            "queue_length": 2,
            "leased": 1,
            "enqueue_counts": counts(3),
            "dequeue_counts": counts(1),
        },
        [enqueue("j1"), enqueue("j2"), enqueue("j3"), DEQUEUE],
    ),
    Case(
        "the metrics of a queue tell which jobs are delayed",
        ("GET", "/metrics/sms/q", None),
        200,
        UNKNOWN_QUEUE | {"queue_length": 1, "delayed": 2, "enqueue_counts": counts(3)},
        [enqueue("j1"), enqueue("j2", delay=1), enqueue("j3", at=10**15)],
    ),
    Case(
        "the metrics of an unknown queue are zeros",
        ("GET", "/metrics/sms/q", None),
        200,
        UNKNOWN_QUEUE,
    ),
    Case(
        "a queue is cleared",
        ("DELETE", "/deletequeue/sms/q", {}),
        200,
        cleared(waiting=1),
        [enqueue("j1")],
    ),
    Case(
        "a queue is cleared without a body",
        ("DELETE", "/deletequeue/sms/q", None),
        200,
        cleared(leased=1),
        [enqueue("j1"), DEQUEUE],
    ),
    Case(
        "a queue of delayed jobs is cleared",
        ("DELETE", "/deletequeue/sms/q", {}),
        200,
        cleared(delayed=1),
        [enqueue("j1", delay=1)],
    ),
    Case(
        "a queue is purged",
        ("DELETE", "/deletequeue/sms/q", {"purge_all": True}),
        200,
        purged(waiting=1),
        [enqueue("j1")],
    ),
    Case(
        "to purge may be false",
        ("DELETE", "/deletequeue/sms/q", {"purge_all": False}),
        200,
        cleared(waiting=1),
        [enqueue("j1")],
    ),
    Case(
        "to purge may be null",
        ("DELETE", "/deletequeue/sms/q", {"purge_all": None}),
        200,
        cleared(waiting=1),
        [enqueue("j1")],
    ),
    Case("nothing is cleared", ("DELETE", "/deletequeue/sms/q", {}), 200, EMPTY),
    Case("nothing is purged", ("DELETE", "/deletequeue/sms/q", {"purge_all": True}), 200, EMPTY),
    Case("the store answers", ("GET", "/deepstatus", None), 200, SUCCESS),
]


@pytest.mark.parametrize("slash", [False, True], ids=["bare", "slash"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title.replace(" ", "_"))
async def test_every_answer_about_queues(
    client: httpx.AsyncClient, case: Case, *, slash: bool
) -> None:
    await check(client, case, slash=slash)
