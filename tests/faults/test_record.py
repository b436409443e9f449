"""A record tells no more than its process knew when it was killed."""

import json
from pathlib import Path

import msgspec
import pytest

from faults.crowd import LEASE
from faults.journal import Answered, Asked, Entry, Journal, Unanswered
from faults.reading import late_answers, read_history
from sharq_plug.model import Dequeued, EnqueueOutcome, EnqueueResult, LeaseOutcome, Take
from sharq_plug.testing.model_check.operations import Operation
from support.http_client import Answer
from support.wire_schema import UnexpectedAnswer

QUEUED = Answer(201, b'{"status": "queued"}')
JOB = b'{"job_id": "1", "interval": 0, "payload": {"n": 1.50}}'


def record(folder: Path, *answers: Answer | None) -> Path:
    """Record an enqueue for each answer, None for one that never came."""
    with Journal(folder / "record") as journal:
        for answer in answers:
            call = journal.asked("/enqueue/sms/johndoe/", JOB)
            if answer is not None:
                journal.answered(call, answer)
    return folder / "record"


def results(*items: dict[str, object]) -> Answer:
    """Return the answer to a batch."""
    return Answer(200, json.dumps({"status": "success", "results": items}).encode())


def leased(number: int) -> dict[str, object]:
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
    }


def test_a_request_without_an_answer_or_with_a_503_may_still_take_effect(tmp_path: Path) -> None:
    history = read_history([record(tmp_path, None, Answer(503, b'{"status": "failure"}'))])
    assert [event.outcome for event in history.events] == [None, None]
    assert [event.answered for event in history.events] == [None, None]


def test_an_answer_that_a_kill_cut_short_does_not_count(tmp_path: Path) -> None:
    path = record(tmp_path, QUEUED, QUEUED)
    path.write_bytes(path.read_bytes()[:-5])
    first, second = read_history([path]).events
    assert first.outcome == EnqueueResult(EnqueueOutcome.QUEUED)
    assert second.outcome is None


def test_the_records_of_several_processes_become_one_history(tmp_path: Path) -> None:
    with Journal(tmp_path / "first") as first, Journal(tmp_path / "second") as second:
        slow = first.asked("/finish/sms/johndoe/1/", b'{"lease": "a"}')
        quick = second.asked("/finish/sms/johndoe/1/", b'{"lease": "b"}')
        second.answered(quick, Answer(409, b'{"status": "failure"}'))
        first.answered(slow, Answer(200, b'{"status": "success"}'))
    history = read_history([second.path, first.path])
    outcomes = [event.outcome for event in history.events]
    assert outcomes == [LeaseOutcome.ENDED, LeaseOutcome.STALE]
    assert len({event.call for event in history.events}) == 2
    assert not history.is_exact


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_unexpected_status_is_an_error(tmp_path: Path, status: int) -> None:
    with pytest.raises(UnexpectedAnswer, match=str(status)):
        read_history([record(tmp_path, Answer(status, b"{}"))])


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


@pytest.mark.parametrize("jobs", [0, 4])
def test_a_batch_of_no_jobs_or_of_too_many_is_an_error(tmp_path: Path, jobs: int) -> None:
    with Journal(tmp_path / "record") as journal:
        call = journal.asked("/dequeue/sms/?count=3", b"")
        body = {"status": "success", "jobs": [leased(number) for number in range(jobs)]}
        journal.answered(call, Answer(200, json.dumps(body).encode()))
    with pytest.raises(UnexpectedAnswer):
        read_history([journal.path])


def test_a_request_is_late_five_seconds_after_its_wait(tmp_path: Path) -> None:
    waits = "/dequeue/sms/?wait=2000"
    path = tmp_path / "record"
    ends = {6.9: Answered, 7.1: Answered, 7.2: Unanswered}
    entries: list[Entry] = []
    for call, (seconds, end) in enumerate(ends.items()):
        tick = int(seconds * 1e9)
        entries.append(Asked(call, 0, 0, waits, ""))
        if end is Answered:
            entries.append(Answered(call, tick, 0, 404, "{}"))
        else:
            entries.append(Unanswered(call, tick, 0))
    entries.append(Asked(9, 0, 0, waits, ""))  # its process was killed
    path.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    assert list(late_answers([path])) == [
        f"record: {waits}: 404 after 7.1 s",
        f"record: {waits}: nothing after 7.2 s",
    ]
