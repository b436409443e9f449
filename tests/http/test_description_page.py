"""The description as a page: complete, escaped, and without anything that a browser must run."""

import re
from base64 import b64encode
from copy import deepcopy
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.description.page import page
from support.api import serving
from support.description import document

pytestmark = pytest.mark.anyio

EMPTY = {"meta", "br", "link", "img", "input"}
HOSTILE = "<script>alert('\"&')</script>"


class Elements(HTMLParser):
    """What elements a page has, and that each ends where it should."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def shown(found: Any, *, openapi: str = "openapi.json") -> Elements:
    return Elements(page(found, openapi=openapi))


@pytest.mark.parametrize("asks_for_keys", [False, True])
def test_it_has_every_operation_and_every_structure(*, asks_for_keys: bool) -> None:
    found = document(asks_for_keys=asks_for_keys)
    elements = shown(found)
    anchors = elements.values("id")
    assert len(anchors) == len(set(anchors))
    operations = [each["operationId"] for path in found["paths"].values() for each in path.values()]
    assert {*operations, *found["components"]["schemas"]} <= set(anchors)
    for link in elements.values("href"):
        assert link == "openapi.json" or link.removeprefix("#") in anchors
    assert ("$KEY" in elements.text) == asks_for_keys
    assert elements.text.count("curl $SHARQ/") == len(operations)


def test_it_has_nothing_that_runs_and_loads_nothing() -> None:
    elements = shown(document())
    assert not elements.names & {"script", "link", "img", "iframe", "form", "object", "base"}
    assert {name for _, name, _ in elements.attributes} <= {
        *("lang", "charset", "name", "content", "class", "id", "href", "aria-label"),
        "aria-labelledby",
    }
    assert not [link for link in elements.values("href") if link.startswith("/") or ":" in link]


def hostile(value: Any) -> Any:
    """Return a document whose texts and names all try to break out of the page."""
    if isinstance(value, dict):
        return {name: hostile(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return value + HOSTILE if isinstance(value, str) else value


def test_everything_is_escaped() -> None:
    found = deepcopy(dict(document(asks_for_keys=True)))
    for part in ("info", "tags"):
        found[part] = hostile(found[part])
    for path in found["paths"].values():
        for operation in path.values():
            for name in ("summary", "description", "operationId"):
                operation[name] = operation.get(name, "") + HOSTILE
            operation["tags"] = hostile(operation["tags"])
            for parameter in operation["parameters"]:
                parameter["name"] += HOSTILE
                parameter["description"] += HOSTILE
                parameter["example"] = HOSTILE
            for media in operation.get("requestBody", {}).get("content", {}).values():
                media["example"] = HOSTILE
    for schema in found["components"]["schemas"].values():
        schema["description"] = HOSTILE
        if "enum" in schema:
            schema["enum"] = hostile(schema["enum"])
        for name in list(schema.get("properties", {})):
            schema["properties"][name + HOSTILE] = schema["properties"].pop(name)
    elements = Elements(page(found, openapi=HOSTILE))
    assert "script" not in elements.names
    assert HOSTILE in elements.text


async def test_its_policy_lets_in_its_own_style_alone() -> None:
    async with serving(MemoryStore) as served:
        answer = await served.client.get("/-/docs")
    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_its_link_to_the_document_works_below_any_path() -> None:
    async with serving(MemoryStore) as served:
        for path in ("/-/docs", "/-/docs/"):
            answer = await served.client.get(path)
            [link] = [href for href in Elements(answer.text).values("href") if "json" in href]
            for prefix in ("", "/queues/eu"):
                url = answer.request.url.copy_with(path=prefix + path)
                assert url.join(link).path == f"{prefix}/-/openapi.json"
