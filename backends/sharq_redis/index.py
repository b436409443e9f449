"""The index of types: which of them a reclaim pass must see."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import Page, check_name
from sharq_redis.link import Link
from sharq_redis.wire import Command

SCAN_COUNT = 1000
SCANS_A_STEP = 10
REPAIR_REST = 600.0
"""Seconds between two rounds of the repair scan."""


class TypeIndex:
    """A set of type names, written outside the types' scripts.

    An entry goes ahead of every enqueue, and again behind the one that found its type empty, so
    that only two processes dying at the wrong moment could lose one. `repair` finds those.
    """

    def __init__(
        self, link: Link, key_prefix: str, keys_of: Callable[[str], Sequence[str]]
    ) -> None:
        self._link = link
        self._key = f"{key_prefix}:types"
        self._key_prefix = key_prefix
        self._keys_of = keys_of
        self._cursor = "0"
        self._next_round = 0.0

    def adding(self, queue_type: str) -> Command:
        """Return the command that adds a type."""
        return ("SADD", self._key, queue_type)

    async def page(self, cursor: str | None, limit: int) -> Page:
        """Return some of the names."""
        after, names = await self._link.call("SSCAN", self._key, cursor or "0", "COUNT", limit)
        return Page(valid_names(names), next_cursor(after))

    async def with_queues(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return those types that have a queue."""
        if not names:
            return ()
        found = await self._link.call_all([("EXISTS", self._keys_of(name)[0]) for name in names])
        return tuple(name for name, exists in zip(names, found, strict=True) if exists)

    async def remove_if_done(self, queue_type: str) -> None:
        """Remove a type that seemed done with, and put it back if it is not."""
        queues, _, _, idle, *_ = self._keys_of(queue_type)
        await self._link.call("SREM", self._key, queue_type)
        if await self._link.call("EXISTS", queues, idle):
            await self._link.call(*self.adding(queue_type))

    async def repair(self) -> None:
        """Look through some more of the keys for types that are missing from the index."""
        now = asyncio.get_running_loop().time()
        if self._cursor == "0" and now < self._next_round:
            return
        for _ in range(SCANS_A_STEP):
            self._cursor = await self._scan(self._cursor)
            if self._cursor == "0":
                self._next_round = now + REPAIR_REST
                return

    async def _scan(self, cursor: str) -> str:
        prefix, suffix = "{" + self._key_prefix + ":", "}:queues"
        pattern = _escaped(prefix) + "*" + _escaped(suffix)
        after, keys = await self._link.call(
            "SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT, "TYPE", "hash"
        )
        begin, end = len(prefix.encode()), -len(suffix)
        names = valid_names(key[begin:end] for key in keys)
        if names:
            await self._link.call("SADD", self._key, *names)
        return str(after.decode())


def valid_names(found: Iterable[bytes]) -> tuple[str, ...]:
    """Return the names among what Redis has; what others put there may be none."""
    return tuple(name for name in map(_name_in, found) if name is not None)


def next_cursor(cursor: bytes) -> str | None:
    """Return a scan's cursor as a page has it."""
    return None if cursor == b"0" else cursor.decode()


def _name_in(found: bytes) -> str | None:
    try:
        return check_name("name", found.decode())
    except (UnicodeDecodeError, InvalidRequest):
        return None


def _escaped(text: str) -> str:
    """Return `text` so that a MATCH pattern means just that."""
    return "".join("\\" + c if c in r"*?[]^-\\" else c for c in text)
