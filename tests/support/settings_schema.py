"""Settings as clients see them: what an answer shows, and what a message allows.

Like `wire_schema`, it shares nothing with the server on purpose.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

A_NAME = "1 to 100 of A-Z a-z 0-9 _ - . : @ + ~ and not dots alone"
MUST_BE = {
    "limits": "a list of at most 5 objects of `rate` and `per`, perhaps with `burst` and "
    "`unit`, or null",
    "rate": "an integer from 1 to 1000000",
    "per": "an integer from 1 to 1000000000000",
    "burst": "an integer from 1 to 9007199254740991",
    "unit": A_NAME,
    "concurrency": "an integer from 1 to 9007199254740991, or null",
    "weight": "an integer from 1 to 100, or null",
    "max_length": "an integer from 0 to 9007199254740991, or null",
    "paused": "true, false or null",
    "freeze": "an integer from 0 to 1000000000000, or in a release or a fail an object of `limit` "
    "(a name) and `for` (the same integer)",
    "uses": f"a list of at most 2 different names, each {A_NAME}, in an enqueue also objects of "
    "`name` and `limits`, or null",
    "defaults": "an object of `limits`, `interval`, `concurrency`, `weight`, `max_length` and "
    "`uses`, or null",
    "name": A_NAME,
    "remaining": "an integer from 0 to 9007199254740991, or null",
    "until": "an integer from 0 to 1000000000000000",
}
"""What messages say of the fields of settings."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A limit of a queue, a type or a shared limit."""

    rate: Annotated[int, Meta(ge=1, le=1_000_000)]
    per: Annotated[int, Meta(ge=1)]
    burst: Annotated[int, Meta(ge=1)]
    unit: str


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is set; what is not set does not show."""

    limits: list[Limit] | UnsetType = UNSET
    concurrency: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    weight: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    max_length: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    paused: Literal[True] | UnsetType = UNSET
    uses: list[str] | UnsetType = UNSET


class InEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for a queue, as it shows where nothing is set."""

    limits: list[Limit] = []
    concurrency: Annotated[int, Meta(ge=1)] | None = None
    weight: Annotated[int, Meta(ge=1, le=100)] = 1
    max_length: Annotated[int, Meta(ge=0)] | None = None
    uses: list[str] = []


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a queue, a type or a shared limit does not go; `of` says which of the first two."""

    hold: Literal["limit", "delay", "frozen", "concurrency", "paused", "shared_limit"]
    until: int | None
    of: Literal["queue", "type"] | UnsetType = UNSET
    unit: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


NOTHING_SET: dict[str, Any] = msgspec.to_builtins(InEffect())
