"""Names of the keys that the Redis backend writes, worked out on their own."""

import zlib

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
