"""A batch that is read as a whole and one that is read item by item are answered alike."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharq_plug.errors import InvalidRequest, SharqError
from sharq_plug.http.api.batches import BatchReader, Completion
from sharq_plug.http.api.bodies import LIMIT, EnqueueItem, FinishItem, complete_enqueue
from sharq_plug.model import LeaseRef, NewJob

READERS: dict[str, BatchReader[Any]] = {
    "enqueue": BatchReader(EnqueueItem, ["queue_id"], Completion(LIMIT, complete_enqueue)),
    "finish": BatchReader(FinishItem, ["queue_id", "job_id"]),
}


def made(fields: Any, *names: str) -> object:
    if isinstance(fields, EnqueueItem):
        assert names == (fields.queue_id,)
        limit = fields.max_queued_length
        return NewJob(
            fields.queue_id, fields.job_id, bytes(fields.payload), fields.interval, 0, limit
        )
    assert names == (fields.queue_id, fields.job_id)
    return LeaseRef(*names, fields.lease)


def read(reader: BatchReader[Any], body: bytes, *, max_item_size: int) -> object:
    """Return what became of each item, or why the whole batch is refused."""

    def told(item: object) -> object:
        return (type(item), str(item)) if isinstance(item, SharqError) else item

    try:
        items = asyncio.run(reader.read(body, made, max_item_size=max_item_size))
    except InvalidRequest as error:
        return str(error)
    return [told(item) for item in items]


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


NAMES = st.sampled_from(['"q"', '"a.b"', '"..."', '"a/b"', r'"\u0061"', r'"\ud83d"', "1", '"é"'])
VALUES = st.sampled_from(
    [
        *(
            "1",
            "-1",
            "1.50",
            "null",
            "true",
            '"text"',
            r'"\ud83d"',
            r'"\ud83d\ude00"',
            "{}",
            "[{}]",
        ),
        *('{"max_queued_length": 3}', '{"max_queued_length": 5.5}', '"max_queued_length"'),
        *(nested(512), nested(513), nested(2000)),
    ]
)
FIELDS = st.sampled_from(
    [
        *("queue_id", "job_id", "lease", "interval", "payload", "requeue_limit"),
        *("max_queued_length", "queue_type", "unknown"),
    ]
)
GOOD = {
    "enqueue": [("queue_id", '"q"'), ("job_id", '"j"'), ("interval", "0"), ("payload", "{}")],
    "finish": [("queue_id", '"q"'), ("job_id", '"j"'), ("lease", '"t"')],
}


@st.composite
def bodies(draw: st.DrawFn, verb: str) -> bytes:
    items = []
    for _ in range(draw(st.integers(0, 4))):
        more = draw(st.lists(st.tuples(FIELDS, NAMES | VALUES), max_size=2))
        fields = [*GOOD[verb], *more][draw(st.integers(0, 1)) :]
        items.append("{" + ", ".join(f'"{name}": {value}' for name, value in fields) + "}")
    items.extend(draw(st.lists(VALUES, max_size=1)))
    end = draw(st.sampled_from(["]}", "]}", "]}", "]", '], "more": 1}', '], "jobs": []}']))
    return ('{"jobs": [' + ", ".join(items) + end).encode()


@pytest.mark.parametrize("verb", READERS)
@given(data=st.data())
def test_both_ways_to_read_a_batch_agree(verb: str, data: st.DataObject) -> None:
    body = data.draw(bodies(verb))
    whole = read(READERS[verb], body, max_item_size=len(body))
    assert whole == read(READERS[verb], body, max_item_size=len(body) - 1)


@pytest.mark.parametrize("depth", [512, 513])
def test_a_thousand_payloads_may_have_more_brackets_than_one_may(depth: int) -> None:
    job = {"queue_id": "q", "interval": 0, "payload": {"n": [{}, [1], {"m": []}]}}
    jobs = [job | {"job_id": f"j{number}"} for number in range(999)]
    last = msgspec.Raw(nested(depth).encode())
    body = msgspec.json.encode({"jobs": [*jobs, job | {"job_id": "last", "payload": last}]})
    items = read(READERS["enqueue"], body, max_item_size=len(body))
    assert isinstance(items, list)
    refused = [item for item in items if isinstance(item, tuple)]
    assert refused == (
        [] if depth == 512 else [(InvalidRequest, "The body is nested deeper than 512.")]
    )
    assert json.loads(items[0].payload) == job["payload"]
