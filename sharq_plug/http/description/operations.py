"""From a route to an operation of an OpenAPI description."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, TypeAlias, get_args, get_origin

from msgspec import Struct

from sharq_plug.http.api.answers import Failure, NothingReady
from sharq_plug.http.api.bodies import BatchBody
from sharq_plug.http.api.failures import RETRIED, UNAUTHORIZED
from sharq_plug.http.api.replies import JSON
from sharq_plug.http.api.request import REQUEST_ID
from sharq_plug.http.api.routes import Media, Results, Route, Terms
from sharq_plug.http.description.examples import NAMES, body_example
from sharq_plug.http.description.headers import in_path, taken
from sharq_plug.http.description.schemas import Schema, Schemas, coded, members
from sharq_plug.http.description.words import Words

Operation: TypeAlias = dict[str, Any]

SCHEMES = ("bearer", "basic", "session")
"""The ways to send a key."""
KEYS_ASKED = (401, 403)
ALWAYS = (413, 414, 500, 503)
"""What every operation can answer, whatever it does."""
MEANINGS: Mapping[int, str] = {
    200: "It was done",
    201: "It was accepted",
    304: "It is as it was",
    400: "The request is not valid",
    401: "There is no key, or it is unknown or has expired",
    403: "The key may not do this",
    404: "There is no such thing",
    409: "It is in a state that does not allow this",
    412: "The settings are not those with the tag",
    413: "The body, the head, or an item of a batch is too large",
    414: "The URL is too long",
    429: "As many jobs wait as may",
    500: "A fault of the server",
    503: "The store does not answer, or the server has too much to do or is stopping",
}


def kinds_of(route: Route) -> Iterator[Any]:
    """Yield the types of which the description of a route needs schemas."""
    terms = terms_of(route)
    yield Failure
    yield from (kind for kind in (terms.query, terms.body) if kind is not None)
    for answer in terms.answers.values():
        if isinstance(answer, Results):
            yield from _results(answer)
        elif answer is not None and not isinstance(answer, Media):
            yield answer


def terms_of(route: Route) -> Terms:
    """Return the terms of a route that is described."""
    if route.terms is None:
        raise ValueError(f"{route.path} has no terms")
    return route.terms


def statuses_of(route: Route, *, asks_for_keys: bool) -> set[int]:
    """Return the statuses that a route can answer with a failure."""
    answers = answers_of(route, asks_for_keys=asks_for_keys)
    return {status for status, answer in answers.items() if answer is Failure}


def answers_of(route: Route, *, asks_for_keys: bool) -> dict[int, Any]:
    """Return all that a route can answer, by status."""
    answers: dict[int, Any] = dict.fromkeys(ALWAYS, Failure)
    if asks_for_keys and route.scope is not None:
        answers |= dict.fromkeys(KEYS_ASKED, Failure)
    return {**answers, **terms_of(route).answers}


def operation_of(
    route: Route, words: Words, group: str, schemas: Schemas, *, asks_for_keys: bool
) -> Operation:
    """Return the operation of a route."""
    terms = terms_of(route)
    operation: Operation = {
        "operationId": words.id,
        "tags": [group],
        "summary": words.does[0].upper() + words.does[1:],
    }
    asks = asks_for_keys and route.scope is not None
    if asks:
        operation["description"] = f"Needs a key with the scope `{route.scope}`."
        operation["security"] = [{scheme: [str(route.scope)]} for scheme in SCHEMES]
    operation["parameters"] = [
        *(in_path(name, NAMES[name]) for name in route.names),
        *_in_query(terms.query, schemas),
        *map(taken, (*terms.takes, REQUEST_ID)),
    ]
    if terms.body is not None:
        operation["requestBody"] = _body(terms, schemas)
    answers = answers_of(route, asks_for_keys=asks_for_keys)
    operation["responses"] = {
        str(status): _response(status, answers[status], terms, schemas)
        for status in sorted(answers)
    }
    return operation


def _in_query(query: type[Struct] | None, schemas: Schemas) -> list[dict[str, Any]]:
    """Return the options in a query as parameters."""
    if query is None:
        return []
    return [_option(name, found) for name, found in schemas.properties(query).items()]


def _option(name: str, found: Schema) -> dict[str, Any]:
    """Return an option. One that is true or false is 1 or 0; a list has commas."""
    schema = {**found}
    description = schema.pop("description", None)
    options = [option for option in schema.pop("anyOf", ()) if option != {"type": "null"}]
    for option in options:
        schema |= option
    if description is None:
        description = schema.pop("description", None)
    told: dict[str, Any] = {"name": name, "in": "query"}
    if description is not None:
        told["description"] = description
    if schema.get("type") == "boolean":
        schema = {"type": "integer", "enum": [0, 1]}
    if schema.get("type") == "array":
        told |= {"style": "form", "explode": False}
    return told | {"schema": schema}


def _body(terms: Terms, schemas: Schemas) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": schemas.of(terms.body)}
    example = _example(terms.body)
    if example is not None:
        media["example"] = example
    return {"required": not terms.is_body_optional, "content": {JSON: media}}


def _example(body: Any) -> Mapping[str, Any] | None:
    """Return an example of a body. The item of a batch is a body with some names more."""
    [item] = get_args(body) if get_origin(body) is BatchBody else (None,)
    if item is None:
        return body_example(members(body)[0])
    return body_example(item.__base__, tuple(item.__annotations__))


def _response(status: int, answer: Any, terms: Terms, schemas: Schemas) -> dict[str, Any]:
    if answer is Failure:
        return {"$ref": f"#/components/responses/{failure_name(status)}"}
    return _response_in_full(status, answer, terms.gives, schemas)


def failure_responses(statuses: Iterable[int], schemas: Schemas) -> dict[str, Any]:
    """Return the failures that operations have in common, by their names."""
    return {
        failure_name(status): _response_in_full(status, Failure, (), schemas)
        for status in sorted(statuses)
    }


def failure_name(status: int) -> str:
    """Return the name of a failure among the components."""
    return "".join(HTTPStatus(status).phrase.title().split())


def _response_in_full(
    status: int, answer: Any, gives: Iterable[str], schemas: Schemas
) -> dict[str, Any]:
    headers = ["X-Request-Id"]
    if status in RETRIED or answer is NothingReady:
        headers.append("Retry-After")
    if status == UNAUTHORIZED:
        headers.append("WWW-Authenticate")
    if status < HTTPStatus.BAD_REQUEST:
        headers += gives
    response: dict[str, Any] = {
        "description": _meaning(status, answer, schemas),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
    }
    if answer is None:
        return response
    if isinstance(answer, Media):
        response["content"] = {
            content_type: {"schema": answer.schema} for content_type in answer.content_types
        }
    else:
        schema = _results_schema(answer, schemas) if isinstance(answer, Results) else None
        response["content"] = {JSON: {"schema": schema or schemas.of(answer)}}
    return response


def _meaning(status: int, answer: Any, schemas: Schemas) -> str:
    """Return what an answer means in a line: that of its structure, or of its status."""
    if isinstance(answer, Results):
        return "For each item, what it would have been answered by itself"
    if answer is None or answer is Failure or isinstance(answer, Media):
        return MEANINGS[status]
    told = [schemas.resolved(schemas.of(each)).get("description", "") for each in members(answer)]
    return " Or: ".join(told) or MEANINGS[status]


def _results_schema(results: Results, schemas: Schemas) -> Schema:
    items = [schemas.of(each) for each in _results(results)]
    return {
        "type": "object",
        "properties": {
            "status": {"enum": ["success"]},
            "results": {"type": "array", "items": {"anyOf": items}},
        },
        "required": ["status", "results"],
    }


def _results(results: Results) -> list[type[Struct]]:
    """Return what an item of a batch can be answered: an item can also fail by itself."""
    return [_coded(answer) for answer in dict.fromkeys((*results.answers, Failure))]


@cache
def _coded(answer: type[Struct]) -> type[Struct]:
    return coded(answer)
