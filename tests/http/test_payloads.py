"""A payload is any JSON value, and comes out as it went in, byte for byte."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio


async def round_trip(client: httpx.AsyncClient, payload: str) -> str:
    """Enqueue a payload, dequeue and finish its job, and return the payload's text."""
    body = f'{{"payload": {payload}, "job_id": "j1", "interval": 0}}'
    assert (await client.post("/enqueue/sms/q/", content=body.encode())).status_code == 201
    dequeued = await client.get("/dequeue/sms/")
    assert (await client.post("/finish/sms/q/j1/")).status_code == 200
    json.loads(dequeued.content, parse_int=str, parse_float=str)
    _, _, from_payload = dequeued.text.partition('"payload":')
    return from_payload.rpartition(',"requeues_remaining":')[0]


EXAMPLES = [
    "null",
    "true",
    '""',
    "[]",
    "-0",
    "0.10",
    "9007199254740993",
    "123456789012345678901234567890.000",
    "1E400",
    "-1e-400",
    "1" * 5000,
    '{"b": 1, "a": 2, "b": 3}',
    '{ "a" :\t[ 1 ,\r\n 2 ] }',
    r'"\u0041\/\ud83d\ude00\"\\\u0000"',
    '"\u00e9\u2028\U0001f600"',
    '{"": {"": [[[]]]}}',
    '"' + "x" * 900_000 + '"',
    r'"hello \ud83d"',
    r'"hello \ud83d and more"',
    r'"\uDc00"',
    r'"\ude00\ud83d"',
    r'"\ud83d\ud83d\ude00\ude00"',
    r'"\\ud83d \\\ud83d \\\\ud83d \\\\\ud83d"',
    r'{"\ud83d": {"\uD83D\u0041": ["\udfff"]}}',
    r'{"max_queued_length": 7, "text": "\ud83d"}',
    r'{"\ud83d": "max_queued_length", "text": "\ud83d"}',
    r'["\ud83d", "max_queued_length"]',
    '"' + r"\ud83d" * 100_000 + '"',
]


@pytest.mark.parametrize("payload", EXAMPLES, ids=lambda text: text[:20])
async def test_a_payload_comes_out_as_it_went_in(client: httpx.AsyncClient, payload: str) -> None:
    assert await round_trip(client, payload) == payload


def spaced(token: str) -> st.SearchStrategy[str]:
    white_space = st.text(" \t\r\n", max_size=2)
    return st.tuples(white_space, st.just(token), white_space).map("".join)


def listed(opening: str, items: st.SearchStrategy[str], closing: str) -> st.SearchStrategy[str]:
    comma = spaced(",")
    joined = st.tuples(st.lists(items, max_size=4), comma).map(lambda pair: pair[1].join(pair[0]))
    return st.tuples(spaced(opening), joined, spaced(closing)).map(
        lambda parts: "".join(parts).strip(" \t\r\n")
    )


def arrays_and_objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.tuples(strings, spaced(":"), values).map("".join)
    return listed("[", values, "]") | listed("{", members, "}")


whole = st.builds(json.dumps, st.text(max_size=20), ensure_ascii=st.booleans())
cut = st.lists(st.sampled_from([r"\ud83d", r"\uDE00", r"\\", r"\u0041", "ud83d", "\u00e9", '\\"']))
strings = whole | cut.map(lambda parts: '"' + "".join(parts) + '"')
numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?", fullmatch=True
)
scalars = st.sampled_from(["null", "true", "false"]) | numbers | strings
json_texts = st.recursive(scalars, arrays_and_objects, max_leaves=20)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(payload=json_texts)
async def test_any_json_text_comes_out_as_it_went_in(
    client: httpx.AsyncClient, payload: str
) -> None:
    assert await round_trip(client, payload) == payload
