"""Which answers the checks accept."""

import pytest

from support import wire_schema
from support.wire_schema import Answers, UnexpectedAnswer, read

JOB = (
    b'"queue_id":"q","job_id":"1","payload":{"n": 1.50},"requeues_remaining":-1,'
    b'"current_queue_length":0,"lease":"t","attempt":1,"expires_at":1767225660000,"enqueued_at":1767225600000'
)


def test_a_job_is_read_with_its_payload_as_it_came() -> None:
    found = read(wire_schema.DEQUEUE_ONE, 200, b'{"status":"success",%b}' % JOB)
    assert bytes(found.payload) == b'{"n": 1.50}'


def test_an_unknown_field_is_accepted() -> None:
    read(wire_schema.FINISH_ONE, 200, b'{"status":"success","more":1}')


def test_a_batch_has_as_many_results_as_it_had_items() -> None:
    body = b'{"status":"success","results":[{"status":"queued","code":201}]}'
    read(wire_schema.ENQUEUE_MANY, 200, body, results=1)
    with pytest.raises(UnexpectedAnswer, match="1 results where 2 belong"):
        read(wire_schema.ENQUEUE_MANY, 200, body, results=2)


@pytest.mark.parametrize(
    ("answers", "status", "body"),
    [
        (wire_schema.ENQUEUE_ONE, 500, b'{"status":"failure","message":"Internal server error"}'),
        (wire_schema.ENQUEUE_ONE, 503, b'{"status":"failure"}'),
        (wire_schema.ENQUEUE_ONE, 201, b'{"status":"success"}'),
        (wire_schema.ENQUEUE_ONE, 201, b""),
        (wire_schema.ENQUEUE_ONE, 201, b'{"status":"queued"'),
        (wire_schema.ENQUEUE_MANY, 200, b'{"status":"success","results":[{"code":500}]}'),
        (wire_schema.DEQUEUE_ONE, 404, b'{"status":"failure"}'),
        (wire_schema.DEQUEUE_ONE, 404, b"<h1>Not Found</h1>"),
        (wire_schema.DEQUEUE_ONE, 200, b'{"status":"success","queue_id":"q","job_id":"1"}'),
        (wire_schema.DEQUEUE_MANY, 200, b'{"status":"success","jobs":[]}'),
        (wire_schema.DEQUEUE_MANY, 200, b'{"status":"success",%b}' % JOB),
        (wire_schema.DEQUEUE_ONE, 200, b'{"status":"success",%b,"priority":10}' % JOB),
        (wire_schema.FINISH_MANY, 200, b'{"status":"success","results":[{"code":201}]}'),
        (wire_schema.EXTEND_ONE, 200, b'{"status":"success"}'),
    ],
)
def test_an_answer_that_the_api_does_not_have_is_an_error(
    answers: Answers, status: int, body: bytes
) -> None:
    with pytest.raises(UnexpectedAnswer, match=f"status {status}"):
        read(answers, status, body)
