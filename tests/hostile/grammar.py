"""Requests that are nearly right: the grammar of the API, with something wrong here and there."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes

import msgspec
from hypothesis import strategies as st

from hostile.snapshot import LIMIT_NAMES, QUEUES, TYPES
from sharq_plug.http.api.bodies import item_schema
from sharq_plug.http.api.items import ItemVerb
from sharq_plug.http.api.routes import Route
from sharq_plug.http.description import ROWS

JOBS = ("j1", "j2", "gpt-4.1+x")
NAMES = {"queue_type": TYPES, "queue_id": QUEUES, "job_id": JOBS, "name": LIMIT_NAMES}
USUAL = {"enqueue": frozenset({"interval"})}


@dataclass(frozen=True)
class Target:
    """A route, the schema of its body or of an item of its batch, and the fields that it needs.

    Those without which it is usually refused are among these.
    """

    route: Route
    schema: type[msgspec.Struct] | None
    needs: frozenset[str]


def served() -> Iterator[Target]:
    """Yield what the server serves; what is busy in production comes three times."""
    for row in ROWS:
        for route in row.routes():
            schema = row.body
            if route.is_batch and isinstance(row, ItemVerb):
                schema = item_schema(row.body, row.names)
            fields = msgspec.structs.fields(schema) if schema else ()
            needs = frozenset(field.encode_name for field in fields if field.required)
            usual = USUAL.get(route.verb, frozenset())
            target = Target(route, schema, needs | usual)
            yield from [target] * (3 if route.verb in {"enqueue", "dequeue", "finish"} else 1)


TARGETS = list(served())
TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
INTEGERS = (0, 1, 50, -1, -2, 10**12, 10**12 + 1, 2**53, 10**400)


@dataclass(frozen=True)
class Sent:
    """A request: its method, and all of its bytes."""

    method: bytes
    data: bytes


def mostly(usual: st.SearchStrategy[Any], rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw one in eight from `rare`."""
    return st.integers(0, 7).flatmap(lambda drawn: usual if drawn else rare)


raw_names = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"", b".", b"..", b"{}", b"{sms}", b"%s", b"\n", b"\0", b"\x1b[2J", b"*"]),
    st.text(TOKEN, max_size=120).map(str.encode),
)
strange_names = st.one_of(raw_names.map(quote_from_bytes).map(str.encode), raw_names)


