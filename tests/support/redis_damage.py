"""A queue whose keys a test of the Redis backend damages, each in turn."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest
from redis import Redis

from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.redis_keys import contents, tag

TYPE, QUEUE, KEY = "sms", "damaged", "k"
RECORD = "queues"
"""The kind of the key in which each queue of the type has a field: its record."""
OF_THE_TYPE = ("totals", "letters")
"""Kinds of keys that the queues of a type share."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A queue that is prepared to be damaged, and where it is kept."""

    store: QueueStore
    clock: ManualClock
    keys: Redis

    def key(self, kind: str) -> str:
        """Return the key of that kind."""
        name = f"{tag(TYPE)}/{kind}/{TYPE}"
        if kind not in (RECORD, *OF_THE_TYPE):
            name += f"/{QUEUE}"
        return name + f"/{KEY}" * (kind == "key")

    def snapshot(self) -> dict[object, object]:
        """Return all that is kept of the queue, but for its place in the line."""
        found: dict[object, object] = {
            key: contents(self.keys, key)
            for pattern in (f"*/{TYPE}/{QUEUE}", f"*/{TYPE}/{QUEUE}/*")
            for key in self.keys.keys(pattern)
        }
        found["record"] = self.keys.hget(self.key(RECORD), QUEUE)
        return found


def wrong_type(scene: Scene, kind: str) -> None:
    """Put a key of another type in a key's place."""
    key = scene.key(kind)
    if kind == RECORD:
        scene.keys.hset(key, QUEUE, "\xff garbage")
    elif scene.keys.type(key) == b"string":
        scene.keys.delete(key)
        scene.keys.rpush(key, "no string")
    else:
        scene.keys.delete(key)
        scene.keys.set(key, "a string")


def missing(scene: Scene, kind: str) -> None:
    """Take a key away."""
    if kind == RECORD:
        scene.keys.hdel(scene.key(kind), QUEUE)
    else:
        scene.keys.delete(scene.key(kind))


def garbage(scene: Scene, kind: str) -> None:
    """Leave a key of the right type, with values that mean nothing."""
    key = scene.key(kind)
    match scene.keys.type(key):
        case b"hash":
            for field in [QUEUE] if kind == RECORD else scene.keys.hkeys(key):
                scene.keys.hset(key, field, b"\xc1\x00")
        case b"zset":
            members = scene.keys.zrange(key, 0, -1)
            scene.keys.delete(key)
            for member in members:
                assert isinstance(member, bytes)
                scene.keys.zadd(key, {member[:3]: 1})
        case b"string":
            scene.keys.set(key, b"\xc1\x00")
        case _:
            scene.keys.hset(key, "?", b"\xc1\x00")


Damage = Callable[[Scene, str], None]
every_damage = pytest.mark.parametrize("damage", [wrong_type, missing, garbage])

S = TypeVar("S", bound=Scene)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where scenes are set: a store, its clock, and its Redis."""

    store: QueueStore
    clock: ManualClock
    keys: Redis

    async def set(self, scenery: Callable[[QueueStore, ManualClock, Redis], Awaitable[S]]) -> S:
        """Return a scene on an empty Redis."""
        self.keys.flushdb()
        return await scenery(self.store, self.clock, self.keys)
