"""A record tells what was asked of the store, and what it answered."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from faults.asking import KEPT, LEASE
from faults.crowd import OK
from faults.journal import Journal
from faults.reading import read_history
from faults.verdict import judge
from sharq_plug.model import (
    Deduplicate,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    Extend,
    Extended,
    Extras,
    Fail,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    QueueView,
    Release,
    RequeueDelay,
    Take,
    View,
)
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.operations import Operation
from sharq_plug.testing.model_check.violations import Rule
from support.http_client import Answer
from support.wire_schema import UnexpectedAnswer

QUEUED = Answer(201, b'{"status": "queued"}')
JOB = b'{"job_id": "1", "interval": 0, "payload": {"n": 1.50}}'


def results(*items: Mapping[str, object]) -> Answer:
    """Return the answer to a batch."""
    return Answer(200, json.dumps({"status": "success", "results": items}).encode())


def leased(number: int, **fields: object) -> dict[str, object]:
    """Return a job as in the answer to a dequeue."""
    return {
        "queue_id": "johndoe",
        "job_id": str(number),
        "payload": number,
        "requeues_remaining": -1,
        "current_queue_length": 0,
        "lease": f"token-{number}",
        "attempt": 1,
        "expires_at": 1_000,
        "enqueued_at": 100,
        **fields,
    }


def read_one(
    folder: Path, path: str, body: object, *answers: Answer, key: str | None = None
) -> list[Event]:
    """Record a request, and its answer if there is one; return its events."""
    with Journal(folder / "record") as journal:
        call = journal.asked(path, json.dumps(body).encode(), key)
        for answer in answers:
            journal.answered(call, answer)
    return list(read_history([folder / "record"]).events)


def success(**fields: object) -> Answer:
    """Return the answer that something was done."""
    return Answer(OK, json.dumps({"status": "success", **fields}).encode())


def test_a_batch_is_several_operations_of_one_call(tmp_path: Path) -> None:
    jobs = [{"queue_id": "a", "job_id": "1", "interval": 0, "payload": 1}]
    jobs.append({"queue_id": "b", "job_id": "2", "interval": 5, "payload": [2]})
    claims = [{"queue_id": "a", "job_id": "1", "lease": "x"}]
    claims.append({"queue_id": "b", "job_id": "2", "lease": "y"})
    queued = {"status": "queued", "code": 201}
    with Journal(tmp_path / "record") as journal:
        call = journal.asked("/enqueue/sms/", json.dumps({"jobs": jobs}).encode())
        journal.answered(call, results(queued, queued | {"duplicate": True}))
        call = journal.asked("/finish/sms/", json.dumps({"jobs": claims}).encode())
        journal.answered(
            call, results({"status": "failure", "code": 409}, {"status": "success", "code": 200})
        )
        journal.asked("/finish/sms/", json.dumps({"jobs": claims}).encode())
    history = read_history([journal.path])
    assert [(event.call, event.item) for event in history.events] == [
        *((0, 0), (0, 1)),
        *((1, 0), (1, 1)),
        *((2, 0), (2, 1)),
    ]
    assert [event.outcome for event in history.events] == [
        EnqueueResult(EnqueueOutcome.QUEUED),
        EnqueueResult(EnqueueOutcome.DUPLICATE),
        LeaseOutcome.STALE,
        LeaseOutcome.ENDED,
        None,
        None,
    ]


def test_the_jobs_of_a_batch_are_one_dequeue(tmp_path: Path) -> None:
    with Journal(tmp_path / "record") as journal:
        call = journal.asked("/dequeue/sms/?count=3&wait=50&attempt_id=a", b"")
        journal.answered(
            call,
            Answer(200, json.dumps({"status": "success", "jobs": [leased(1), leased(2)]}).encode()),
        )
    [event] = read_history([journal.path]).events
    assert event.operation == Operation("sms", Take(3, LEASE, "a"))
    assert isinstance(event.outcome, Dequeued)
    assert [job.job_id for job in event.outcome.jobs] == ["1", "2"]


def test_the_wishes_of_a_dequeue_are_read_from_its_body_and_from_its_query(tmp_path: Path) -> None:
    body = {"wait": 9, "attempt_id": "a", "lease_time": 500}
    fields = {"priority": 3, "cost": {"units": 2}, "headers": {"lang": "de"}}
    [event] = read_one(tmp_path, "/dequeue/sms/", body, success(**leased(1, **fields)))
    assert event.operation == Operation("sms", Take(1, 500, "a"))
    assert isinstance(event.outcome, Dequeued)
    [job] = event.outcome.jobs
    assert (job.priority, job.cost, job.headers) == (3, {"units": 2}, {"lang": "de"})
    with Journal(tmp_path / "other") as journal:
        journal.asked("/dequeue/sms/?count=2&lease_time=600", b"")
    [event] = read_history([journal.path]).events
    assert event.operation == Operation("sms", Take(2, 600))


def test_the_fields_of_an_enqueue_are_read(tmp_path: Path) -> None:
    fields = {
        "job_id": "1",
        "interval": 0,
        "payload": 1,
        "delay": 5,
        "priority": 9,
        "ttl": 100,
        "requeue_delay": {"first": 1, "factor": 2, "most": 8},
        "cost": 3,
        "headers": {"a": "b"},
    }
    [event] = read_one(tmp_path, "/enqueue/sms/johndoe/", fields)
    assert event.operation.item == NewJob(
        "johndoe",
        "1",
        b"1",
        0,
        extras=Extras(
            delay=5,
            priority=9,
            ttl=100,
            requeue_delay=RequeueDelay(1, 2, 8),
            cost={"job": 3},
            headers={"a": "b"},
        ),
    )


def test_a_key_is_read_from_the_header_and_from_the_jobs_of_a_batch(tmp_path: Path) -> None:
    job = {"job_id": "1", "interval": 0, "payload": 1}
    known = Answer(201, b'{"status": "queued", "duplicate": true, "job_id": "7"}')
    [single] = read_one(tmp_path, "/enqueue/sms/johndoe/", job, known, key="k")
    assert single.outcome == EnqueueResult(EnqueueOutcome.DUPLICATE, job_id="7")
    job |= {"queue_id": "johndoe", "idempotency_key": "k"}
    (tmp_path / "record").unlink()
    [item] = read_one(tmp_path, "/enqueue/sms/", {"jobs": [job]})
    extras = Extras(deduplicate=Deduplicate("k", KEPT))
    assert single.operation.item == NewJob("johndoe", "1", b"1", 0, extras=extras)
    assert item.operation == single.operation


LEASED = LeaseRef("johndoe", "1", "x")


@pytest.mark.parametrize(
    ("verb", "fields", "item"),
    [
        ("release", {}, Release(LEASED)),
        ("release", {"delay": 5}, Release(LEASED, 5)),
        ("fail", {"error": "no", "dead": True}, Fail(LEASED, "no", dead=True)),
        ("fail", {"delay": 0}, Fail(LEASED, delay=0)),
        ("extend", {"for": 9}, Extend(LEASED, 9)),
    ],
)
@pytest.mark.parametrize("code", [200, 404, 409])
def test_what_a_worker_says_is_read_alone_and_in_a_batch(
    tmp_path: Path,
    verb: str,
    fields: dict[str, object],
    item: Release | Fail | Extend,
    code: int,
) -> None:
    claim = {"lease": "x", **fields}
    status = "success" if code == OK else "failure"
    answer = {"status": status} | ({"expires_at": 70} if (verb, code) == ("extend", OK) else {})
    good = Extended(70) if verb == "extend" else LeaseOutcome.ENDED
    outcome = {200: good, 404: LeaseOutcome.UNKNOWN, 409: LeaseOutcome.STALE}[code]
    single = Answer(code, json.dumps(answer).encode())
    [alone] = read_one(tmp_path, f"/{verb}/sms/johndoe/1/", claim, single)
    (tmp_path / "record").unlink()
    names = {"queue_id": "johndoe", "job_id": "1"}
    batch = {"jobs": [names | claim, names | claim]}
    done = results(answer | {"code": code}, {"status": "failure", "code": 404})
    first, second = read_one(tmp_path, f"/{verb}/sms/", batch, done)
    assert alone.operation == first.operation == second.operation == Operation("sms", item)
    assert (alone.outcome, first.outcome) == (outcome, outcome)
    assert second.outcome is LeaseOutcome.UNKNOWN


def test_an_extend_that_does_not_tell_the_new_end_is_an_error(tmp_path: Path) -> None:
    body = {"jobs": [{"queue_id": "johndoe", "job_id": "1", "lease": "x", "for": 9}]}
    with pytest.raises(UnexpectedAnswer):
        read_one(tmp_path, "/extend/sms/", body, results({"status": "success", "code": 200}))


def test_delayed_jobs_are_read_from_the_metrics(tmp_path: Path) -> None:
    counts = {"queue_length": 1, "delayed": 2, "leased": 3, "dead_letters": 4}
    with Journal(tmp_path / "record") as journal:
        journal.answered(journal.asked("/metrics/sms/johndoe/", b""), success(**counts))
    [event] = read_history([journal.path]).events
    assert isinstance(event.outcome, View)
    shown = event.outcome.queue
    assert shown == QueueView("johndoe", waiting=1, delayed=2, leased=3, dead=4)


@pytest.mark.parametrize("key", [None, "k"])
def test_a_job_that_was_done_twice_though_its_key_was_sent_is_counted(
    tmp_path: Path, key: str | None
) -> None:
    with Journal(tmp_path / "record") as journal:
        for life in range(2):
            call = journal.asked("/enqueue/sms/johndoe/", JOB, key)
            journal.answered(call, QUEUED)
            token = f"token-{life}"
            call = journal.asked("/dequeue/sms/", b"{}")
            fields = {"lease": token, "payload": {"n": 1.5}, "enqueued_at": 100 + life}
            journal.answered(call, success(**leased(1, **fields)))
            call = journal.asked("/finish/sms/johndoe/1/", json.dumps({"lease": token}).encode())
            journal.answered(call, success())
    history = read_history([journal.path])
    verdict = judge(history, "sms", late=[], recoveries=[])
    assert (verdict.keyed, verdict.twice) == ((1, ("1",)) if key else (0, ()))
    assert verdict.count(Rule.DEDUPLICATION) == (1 if key else 0)
    assert ("1 of 1 jobs with a key done twice" in str(verdict)) == bool(key)


@pytest.mark.parametrize("jobs", [0, 4])
def test_a_batch_of_no_jobs_or_of_too_many_is_an_error(tmp_path: Path, jobs: int) -> None:
    with Journal(tmp_path / "record") as journal:
        call = journal.asked("/dequeue/sms/?count=3", b"")
        body = {"status": "success", "jobs": [leased(number) for number in range(jobs)]}
        journal.answered(call, Answer(200, json.dumps(body).encode()))
    with pytest.raises(UnexpectedAnswer):
        read_history([journal.path])