def names(usual: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    return mostly(st.sampled_from(usual).map(str.encode), strange_names)


OPTIONS = {
    "attempt_id": ["a", "a+b", "a%2Bb", "."],
    "count": ["1", "2", "1000", "0", "1001", "-1", "1.0"],
    "cursor": ["0", "1", "q1", "", "~"],
    "leased": ["0", "1", "2"],
    "lease_time": ["43200000", "43200001", "0"],
    "limit": ["1", "2", "1000", "0", "1001", "-1", "1.0"],
    "payload": ["0", "1", "%31", "2"],
    "prefix": ["q", "+44", "%2B", ".", "q1q"],
    "queues": ["q1", "q1,+44.2@q~", ","],
    "sort": ["overdue", "waiting", "name"],
    "state": ["waiting", "delayed", "leased", "dead", "alive"],
    "states": ["dead", "waiting,delayed", "waiting,", "leased%2Cdead"],
    "together": ["0", "1"],
    "wait": ["0", "1", "3", "60001", "-1", "1e1"],
    "waits": ["1"],
    "x": ["", "1"],
}
PAGE = ("cursor", "limit")
ASKED: Mapping[str, Sequence[str]] = {
    "dequeue": (*("attempt_id", "count", "lease_time", "queues", "together", "wait", "waits"), "x"),
    "job": ("leased", "payload"),
    "types": PAGE,
    "queues": (*PAGE, "prefix", "sort"),
    "limits": PAGE,
    "jobs": (*PAGE, "payload", "state"),
    "deadletters": PAGE,
    "deletequeue": ("cursor", "states"),
}
"""What is asked in the query of a verb; others get anything."""


@st.composite
def queries(draw: st.DrawFn, verb: str) -> bytes:
    usual = ASKED.get(verb, list(OPTIONS))
    names = st.sampled_from(usual) | st.sampled_from(list(OPTIONS))
    drawn = draw(st.lists(names, min_size=1, max_size=3))
    pairs = []
    for name in drawn:
        values = st.sampled_from(OPTIONS[name]).map(str.encode)
        pairs.append(name.encode() + b"=" + draw(mostly(values, strange_names)))
    return b"?" + b"&".join(pairs)


@st.composite
def urls(draw: st.DrawFn, route: Route) -> bytes:
    parts = [route.verb.encode(), *(draw(names(NAMES[name])) for name in route.names)]
    parts += draw(mostly(st.just([]), st.lists(strange_names, max_size=3)))
    no_query = st.just(b"")
    with_query = queries(route.verb)
    query: bytes = draw(
        st.one_of(no_query, with_query) if route.verb in ASKED else mostly(no_query, with_query)
    )
    end: bytes = draw(st.sampled_from([b"", b"/"]))
    return b"/" + b"/".join(parts) + end + query


texts = st.text(max_size=8) | st.sampled_from(["\ud83d", "a\ude00", "max_queued_length"])
json_values = st.recursive(
    st.none() | st.booleans() | st.sampled_from(INTEGERS) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner),
    max_leaves=6,
)
LIMITS = [
    {"rate": 1, "per": 1},
    {"rate": 1_000_000, "per": 10**12, "burst": 4000, "unit": "tokens"},
    {"rate": 1, "per": 50, "burst": 100},
]
VALUES = {
    "queue_id": st.sampled_from(QUEUES),
    "job_id": st.sampled_from(JOBS),
    "interval": st.sampled_from([0, 1, 50]),
    "requeue_limit": st.sampled_from([-1, 0, 5]),
    "max_queued_length": st.sampled_from([0, 1, 100]),
    "lease": st.text(TOKEN, max_size=40),
    "purge_all": st.booleans(),
    "delay": st.sampled_from([0, 10**12]),
    "at": st.sampled_from([0, 1, 10**15]),
    "priority": st.integers(0, 9),
    "ttl": st.just(10**12),
    "requeue_delay": st.sampled_from([0, 10**12, {"first": 10**9, "factor": 10, "most": 10**12}]),
    "deduplicate": st.just({"key": "k", "for": 604_800_000}),
    "idempotency_key": st.sampled_from(["k", "gpt-4.1+x"]),
    "cost": st.sampled_from([1, {"tokens": 0}, {"job": 2, "tokens": 1_000_000}]),
    "headers": st.dictionaries(texts, texts, max_size=2),
    "error": texts,
    "dead": st.booleans(),
    "for": st.just(10**12),
    "count": st.sampled_from([1, 2, 1000]),
    "wait": st.sampled_from([0, 1, 3]),
    "attempt_id": st.sampled_from(["a", "a+b"]),
    "lease_time": st.just(43_200_000),
    "letters": st.lists(st.integers(1, 9), max_size=3),
    "jobs": st.lists(st.sampled_from(JOBS), max_size=3),
    "cursor": st.sampled_from(["0", "1", "9007199254740991"]),
    "actual": st.sampled_from([1, {"tokens": 0}, {"job": 1, "tokens": 1_000_000}]),
    "limits": st.lists(st.sampled_from(LIMITS), max_size=5),
    "concurrency": st.sampled_from([1, 1000]),
    "weight": st.integers(1, 100),
    "max_length": st.sampled_from([1, 1000]),
    "paused": st.booleans(),
    "freeze": st.sampled_from([0, 0, {"limit": "l1", "for": 10**12}]),
    "uses": st.sampled_from([[], ["l1"], [{"name": "l1", "limits": LIMITS}, "l+2"]]),
    "remaining": st.sampled_from([0, 1000]),
    "until": st.sampled_from([0, 10**15]),
    "unit": st.sampled_from(["job", "tokens"]),
    "defaults": st.sampled_from(
        [{}, {"interval": 1}, {"limits": LIMITS, "weight": 2, "concurrency": 1000}, {"limits": []}]
    ),
}
"""Good values of fields; any value is as good for the others."""
SPANS = frozenset({"delay", "ttl", "requeue_delay", "for", "lease_time", "freeze"})
"""Fields of which no value may end while a test runs: what a store holds would change by itself."""
SHORT = frozenset({1, 50})


def any_value(name: str) -> st.SearchStrategy[Any]:
    """Return what a field may be drawn from that holds anything."""
    if name not in SPANS:
        return json_values
    return json_values.filter(lambda value: not isinstance(value, int) or value not in SHORT)


