"""What a schema allows, in words and as HTML."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

Schema = Mapping[str, Any]

_WORDS = {
    "string": "text",
    "integer": "integer",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
    "array": "list",
}
_NAME_LENGTH = 100


def kind(schema: Schema) -> str:
    """Return what a schema allows, as HTML: structures are links into the page."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return " or ".join(f"<code>{escape(_json(value))}</code>" for value in schema["enum"])
    if options := schema.get("anyOf"):
        return " or ".join(map(kind, options))
    types = schema.get("type", ())
    each = [types] if isinstance(types, str) else types
    return " or ".join(_of_type(name, schema) for name in each) or "any JSON value"


def _of_type(name: str, schema: Schema) -> str:
    match name:
        case "integer":
            return f"integer{_bounds(schema)}"
        case "string":
            return _text(schema)
        case "array":
            most = schema.get("maxItems")
            few = f" of up to {most}" if most else ""
            return f"list{few}: {kind(schema.get('items', {}))}"
        case "object" if isinstance(values := schema.get("additionalProperties"), Mapping):
            return f"object of {kind(values)}"
        case _:
            return _WORDS[name]


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if most is None:
        return "" if least is None else f", {least} or more"
    return f" from {least} to {most}"


def _text(schema: Schema) -> str:
    most = schema.get("maxLength")
    if schema.get("pattern") and schema.get("minLength") and most == _NAME_LENGTH:
        return "name"
    return "text" if most is None else f"text, up to {most} characters"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
