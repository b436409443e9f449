"""The description as a page: HTML without scripts, made once from the OpenAPI document."""

import json
import shlex
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from sharq_plug.http.description.kinds import Schema, kind

Document = Mapping[str, Any]

ON_EVERY = frozenset({"X-Request-Id"})
"""Headers that every operation takes; the page tells of them once."""
_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The API of $title</title>
<style>$style</style>
</head>
<body>
<header>
<h1>The API of $title <small>$version</small></h1>
$about
<p>A name is 1 to 100 of <code>A-Z a-z 0-9 _ - . : @ + ~</code>, not dots alone. Each request may
bring an <code>X-Request-Id</code>, and each answer has one.</p>
<p>For programs there is <a href="$openapi">this description as OpenAPI 3.1</a>. The examples need
the address of the server in a variable: <code>SHARQ=http://127.0.0.1:8080</code>$key</p>
</header>
<nav aria-label="Operations">
$index
</nav>
<main>
$groups
<section aria-labelledby="structures">
<h2 id="structures">Structures</h2>
$structures
</section>
</main>
</body>
</html>
""")


@cache
def style() -> str:
    """Return the style sheet of the page."""
    return files(__package__).joinpath("page.css").read_text()


@cache
def content_security_policy() -> str:
    """Return what a browser may do with the page: use its own style sheet, and nothing else."""
    digest = b64encode(sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def page(document: Document, *, openapi: str) -> str:
    """Return the page of a document; `openapi` is a relative link to the document itself."""
    info = document["info"]
    asks_for_keys = "securitySchemes" in document["components"]
    operations = list(_operations(document))
    groups = document["tags"]
    return _PAGE.substitute(
        title=escape(info["title"]),
        version=escape(info["version"]),
        style=style(),
        about="\n".join(f"<p>{_prose(part)}</p>" for part in info["description"].split("\n\n")),
        openapi=escape(openapi),
        key=", and a key in <code>KEY</code>." if asks_for_keys else ".",
        index="\n".join(_index(group, operations) for group in groups),
        groups="\n".join(_group(group, operations, document) for group in groups),
        structures="\n".join(
            _structure(name, schema) for name, schema in document["components"]["schemas"].items()
        ),
    )


Told = tuple[str, str, Mapping[str, Any]]
"""A path, a method, and its operation."""


def _operations(document: Document) -> Iterator[Told]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _of_group(group: Document, operations: Iterable[Told]) -> list[Told]:
    return [told for told in operations if group["name"] in told[2]["tags"]]


def _index(group: Document, operations: Iterable[Told]) -> str:
    lines = [
        f'<li><a href="#{escape(told["operationId"])}">{_route(path, method)}</a>'
        f"<span>{_prose(told['summary'])}</span></li>"
        for path, method, told in _of_group(group, operations)
    ]
    return f"<section><h4>{escape(group['name'])}</h4><ul>{''.join(lines)}</ul></section>"


def _group(group: Document, operations: Iterable[Told], document: Document) -> str:
    name = group["name"]
    anchor = f"group-{name.lower().replace(' ', '-')}"
    articles = "\n".join(_operation(told, document) for told in _of_group(group, operations))
    return (
        f'<section aria-labelledby="{escape(anchor)}">\n<h2 id="{escape(anchor)}">{escape(name)}'
        f"</h2>\n<p>{_prose(group['description'])}</p>\n{articles}\n</section>"
    )


def _operation(told: Told, document: Document) -> str:
    path, method, operation = told
    parts = [
        f'<article id="{escape(operation["operationId"])}">',
        f"<h3>{_route(path, method)}</h3>",
        f"<p>{_prose(operation['summary'])}.</p>",
    ]
    if about := operation.get("description"):
        parts.append(f'<p class="needs">{_prose(about)}</p>')
    parts.append(f"<pre><code>{escape(_curl(told))}</code></pre>")
    parameters = [each for each in operation["parameters"] if each["name"] not in ON_EVERY]
    if parameters:
        parts += ["<h4>Parameters</h4>", _list(map(_parameter, parameters))]
    if body := operation.get("requestBody"):
        parts += _body(body, document)
    parts += ["<h4>Answers</h4>", _list(_answers(operation["responses"], document)), "</article>"]
    return "\n".join(parts)


def _body(body: Document, document: Document) -> list[str]:
    [schema] = [media["schema"] for media in body["content"].values()]
    needed = "" if body["required"] else " (may be empty)"
    title = f"<h4>Body{needed}: {kind(schema)}</h4>"
    [structure, *_] = schema.get("anyOf", [schema])
    return [title, _fields(_resolved(structure, document))]


def _parameter(parameter: Document) -> tuple[str, str]:
    where = f"in the {parameter['in']}"
    term = _term(parameter["name"], parameter["schema"], where)
    return term, _prose(parameter.get("description", ""))


def _answers(responses: Document, document: Document) -> Iterator[tuple[str, str]]:
    for status, found in responses.items():
        response = _resolved(found, document)
        media = response.get("content", {})
        shown = " or ".join(
            f"<code>{escape(media_type)}</code>" if "properties" not in each["schema"] else "object"
            for media_type, each in media.items()
        )
        if "application/json" in media:
            shown = kind(media["application/json"]["schema"])
        headers = [name for name in response["headers"] if name not in ON_EVERY]
        also = "".join(f", <code>{escape(name)}</code>" for name in headers)
        yield (
            f"<code>{escape(status)}</code> <span>{shown}{also}</span>",
            _prose(response["description"]),
        )


def _structure(name: str, schema: Schema) -> str:
    about = f"<p>{_prose(schema['description'])}</p>" if "description" in schema else ""
    body = _fields(schema) if "properties" in schema else f"<p>{kind(schema)}</p>"
    return f'<article id="{escape(name)}">\n<h3>{escape(name)}</h3>\n{about}{body}\n</article>'


def _fields(schema: Schema) -> str:
    needed = set(schema.get("required", ()))
    return _list(
        (
            _term(name, field, "required" if name in needed else ""),
            _prose(field.get("description", "")),
        )
        for name, field in schema["properties"].items()
    )


def _term(name: str, schema: Schema, where: str) -> str:
    also = f", {where}" if where else ""
    return f"<code>{escape(name)}</code> <span>{kind(schema)}{also}</span>"


def _list(items: Iterable[tuple[str, str]]) -> str:
    lines = [f"<dt>{term}</dt>" + (f"<dd>{about}</dd>" if about else "") for term, about in items]
    return f"<dl>{''.join(lines)}</dl>"


def _route(path: str, method: str) -> str:
    return (
        f'<span class="method {escape(method)}">{escape(method.upper())}</span> '
        f"<code>{escape(path)}</code>"
    )


def _curl(told: Told) -> str:
    path, method, operation = told
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
    end = "" if path.startswith("/-/") or path == "/" else "/"
    words = [f"curl $SHARQ{path}{end}"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    if operation.get("security"):
        words.append('-H "Authorization: Bearer $KEY"')
    words += [
        f"-d {shlex.quote(json.dumps(media['example']))}"
        for media in operation.get("requestBody", {}).get("content", {}).values()
        if "example" in media
    ]
    return " ".join(words)


def _prose(text: str) -> str:
    """Return a text as HTML; what stands between backticks is code."""
    parts = escape(text.strip()).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )


def _resolved(found: Document, document: Document) -> Document:
    """Return what a reference leads to, or the thing itself."""
    if "$ref" not in found:
        return found
    _, _, kind_of, name = found["$ref"].split("/")
    target: Document = document["components"][kind_of][name]
    return target