def fields_of(target: Target) -> dict[str, st.SearchStrategy[Any]]:
    """Return what to draw the fields of a body from."""
    names = target.schema.__struct_encode_fields__ if target.schema else ()
    fields = {name: VALUES.get(name, json_values) for name in names}
    if not target.route.is_batch:
        return fields
    item = st.fixed_dictionaries({n: mostly(values, any_value(n)) for n, values in fields.items()})
    return {"jobs": st.lists(mostly(item, json_values), max_size=4)}


def is_chosen(draw: st.DrawFn, target: Target, name: str) -> bool:
    """Return whether a body has a field: always if it is needed, else one time in four.

    Some fields exclude each other, so a body with all of them would always be refused.
    """
    return target.route.is_batch or name in target.needs or not draw(st.integers(0, 3))


@st.composite
def objects(draw: st.DrawFn, target: Target) -> bytes:
    fields = fields_of(target)
    chosen = [name for name in fields if is_chosen(draw, target, name)]
    drawn = {name: draw(mostly(fields[name], any_value(name))) for name in chosen}
    for name in draw(mostly(st.just([]), st.lists(st.sampled_from([*fields, "x"]), max_size=2))):
        drawn.pop(name, None) or drawn.update({name: draw(any_value(name))})
    return json.dumps(drawn).encode()


@st.composite
def damaged(draw: st.DrawFn, target: Target) -> bytes:
    body = bytearray(draw(objects(target)))
    for byte in draw(st.binary(min_size=1, max_size=3)):
        place = draw(st.integers(0, len(body)))
        body[place : place + draw(st.integers(0, 1))] = bytes([byte])
    return bytes(body)


def bodies(target: Target) -> st.SearchStrategy[bytes]:
    rare = st.one_of(
        damaged(target),
        json_values.map(json.dumps).map(str.encode),
        st.binary(max_size=50),
        st.integers(1, 600).map(lambda depth: b"[" * depth + b"]" * depth),
    )
    usual = objects(target) if target.needs else st.just(b"") | objects(target)
    return mostly(usual, rare)


header_values = st.binary(max_size=30).filter(lambda value: b"\r\n" not in value)
OWN_HEADERS = {b"content-length", b"transfer-encoding", b"expect"}
strange_headers = st.tuples(
    st.one_of(
        st.text(TOKEN, min_size=1, max_size=10).map(str.encode),
        st.sampled_from([b"Host", b"Upgrade", b"Connection", b"Forwarded", b"X-Forwarded-For"]),
        st.sampled_from([b"Idempotency-Key", b"If-Match", b"If-None-Match", b"traceparent"]),
        header_values.filter(lambda name: b":" not in name),
    ).filter(lambda name: name.lower().strip() not in OWN_HEADERS),
    st.one_of(header_values, st.sampled_from([b"websocket", b"close", b"keep-alive", b"\x1b[2J"])),
)


@st.composite
def framed(draw: st.DrawFn, body: bytes) -> tuple[list[bytes], bytes]:
    """Return the headers that say how long a body is, and the body as it is sent."""
    length = b"Content-Length: %d" % len(body)
    expect = draw(mostly(st.just([]), st.just([b"Expect: 100-continue"])))
    match draw(st.integers(0, 15)):
        case 0:
            size = draw(st.integers(1, 40))
            parts = [body[start : start + size] for start in range(0, len(body), size)]
            sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
            return [*expect, b"Transfer-Encoding: chunked"], sent + b"0\r\n\r\n"
        case 1:
            return [length, b"Transfer-Encoding: chunked"], body
        case 2:
            wrong = draw(st.sampled_from([b"-1", b"+1", b"1_0", b"", b"1,1", b"9" * 20, b"0x1"]))
            return [b"Content-Length: " + wrong], body
        case _:
            return [*expect, length] if body else [], body


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    """A request that a server can tell the end of, or refuses before."""
    target = draw(st.sampled_from(TARGETS))
    route = target.route
    odd_methods = st.sampled_from([b"HEAD", b"OPTIONS", b"PUT", b"PATCH", b"TRACE", b"get", b"M-X"])
    method = draw(mostly(st.just(route.methods[0].encode()), odd_methods))
    strange_verbs = strange_names.map(lambda name: b"/" + name)
    url = draw(mostly(urls(route), strange_verbs))
    lengths, body = draw(framed(draw(bodies(target))))
    headers = draw(mostly(st.just([]), st.lists(strange_headers, max_size=3)))
    lines = [b"%b %b HTTP/1.1" % (method, url), b"Host: localhost", *lengths]
    lines += [b"%b: %b" % header for header in headers]
    return Sent(method, b"\r\n".join(lines) + b"\r\n\r\n" + body)
