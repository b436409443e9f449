"""Which answers a load takes for what they are."""

import pytest

from loadtests import grammar
from loadtests.grammar import Grammar, OutsideGrammar, read

JOB = (
    b'"queue_id":"q","job_id":"1","payload":{"n": 1.50},"requeues_remaining":-1,'
    b'"current_queue_length":0,"lease":"t","attempt":1,"expires_at":1767225660000'
)


def test_a_job_is_read_with_its_payload_as_it_came() -> None:
    found = read(grammar.DEQUEUE_ONE, 200, b'{"status":"success",%b}' % JOB)
    assert bytes(found.payload) == b'{"n": 1.50}'


def test_a_field_that_was_added_is_let_pass() -> None:
    read(grammar.FINISH_ONE, 200, b'{"status":"success","more":1}')


def test_a_batch_has_as_many_results_as_it_had_items() -> None:
    body = b'{"status":"success","results":[{"status":"queued","code":201}]}'
    read(grammar.ENQUEUE_MANY, 200, body, results=1)
    with pytest.raises(OutsideGrammar, match="1 results where 2 belong"):
        read(grammar.ENQUEUE_MANY, 200, body, results=2)


@pytest.mark.parametrize(
    ("answers", "status", "body"),
    [
        (grammar.ENQUEUE_ONE, 500, b'{"status":"failure","message":"Internal server error"}'),
        (grammar.ENQUEUE_ONE, 503, b'{"status":"failure"}'),
        (grammar.ENQUEUE_ONE, 201, b'{"status":"success"}'),
        (grammar.ENQUEUE_ONE, 201, b""),
        (grammar.ENQUEUE_ONE, 201, b'{"status":"queued"'),
        (grammar.ENQUEUE_MANY, 200, b'{"status":"success","results":[{"code":500}]}'),
        (grammar.DEQUEUE_ONE, 404, b'{"status":"failure"}'),
        (grammar.DEQUEUE_ONE, 404, b"<h1>Not Found</h1>"),
        (grammar.DEQUEUE_ONE, 200, b'{"status":"success","queue_id":"q","job_id":"1"}'),
        (grammar.DEQUEUE_MANY, 200, b'{"status":"success","jobs":[]}'),
        (grammar.DEQUEUE_MANY, 200, b'{"status":"success",%b}' % JOB),
        (grammar.FINISH_MANY, 200, b'{"status":"success","results":[{"code":201}]}'),
    ],
)
def test_what_no_request_can_get_is_named(answers: Grammar, status: int, body: bytes) -> None:
    with pytest.raises(OutsideGrammar, match=f"status {status}"):
        read(answers, status, body)
