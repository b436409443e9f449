"""From structures to JSON Schemas, in the words that people read."""

import re
from collections.abc import Collection, Iterable, Mapping
from types import UnionType
from typing import Any, TypeAlias, get_args

import msgspec
from msgspec import Struct, UnsetType

Schema: TypeAlias = dict[str, Any]

REF = "#/components/schemas/{name}"
_NULL: Schema = {"type": "null"}
_NOT_NULL: Schema = {"not": _NULL}
_batch = re.compile(r"BatchBody_(\w+?)BodyItem_")


class Schemas:
    """The schemas of some types, and of the structures that these are made of.

    A structure may say in `EXCLUDES` which two of its fields exclude each other, and in `NEEDS`
    which field needs which other one.
    """

    def __init__(self, kinds: Iterable[Any]) -> None:
        single = list(dict.fromkeys(each for kind in kinds for each in members(kind)))
        found, components = msgspec.json.schema_components(single, ref_template=REF)
        self._schemas = dict(zip(single, map(_tidy, found), strict=True))
        rules = {kind.__name__: kind for kind in _structs(single)}
        self.components: Mapping[str, Schema] = {
            _renamed(name): _with_rules(_tidy(schema), rules.get(name))
            for name, schema in sorted(components.items())
        }

    def of(self, kind: Any) -> Schema:
        """Return the schema of one of the types: for a structure, a reference to it."""
        found = [dict(self._schemas[each]) for each in members(kind)]
        return found[0] if len(found) == 1 else {"anyOf": found}

    def without(self, kinds: Collection[Any]) -> Mapping[str, Schema]:
        """Return the components but for some structures."""
        left_out = {kind.__name__ for kind in kinds if kind is not None}
        return {name: found for name, found in self.components.items() if name not in left_out}

    def properties(self, kind: type[Struct]) -> Mapping[str, Schema]:
        """Return the schemas of the fields of a structure."""
        fields: Mapping[str, Schema] = self.components[kind.__name__]["properties"]
        return fields

    def resolved(self, schema: Schema) -> Schema:
        """Return what a schema refers to, or itself."""
        _, _, name = schema.get("$ref", "").rpartition("/")
        return self.components[name] if name else schema


def coded(answer: type[Struct]) -> type[Struct]:
    """Return the structure of an answer as one of the results of a batch."""
    return msgspec.defstruct(
        f"{answer.__name__}Result",
        [("code", int)],
        bases=(answer,),
        kw_only=True,
        namespace={"__doc__": answer.__doc__},
    )


def members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the one type that it is."""
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _renamed(name: str) -> str:
    """Return the name of a component: that of a batch after its verb."""
    return _batch.sub(r"\1Batch", name)


def _structs(kinds: Iterable[Any]) -> set[type[Struct]]:
    """Return the structures in some types, in their fields, and so on."""
    found: set[type[Struct]] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, Struct):
            if kind not in found:
                found.add(kind)
                waiting += [field.type for field in msgspec.structs.fields(kind)]
        else:
            waiting += get_args(kind)
            origin = getattr(kind, "__origin__", None)
            if isinstance(origin, type) and issubclass(origin, Struct):
                waiting += [field.type for field in msgspec.structs.fields(kind)]
    return found


def _tidy(schema: Any) -> Any:
    """Return a schema with one line about each thing, and without nulls that say nothing."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {name: _tidy(value) for name, value in schema.items()}
    if isinstance(reference := tidy.get("$ref"), str):
        tidy["$ref"] = _renamed(reference)
    if isinstance(tidy.get("title"), str):  # else it is a field of this name
        del tidy["title"]
    if isinstance(about := tidy.get("description"), str):
        tidy["description"] = " ".join(about.split("\n\n", 1)[0].split())
    if tidy.get("default", ...) is None:
        del tidy["default"]
    bare = [option for option in tidy.get("anyOf", ()) if option != _NULL]
    if len(bare) == 1 and "description" in bare[0]:  # it is about the field, null or not
        tidy["description"] = bare[0].pop("description")
    return tidy


def _with_rules(schema: Schema, kind: type[Struct] | None) -> Schema:
    """Return the schema of a structure with what its fields ask of each other.

    Fields that are left out where they have their default are never null.
    """
    if kind is None:
        return schema
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    if kind.__struct_config__.omit_defaults:
        properties = schema["properties"].items()
        schema["properties"] = {name: _never_null(found) for name, found in properties}
    rules = [
        _excluding({name: _value(fields[name].type) for name in names})
        for names in getattr(kind, "EXCLUDES", ())
    ]
    rules += [
        {"if": _having({one: _NOT_NULL}), "then": _having({other: _NOT_NULL})}
        for one, other in getattr(kind, "NEEDS", ())
    ]
    return schema | {"allOf": rules} if rules else schema


def _excluding(values: Mapping[str, Schema]) -> Schema:
    return {"not": _having(values)}


def _having(values: Mapping[str, Schema]) -> Schema:
    return {"required": list(values), "properties": dict(values)}


def _value(kind: Any) -> Schema:
    """Return what a field holds that is given: null counts if the field can be left out too."""
    return {} if UnsetType in get_args(kind) else _NOT_NULL


def _never_null(schema: Schema) -> Schema:
    options = [option for option in schema.get("anyOf", ()) if option != _NULL]
    if not options:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return rest | options[0] if len(options) == 1 else rest | {"anyOf": options}
