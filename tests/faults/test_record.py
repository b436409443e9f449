"""What is read out of a record: no more than its process could know when it was killed."""

from pathlib import Path

import pytest

from faults.journal import Answer, Journal
from faults.reading import UnexpectedAnswer, read_history
from sharq_plug.model import EnqueueOutcome, EnqueueResult, LeaseOutcome

JOB = b'{"job_id": "1", "interval": 0, "payload": {"n": 1.50}}'


def record(folder: Path, *answers: Answer | None) -> Path:
    """Record an enqueue for each answer, None for one that never came."""
    with Journal(folder / "record") as journal:
        for answer in answers:
            call = journal.asked("/enqueue/sms/johndoe/", JOB)
            if answer is not None:
                journal.answered(call, answer)
    return folder / "record"


def test_what_was_not_answered_or_with_a_503_may_yet_happen(tmp_path: Path) -> None:
    history = read_history([record(tmp_path, None, Answer(503, b'{"status": "failure"}'))])
    assert [event.outcome for event in history.events] == [None, None]
    assert [event.answered for event in history.events] == [None, None]


def test_an_answer_that_was_cut_short_by_a_kill_never_came(tmp_path: Path) -> None:
    path = record(tmp_path, Answer(201, b'{"status": "queued"}'), Answer(201, b"{}"))
    path.write_bytes(path.read_bytes()[:-5])
    first, second = read_history([path]).events
    assert first.outcome == EnqueueResult(EnqueueOutcome.QUEUED)
    assert second.outcome is None


def test_the_records_of_several_processes_become_one_history(tmp_path: Path) -> None:
    with Journal(tmp_path / "first") as first, Journal(tmp_path / "second") as second:
        slow = first.asked("/finish/sms/johndoe/1/", b'{"lease": "a"}')
        quick = second.asked("/finish/sms/johndoe/1/", b'{"lease": "b"}')
        second.answered(quick, Answer(409, b"{}"))
        first.answered(slow, Answer(200, b"{}"))
    history = read_history([second.path, first.path])
    outcomes = [event.outcome for event in history.events]
    assert outcomes == [LeaseOutcome.ENDED, LeaseOutcome.STALE]
    assert len({event.call for event in history.events}) == 2
    assert not history.is_exact


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_answer_that_no_caller_deserved_is_an_error(tmp_path: Path, status: int) -> None:
    with pytest.raises(UnexpectedAnswer, match=str(status)):
        read_history([record(tmp_path, Answer(status, b"{}"))])
