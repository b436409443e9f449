"""Answers held against the description: each must be one that its operation has."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

import httpx
import jsonschema_rs

from sharq_plug.http.description import ROWS
from sharq_plug.http.description.document import describe

JSON = "application/json"
UNDESCRIBED = frozenset({"HEAD", "OPTIONS"})


class Mismatch(AssertionError):
    """An answer that the description does not have."""


class Answers:
    """What each operation can answer, and whether an answer is that.

    The description lets an answer have more fields than it tells. Here it may not.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = copy.deepcopy(dict(document))
        for schema in self._document["components"]["schemas"].values():
            _close(schema)
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]*", path.rstrip("/"))), path)
            for path in self._document["paths"]
        ]
        self._validators: dict[str, Any] = {}

    def check(self, method: str, path: str, answer: httpx.Response) -> None:
        """Raise Mismatch unless the description has an answer."""
        operation = self._operation(method, path)
        if operation is None:
            return
        status = str(answer.status_code)
        where = f"{operation['operationId']}, {status}"
        if status not in operation["responses"]:
            raise Mismatch(f"{where}: not described. {answer.text[:200]}")
        response = self._resolved(operation["responses"][status])
        for name, found in response["headers"].items():
            header = self._resolved(found)
            value = answer.headers.get(name)
            if value is None and header.get("required"):
                raise Mismatch(f"{where}: {name} is missing")
            if value is not None:
                told = int(value) if header["schema"]["type"] == "integer" else value
                self._validate(header["schema"], told, f"{where}, {name}")
        content = response.get("content")
        if content is None:
            if answer.content:
                raise Mismatch(f"{where}: it has a body")
            return
        content_type = answer.headers["Content-Type"].partition(";")[0]
        if content_type not in {name.partition(";")[0] for name in content}:
            raise Mismatch(f"{where}: it is {content_type}")
        if content_type == JSON:
            self._validate(content[JSON]["schema"], _value(answer.content), where)

    def _operation(self, method: str, path: str) -> Mapping[str, Any] | None:
        for pattern, template in self._paths:
            if pattern.fullmatch(path.removesuffix("/")):
                methods: Mapping[str, Mapping[str, Any]] = self._document["paths"][template]
                return methods.get(method.lower()) if method.isupper() else None
        return None

    def _resolved(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in found:
            return found
        _, _, kind, name = found["$ref"].split("/")
        target: Mapping[str, Any] = self._document["components"][kind][name]
        return target

    def _validate(self, schema: Mapping[str, Any], value: object, where: str) -> None:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {
                **_close(copy.deepcopy(dict(schema))),
                "components": self._document["components"],
            }
            self._validators[key] = jsonschema_rs.validator_for(whole)
        try:
            self._validators[key].validate(value)
        except jsonschema_rs.ValidationError as error:
            raise Mismatch(f"{where}: {error} in {str(value)[:400]}") from error


def _value(text: bytes) -> Any:
    """Return a JSON value, with 0 for a number that is too long for the checks."""
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 18 else 0)


def _close(schema: dict[str, Any]) -> dict[str, Any]:
    """Let the objects of an answer have no other fields than those that are told."""
    if "properties" in schema and "allOf" not in schema:
        schema.setdefault("additionalProperties", False)
    for inner in schema.get("properties", {}).values():
        _close(inner)
    return schema


@cache
def answers(*, asks_for_keys: bool) -> Answers:
    """Return what a server can answer."""
    return Answers(document(asks_for_keys=asks_for_keys))


@cache
def document(*, asks_for_keys: bool = False) -> Mapping[str, Any]:
    """Return the description."""
    routes = [route for row in ROWS for route in row.routes()]
    text = describe(routes, version="0", asks_for_keys=asks_for_keys).text
    found: Mapping[str, Any] = json.loads(text)
    return found


Hooks: TypeAlias = dict[str, list[Callable[..., Any]]]


def hooks(*, asks_for_keys: bool) -> Hooks:
    """Return the hooks of a client that holds each answer against the description."""

    async def check(answer: httpx.Response) -> None:
        request = answer.request
        if request.method not in UNDESCRIBED:
            await answer.aread()
            target: bytes = request.extensions.get("target", request.url.raw_path)
            path = target.decode("latin-1").partition("?")[0]
            answers(asks_for_keys=asks_for_keys).check(request.method, path, answer)

    return {"response": [check]}
