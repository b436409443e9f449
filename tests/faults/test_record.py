"""A record tells no more than its process knew when it was killed."""

from pathlib import Path

import msgspec
import pytest

from faults.journal import Answered, Asked, Entry, Journal, Unanswered
from faults.reading import late_answers, read_history
from sharq_plug.model import (
    EnqueueOutcome,
    EnqueueResult,
    LeaseOutcome,
)
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


def test_a_request_is_late_five_seconds_after_its_wait(tmp_path: Path) -> None:
    waits = "/dequeue/sms/?wait=2000"
    path = tmp_path / "record"
    posts = msgspec.json.encode({"wait": 2000}).decode()
    ends = {6.9: Answered, 7.1: Answered, 7.2: Unanswered}
    entries: list[Entry] = []
    for call, (seconds, end) in enumerate(ends.items()):
        tick = int(seconds * 1e9)
        entries.append(Asked(call, 0, 0, waits, ""))
        if end is Answered:
            entries.append(Answered(call, tick, 0, 404, "{}"))
        else:
            entries.append(Unanswered(call, tick, 0))
    for call, seconds in ((7, 6.9), (8, 7.3)):
        entries.append(Asked(call, 0, 0, "/dequeue/sms/", posts))
        entries.append(Answered(call, int(seconds * 1e9), 0, 404, "{}"))
    entries.append(Asked(9, 0, 0, waits, ""))  # its process was killed
    path.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    assert list(late_answers([path])) == [
        f"record: {waits}: 404 after 7.1 s",
        f"record: {waits}: nothing after 7.2 s",
        "record: /dequeue/sms/: 404 after 7.3 s",
    ]
