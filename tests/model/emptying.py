"""One Redis for many sequences: emptied before each, and nothing is left for good after it."""

from redis import Redis

from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.model_check import OpenStore

LASTING = {b"minutes", b"receipts", b"attempt", b"key", b"clock"}
"""Kinds of keys that may be left: they expire by Redis's own time, or there is one for all."""


def emptying(redis: Redis, open_store: OpenStore) -> OpenStore:
    """Return what empties Redis before it opens a store."""

    def open_on_nothing(clock: ManualClock) -> QueueStore:
        redis.flushall()
        return open_store(clock)

    return open_on_nothing


def nothing_is_left_for_good(redis: Redis) -> None:
    left = [key for key in redis.scan_iter() if key.split(b"/")[1] not in LASTING]
    assert not left
