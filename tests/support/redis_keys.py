"""Names of the keys that the Redis backend writes, worked out on their own."""

import zlib
from typing import cast

from redis import Redis

BUCKETS = 256


def tag(queue_type: str, key_prefix: str = "sharq_server") -> str:
    """Return what every key of a type begins with: the hash tag of its bucket."""
    return tag_of(zlib.crc32(queue_type.encode()) % BUCKETS, key_prefix)


def tag_of(bucket: int, key_prefix: str = "sharq_server") -> str:
    """Return the hash tag of a bucket."""
    return "{" + f"{key_prefix}:{bucket:03}" + "}"


def channel(queue_type: str, db: int = 0) -> bytes:
    """Return the channel on which wake-ups for a type are announced."""
    return f"{tag(queue_type)}/wake/{db}/{queue_type}".encode()


def contents(keys: Redis, key: str | bytes) -> object:
    """Return what a key holds, in a form that only a write changes.

    DUMP alone would not do: Redis moves the fields of a large hash as it grows its table,
    and a read moves them too.
    """
    return keys.hgetall(key) if keys.type(key) == b"hash" else keys.dump(key)


def calls(keys: Redis) -> dict[str, int]:
    """Return how often each command was called since the counts were reset."""
    stats = cast(dict[str, dict[str, int]], keys.info("commandstats"))
    counts = {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()}
    return {name: count for name, count in counts.items() if not name.startswith("config")}
