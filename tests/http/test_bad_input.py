"""Bad input: always 400 with a message, never a 5xx, and nothing in the log."""

import logging
from itertools import product

import httpx
import pytest

from sharq_plug.http.api.routes import Route
from sharq_plug.http.wire.app import ROUTES
from support.api import invalid, mandatory

pytestmark = pytest.mark.anyio

HUGE = "9" * 5000
LIMIT = "max_queued_length"


def job(**fields: str) -> str:
    """An enqueue body of these fields, each in JSON; "" leaves one out."""
    known = {"job_id": '"j1"', "interval": "0", "payload": "{}"} | fields
    return "{" + ", ".join(f'"{name}": {text}' for name, text in known.items() if text) + "}"


NO_INTEGERS = ["-1", "1.0", "1e3", "1.5", "true", "false", '"1"', "[]", "{}", HUGE, "1E400"]
BAD_INTEGERS = {
    "interval": [*NO_INTEGERS, "null", "1000000000001"],
    "requeue_limit": [*NO_INTEGERS[1:], "-2", "9007199254740992"],
    LIMIT: [*NO_INTEGERS, "9007199254740992"],
}
BAD_JOB_IDS = ["null", "1", "true", "{}", '""', '"a b"', '"a/b"', '"a;b"', '"{a}"', '"\\u0000"']
BAD_JOB_IDS += ['"\\ud83d"', '"a\\udc00"', '"\\ud83d\\ude00"']
BAD_JOB_IDS += ['"a\\n"', '"\\u00e9"', f'"{"a" * 101}"', HUGE, "1E400", '"."', '"..."', '"a\\\\b"']

BAD_FIELDS = [
    *((job(**{name: text}), invalid(name)) for name in BAD_INTEGERS for text in BAD_INTEGERS[name]),
    *((job(job_id=text), invalid("job_id")) for text in BAD_JOB_IDS),
    *((job(**{name: ""}), mandatory(name)) for name in ("job_id", "interval", "payload")),
    ("{}", mandatory("job_id")),
    (job(job_id=r'"\ud83d"', payload=r'"\ud83d"'), invalid("job_id")),
    (job(job_id=r'"\ud83d\ude00"', payload=r'"\ud83d"'), invalid("job_id")),
    (job(job_id=r'"a\\b"', payload=r'"\ud83d"'), invalid("job_id")),
    (job(colour="1"), "Object contains unknown field `colour`"),
    (job(colour=r'"\ud83d"'), "Object contains unknown field `colour`"),
    ("[]", "Expected `object`, got `array`"),
    ("null", "Expected `object`, got `null`"),
    ('"text"', "Expected `object`, got `str`"),
]


async def refused(
    client: httpx.AsyncClient, path: str, body: bytes | str, *, method: str = "POST"
) -> str:
    """Send what must be refused, and return the message."""
    response = await client.request(method, path, content=body)
    assert response.status_code == 400
    failure = response.json()
    assert failure.keys() == {"status", "message", "error"}
    assert (failure["status"], failure["error"]) == ("failure", "invalid")
    return str(failure["message"])


async def test_a_bad_field_is_named(client: httpx.AsyncClient) -> None:
    for body, message in BAD_FIELDS:
        assert (body, await refused(client, "/enqueue/sms/q/", body)) == (body, message)


@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_a_bad_field_of_the_other_routes_is_named(client: httpx.AsyncClient) -> None:
    for text in BAD_INTEGERS["interval"]:
        body = f'{{"interval": {text}}}'
        assert await refused(client, "/interval/sms/q/", body) == invalid("interval")
    assert await refused(client, "/interval/sms/q/", "{}") == mandatory("interval")
    for text in ("1", "true", "[]", '""', f'"{"a" * 201}"'):
        body = f'{{"lease": {text}}}'
        assert await refused(client, "/finish/sms/q/j/", body) == invalid("lease")
    for text in ("0", "true", "1.5", "[]", '"1"', '{"job": 0}', '{"a b": 1}', '{"tokens": null}'):
        body = f'{{"actual": {text}}}'
        assert await refused(client, "/finish/sms/q/j/", body) == invalid("actual")
    message = await refused(client, "/deletequeue/sms/q/", '{"purge": true}', method="DELETE")
    assert message == "Object contains unknown field `purge`"


