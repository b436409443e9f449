"""The description: a valid one, of every route, in the README's words, with examples that work."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate

from sharq_plug.http.api.fields import NAME_PATTERN
from sharq_plug.http.description.document import described_routes
from sharq_plug.http.description.examples import LEASE
from sharq_plug.http.description.words import GROUPS
from sharq_plug.http.wire.app import ROUTES
from sharq_plug.model import MAX_NAME_LENGTH, is_name
from support.api import Served, enqueue, send
from support.description import document
from support.readme import quoted, table

pytestmark = pytest.mark.anyio

Operation = Mapping[str, Any]
README_NAMES = {"<t>": "{queue_type}", "<q>": "{queue_id}", "<j>": "{job_id}", "<name>": "{name}"}
ALWAYS = {"413", "414", "500", "503"}
KEYS = {"401", "403"}


def operations(*, asks_for_keys: bool = False) -> Iterator[tuple[str, Operation]]:
    """Yield each operation, and its method and path."""
    for path, methods in document(asks_for_keys=asks_for_keys)["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


OPERATIONS = {operation["operationId"]: (route, operation) for route, operation in operations()}


@pytest.mark.parametrize("asks_for_keys", [False, True])
def test_it_is_valid_openapi(*, asks_for_keys: bool) -> None:
    validate(json.loads(json.dumps(document(asks_for_keys=asks_for_keys))))


def test_every_route_is_one_operation_and_every_operation_a_route() -> None:
    served = [
        f"{route.methods[0]} {route.path.replace('<', '{').replace('>', '}')}"
        for route in ROUTES
        if route.methods != ("OPTIONS",)
    ]
    told = [route for route, _ in operations()]
    assert sorted(told) == sorted(served)
    assert len(OPERATIONS) == len(told)
    assert len(described_routes(ROUTES)) == sum(len(group.operations) for group in GROUPS)


def test_it_says_of_each_operation_what_the_readme_says() -> None:
    told = {}
    for cell, does, statuses in table("route"):
        [route] = quoted(cell)
        for short, name in README_NAMES.items():
            route = route.replace(short, name)
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", does)
        path = route.removesuffix("/") if not route.endswith(" /") else route
        told[path] = plain, {int(status) for status in statuses.split(", ")}
    may_be_left_out = {int(status) for status in ALWAYS | KEYS}
    described = {
        route: (
            operation["summary"][0].lower() + operation["summary"][1:],
            {int(status) for status in operation["responses"]},
        )
        for route, operation in operations()
    }
    assert told.keys() == described.keys()
    for route, (does, statuses_told) in told.items():
        summary, answered = described[route]
        assert summary == does[0].lower() + does[1:], route
        assert statuses_told <= answered, route
        assert answered - statuses_told <= may_be_left_out, route


def test_operations_need_keys_where_the_server_asks_for_them() -> None:
    scopes = {
        f"{route.methods[0]} {route.path.replace('<', '{').replace('>', '}')}": route.scope
        for route in ROUTES
    }
    for route, operation in operations(asks_for_keys=True):
        scope = scopes[route]
        if scope is None:
            assert "security" not in operation
            continue
        assert [scheme for need in operation["security"] for scheme in need] == [
            *("bearer", "basic", "session"),
        ]
        assert all(roles == [scope] for need in operation["security"] for roles in need.values())
        assert operation["responses"].keys() >= KEYS
    for _, operation in operations():
        assert "security" not in operation
    assert "securitySchemes" not in document()["components"]


def test_every_field_of_a_request_says_what_it_is() -> None:
    schemas = document()["components"]["schemas"]
    is_body = re.compile(r"(?<!^Delivery)(Body|BodyItem|Patch)$").search
    bodies = list(filter(is_body, schemas))
    assert len(bodies) > 20
    for name in bodies:
        for field, schema in schemas[name]["properties"].items():
            inner = [schema, *schema.get("anyOf", ())]
            assert any("description" in each or "$ref" in each for each in inner), (name, field)
    for route, operation in operations():
        for parameter in operation["parameters"]:
            assert parameter["description"], (route, parameter["name"])


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    found = document(asks_for_keys=True)
    text = json.dumps(found)
    used = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', text))
    told = {
        (kind, name)
        for kind, components in found["components"].items()
        for name in components
        if kind != "securitySchemes"
    }
    assert used == told


@given(st.text("aZ0_-.:@+~/ \n%é", max_size=MAX_NAME_LENGTH + 2) | st.text(".", max_size=3))
def test_its_pattern_of_names_is_that_of_the_server(text: str) -> None:
    is_described = re.search(NAME_PATTERN.removesuffix("$") + r"\Z", text) is not None
    assert (is_described and 0 < len(text) <= MAX_NAME_LENGTH) == is_name(text)


LEASED = {"finish", "finishBatch", "release", "releaseBatch", "fail", "failBatch"} | {
    *("extend", "extendBatch")
}
NEEDS_KEYS = {"beginSession", "endSession"}


def request_of(route: str, operation: Operation) -> tuple[str, str, Any]:
    """Return the call of an operation's example."""
    method, _, path = route.partition(" ")
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return method, path, body.get("example")


async def prepare(client: httpx.AsyncClient, name: str) -> str:
    """Let there be what an example needs; return the token of a lease."""
    for queue in ("sms/acme", "default/acme"):
        made = await send(client, enqueue("job-0" if "enqueue" in name else "job-1", queue))
        assert made.status_code == 201
    if name.endswith("Limit"):
        assert (await client.patch("/limit/sms/provider/", json={})).status_code == 200
    if name not in LEASED:
        return ""
    leased = await client.post("/dequeue/sms/")
    lease: str = leased.json()["lease"]
    return lease


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - NEEDS_KEYS))
async def test_the_example_of_each_operation_works(client: httpx.AsyncClient, name: str) -> None:
    lease = await prepare(client, name)
    method, path, body = request_of(*OPERATIONS[name])
    text = None if body is None else json.dumps(body).replace(LEASE, lease)
    answer = await client.request(method, path, content=text)
    assert answer.status_code in {200, 201}, answer.text
    results = answer.json().get("results", []) if "json" in answer.headers["content-type"] else []
    assert all(result["code"] in {200, 201} for result in results)


@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_it_is_the_same_each_time_and_has_a_tag(served: Served) -> None:
    for path in ("/-/openapi.json", "/-/docs"):
        first, second = [await served.client.get(path) for _ in range(2)]
        assert first.content == second.content
        assert first.headers["ETag"] == second.headers["ETag"]
        tag = first.headers["ETag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await served.client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == tag
            assert int(again.headers["Content-Length"]) == len(first.content)
        other = await served.client.get(path, headers={"If-None-Match": '"other"'})
        assert other.content == first.content
        head = await served.client.head(path)
        assert (head.status_code, head.headers["ETag"]) == (200, tag)
    text = (await served.client.get("/-/openapi.json")).text
    assert json.loads(text)["openapi"] == "3.1.0"
