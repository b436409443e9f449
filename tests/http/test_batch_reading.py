"""A batch that is read as a whole and one that is read item by item are answered alike."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharq_memory.store import MemoryStore
from sharq_plug.errors import InvalidRequest, SharqError
from sharq_plug.http.api.enqueueing import Sender
from sharq_plug.http.api.items import ItemVerb
from sharq_plug.http.api.table import TABLE
from sharq_plug.service import QueueService

VERBS: Mapping[str, ItemVerb[Any, Any]] = {
    row.verb: row for row in TABLE if isinstance(row, ItemVerb) and row.has_batches
}


def read(verb: str, body: bytes, *, max_item_size: int) -> object:
    """Return what became of each item, or why the whole batch is refused."""
    row = VERBS[verb]
    reader = row.batch_reader()

    def told(item: object) -> object:
        return (type(item), str(item)) if isinstance(item, SharqError) else item

    async def items() -> list[Any]:
        service = QueueService(MemoryStore())
        source = Sender(service, "key") if verb == "enqueue" else service

        def make(fields: Any, *names: str) -> object:
            assert names == tuple(getattr(fields, name) for name in row.names)
            return row.item(source, fields, *names)

        return await reader.read(body, make, max_item_size=max_item_size)

    try:
        return [told(item) for item in asyncio.run(items())]
    except InvalidRequest as error:
        return str(error)


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
            '{"a": "b"}',
            '{"first": 1}',
            '{"key": "k", "for": 1}',
            '{"tokens": 2}',
        ),
        *('{"max_queued_length": 3}', '{"max_queued_length": 5.5}', '"max_queued_length"'),
        *(nested(512), nested(513), nested(2000)),
    ]
)
GOOD = {
    "queue_id": '"q"',
    "job_id": '"j"',
    "interval": "0",
    "payload": "{}",
    "lease": '"t"',
    "for": "1",
}


def names_of(verb: str) -> list[str]:
    """Return the names of all fields of an item."""
    return [*VERBS[verb].names, *VERBS[verb].body.__struct_encode_fields__]


@st.composite
def bodies(draw: st.DrawFn, verb: str) -> bytes:
    items = []
    good = [(name, GOOD[name]) for name in GOOD if name in names_of(verb)]
    names = st.sampled_from([*names_of(verb), "unknown"])
    for _ in range(draw(st.integers(0, 4))):
        more = draw(st.lists(st.tuples(names, NAMES | VALUES), max_size=2))
        fields = [*good, *more][draw(st.integers(0, 1)) :]
        items.append("{" + ", ".join(f'"{name}": {value}' for name, value in fields) + "}")
    items.extend(draw(st.lists(VALUES, max_size=1)))
    end = draw(st.sampled_from(["]}", "]}", "]}", "]", '], "more": 1}', '], "jobs": []}']))
    return ('{"jobs": [' + ", ".join(items) + end).encode()


@pytest.mark.parametrize("verb", VERBS)
@settings(deadline=None)  # other processes may keep the machine busy
@given(data=st.data())
def test_both_ways_to_read_a_batch_agree(verb: str, data: st.DataObject) -> None:
    body = data.draw(bodies(verb))
    whole = read(verb, body, max_item_size=len(body))
    assert whole == read(verb, body, max_item_size=len(body) - 1)


@pytest.mark.parametrize("depth", [512, 513])
def test_a_thousand_payloads_may_have_more_brackets_than_one_may(depth: int) -> None:
    job = {"queue_id": "q", "interval": 0, "payload": {"n": [{}, [1], {"m": []}]}}
    jobs = [job | {"job_id": f"j{number}"} for number in range(999)]
    last = msgspec.Raw(nested(depth).encode())
    body = msgspec.json.encode({"jobs": [*jobs, job | {"job_id": "last", "payload": last}]})
    items = read("enqueue", body, max_item_size=len(body))
    assert isinstance(items, list)
    refused = [item for item in items if isinstance(item, tuple)]
    assert refused == (
        [] if depth == 512 else [(InvalidRequest, "The body is nested deeper than 512.")]
    )
    assert json.loads(items[0].payload) == job["payload"]