BAD_NAMES = [
    "a%20b",
    "%2F",
    "%00",
    "a%0A",
    "{x}",
    "%7Bx%7D",
    "%C3%A9",
    "%FF",
    "%zz",
    "a;b",
    "a" * 101,
    "%2E%2E",
    "." * 100,
]
BODIES = {
    "enqueue": job(),
    "interval": '{"interval": 1}',
    "release": '{"lease": "t"}',
    "fail": '{"lease": "t"}',
    "extend": '{"lease": "t", "for": 1}',
    "job": "{}",
    "queue": "{}",
    "type": "{}",
    "limit": "{}",
}
"""A good body of each verb that needs one."""


def good_body(route: Route) -> str:
    return '{"jobs": []}' if route.is_batch else BODIES.get(route.verb, "")


NAMED_PATHS = [
    (route.methods[0], route.path.replace("<", "{").replace(">", "}"), good_body(route))
    for route in ROUTES
    if route.names and route.methods != ("OPTIONS",)
]


@pytest.mark.parametrize(("method", "path", "body"), NAMED_PATHS)
@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_a_bad_name_in_the_path_is_named(
    client: httpx.AsyncClient, method: str, path: str, body: str
) -> None:
    names = {"queue_type": "t", "queue_id": "q", "job_id": "j", "name": "n"}
    fields = [field for field in names if field in path]
    for field, bad, slash in product(fields, BAD_NAMES, ["", "/"]):
        target = path.format(**names | {field: bad}) + slash
        message = await refused(client, target, body, method=method)
        assert (target, message) == (target, invalid(field))


@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_dots_alone_are_no_name(client: httpx.AsyncClient) -> None:
    for target in ("/dequeue/.", "/dequeue/..", "/dequeue/%2E/", "/dequeue/.../"):
        # A URL would lose its dots in the client.
        response = await client.get("/", extensions={"target": target.encode()})
        assert (target, response.status_code) == (target, 400)
        assert response.json()["message"] == invalid("queue_type")


@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_an_empty_name_is_no_name(client: httpx.AsyncClient) -> None:
    assert await refused(client, "/enqueue//q/", job()) == invalid("queue_type")
    assert await refused(client, "/dequeue//", "", method="GET") == invalid("queue_type")
    message = await refused(client, "/metrics//q/", "", method="GET")
    assert message == "`queue_id` should be accompanied by `queue_type`."


def payload(text: str) -> bytes:
    return job(payload=text).encode()


MALFORMED = {
    "nothing": b"",
    "white space": b" \n",
    "text": b"hello",
    "a form": b"job_id=1&interval=2",
    "an open object": b'{"job_id": "j1"',
    "a trailing comma": job().encode()[:-1] + b",}",
    "more than one value": job().encode() * 2,
    "single quotes": job().replace('"', "'").encode(),
    "a byte order mark": b"\xef\xbb\xbf" + job().encode(),
    "UTF-16": job().encode("utf-16"),
    "a NUL": b"\0",
    "NaN": payload("NaN"),
    "Infinity": payload("[Infinity]"),
    "minus Infinity": payload("-Infinity"),
    "a leading zero": payload("01"),
    "a number without digits": payload("1."),
    "a raw newline": payload('"\n"'),
    "an unknown escape": payload(r'"\x41"'),
    "a lone surrogate outside a string": payload(r"\ud800"),
    "a lone surrogate before a stray comma": payload(r'"\ud800",'),
    "half of half a surrogate pair": payload(r'"\ud8"'),
    "a stray byte": payload('"?"').replace(b"?", b"\xff"),
    "a cut off character": payload('"?"').replace(b"?", b"\xc3"),
    "a surrogate in UTF-8": payload('"?"').replace(b"?", b"\xed\xa0\x80"),
    "an overlong character": payload('"?"').replace(b"?", b"\xc0\xaf"),
    "a stray byte in an id": job(job_id='"?"').encode().replace(b"?", b"\xff"),
    "a stray byte in a field's name": b'{"?": 1}'.replace(b"?", b"\xff"),
}


