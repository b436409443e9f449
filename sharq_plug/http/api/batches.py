"""Batches: bodies of many items, each of which is accepted or refused by itself."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_args

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sharq_plug.errors import Forbidden, InvalidRequest, SharqError
from sharq_plug.http.api.bodies import BatchBody, item_schema
from sharq_plug.http.api.failures import TooLarge
from sharq_plug.http.api.json_text import (
    MAX_NESTING,
    brackets,
    check_nesting,
    check_utf8,
    fields_of,
)

Fields = TypeVar("Fields", bound=msgspec.Struct)
Item = TypeVar("Item")

AT_ONCE = 1024 * 1024
"""Bytes of items that are read in a row, before other requests have their turn."""

_raw_items = msgspec.json.Decoder(BatchBody[Raw])
_REFUSED = (InvalidRequest, Forbidden)
_UNREADABLE = (*_REFUSED, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Completion(Generic[Fields]):
    """What is left to do once a body is decoded: `complete(fields)`, which raises InvalidRequest.

    It changes nothing if the body is UTF-8 and does not contain `marker`.
    """

    marker: bytes
    complete: Callable[[Fields], Fields]


class BatchReader(Generic[Fields]):
    """Read batches whose items are bodies of one schema, with their `names` among its fields."""

    def __init__(
        self,
        body: type[Fields],
        names: Sequence[str],
        completion: Completion[Fields] | None = None,
    ) -> None:
        schema = item_schema(body, names)
        self._names = [attrgetter(name) for name in names]
        self._whole = msgspec.json.Decoder(BatchBody[schema])  # type: ignore[valid-type]
        self._item = msgspec.json.Decoder(schema)
        self._completion = completion
        ignores_fields = not schema.__struct_config__.forbid_unknown_fields
        self._opaque = None if ignores_fields else _opaque(schema)

    async def read(
        self, body: bytes, make: Callable[..., Item], *, max_item_size: int
    ) -> list[Item | SharqError]:
        """Return for each item what `make(fields, *names)` returns, or why it refuses the item.

        An item may be as large as the body of a single request. Raises InvalidRequest if the batch
        as a whole cannot be read.
        """
        check_utf8(body)
        if len(body) <= min(max_item_size, AT_ONCE):
            try:
                whole = self._read_whole(body)
                return list(map(make, whole, *(map(name, whole) for name in self._names)))
            except _UNREADABLE:
                pass  # some items may be fine, and the others get errors of their own
        return await self._read_each(body, make, max_item_size)

    def _read_whole(self, body: bytes) -> list[Fields]:
        """Return the fields of a batch that is fine from its start to its end."""
        items: list[Fields] = self._whole.decode(body).jobs
        around = len(items) + 1  # the body, its list, and every item but one
        if brackets(body) - around > MAX_NESTING + 1:
            self._check_nesting(items)
        completion = self._completion
        if completion is None or completion.marker not in body:
            return items
        return list(map(completion.complete, items))

    def _check_nesting(self, items: list[Fields]) -> None:
        """Raise InvalidRequest if a single item has so many brackets that it may be too deep."""
        if self._opaque is None:
            raise InvalidRequest("An item may be nested too deep.")
        for name in self._opaque:
            texts = [bytes(text) for text in map(name, items) if text is not UNSET]
            if max(map(brackets, texts), default=0) > MAX_NESTING:
                raise InvalidRequest("An item may be nested too deep.")

    async def _read_each(
        self, body: bytes, make: Callable[..., Item], max_item_size: int
    ) -> list[Item | SharqError]:
        items: list[Item | SharqError] = []
        size_in_a_row = 0
        for raw in fields_of(_raw_items, body).jobs:
            size = len(memoryview(raw))
            if size > max_item_size:
                items.append(TooLarge())
            else:
                try:
                    fields = self._read_one(raw)
                    items.append(make(fields, *(name(fields) for name in self._names)))
                except _REFUSED as error:
                    items.append(error)
            size_in_a_row += size
            if size_in_a_row > AT_ONCE:
                size_in_a_row = 0
                await asyncio.sleep(0)
        return items

    def _read_one(self, raw: Raw) -> Fields:
        fields = fields_of(self._item, raw)
        check_nesting(bytes(raw))
        return fields if self._completion is None else self._completion.complete(fields)


def _opaque(schema: type[msgspec.Struct]) -> list[Callable[[object], Raw | UnsetType]]:
    """Return what reads the fields of a schema that may hold any JSON value."""
    return [
        attrgetter(field.name) for field in msgspec.structs.fields(schema) if _holds_raw(field.type)
    ]


def _holds_raw(kind: Any) -> bool:
    """Return whether a type is Raw, perhaps with a remark, or a union with it."""
    return kind is Raw or any(map(_holds_raw, get_args(kind)))