async def test_malformed_json_is_refused(client: httpx.AsyncClient) -> None:
    for title, body in MALFORMED.items():
        message = await refused(client, "/enqueue/sms/q/", body)
        assert message.startswith("The body is not valid JSON: "), title
    assert (await client.get("/dequeue/sms/")).status_code == 404


WHAT_IS_WRONG = {
    b"": "the body is empty",
    b" \r\n": "the body is empty",
    b'{"job_id": "j1"': "it ends too early (byte 15)",
    b'{"job_id": "j1",}': "trailing comma in object (byte 16)",
    b'{"job_id": j1}': "invalid character (byte 11)",
    b'{"job_id": "\xff"}': "it is not UTF-8, invalid start byte (byte 12)",
    payload('"\\ud83d" 1'): "expected ',' or '}' (byte 52)",
    payload('"\\ud83d'): "it ends too early (byte 51)",
}


@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_a_message_about_bad_json_says_what_is_wrong_and_where(
    client: httpx.AsyncClient,
) -> None:
    for body, what in WHAT_IS_WRONG.items():
        message = await refused(client, "/enqueue/sms/q/", body)
        assert message == f"The body is not valid JSON: {what}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/interval/sms/q/"),
        ("DELETE", "/deletequeue/sms/q/"),
        ("POST", "/enqueue/sms/"),
        ("POST", "/finish/sms/"),
    ],
)
@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_malformed_json_is_refused_everywhere(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    bodies = (b"{", b"\xff", b'{"\xff": 1}', rb'{"half \ud800 of a key"}', b"[" * 100_000)
    for body in bodies:
        assert await refused(client, path, body, method=method)


def nested(depth: int) -> dict[str, str]:
    brackets = '["]]", '
    return {
        "arrays": "[" * depth + "]" * depth,
        "objects": '{"a": ' * depth + "1" + "}" * depth,
        "arrays among brackets in strings": brackets * depth + "1" + "]" * depth,
        "arrays after many flat ones": "[" + "[]," * 600 + "[" * (depth - 1) + "]" * depth,
    }


@pytest.mark.parametrize("shape", nested(1))
@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_a_payload_may_be_nested_512_deep_and_no_deeper(
    client: httpx.AsyncClient, shape: str
) -> None:
    for depth in (513, 600, 5000, 100_000):
        message = await refused(client, "/enqueue/sms/q/", payload(nested(depth)[shape]))
        assert message == "The body is nested deeper than 512."
    deepest = payload(nested(512)[shape])
    assert (await client.post("/enqueue/sms/q/", content=deepest)).status_code == 201
    assert nested(512)[shape] in (await client.get("/dequeue/sms/")).text


@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_brackets_in_a_string_are_no_nesting(client: httpx.AsyncClient) -> None:
    body = payload(r'{"a": "\\", "b": "\"' + "[{" * 1000 + '"}')
    assert (await client.post("/enqueue/sms/q/", content=body)).status_code == 201


async def test_a_refused_enqueue_changes_nothing(client: httpx.AsyncClient) -> None:
    before = (await client.get("/metrics/sms/q/")).json()
    for body in (job(interval="-1"), job(requeue_limit="1.0"), payload("NaN")):
        await refused(client, "/enqueue/sms/q/", body)
    assert (await client.get("/metrics/sms/q/")).json() == before
    assert (await client.get("/metrics/")).json()["queue_types"] == []


@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_bad_input_leaves_no_trace_in_the_log(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for body in MALFORMED.values():
            await refused(client, "/enqueue/sms/q/", body)
        for text, _ in BAD_FIELDS:
            await refused(client, "/enqueue/sms/q/", text)
        await client.get("/nothing")
        await client.put("/dequeue/sms/")
    assert [record.getMessage() for record in caplog.records if record.name != "httpx"] == []
