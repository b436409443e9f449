"""Where a queue type lives: one of 256 buckets, whose keys all hang from one hash tag."""

import zlib
from dataclasses import dataclass
from typing import Self

from sharq_plug.model import check_name

BUCKETS = 256
"""A promise: what is stored depends on it."""
MAX_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """The keys of one bucket, as lua/lib/scope.lua describes them."""

    tag: str

    @classmethod
    def numbered(cls, key_prefix: str, number: int) -> Self:
        """Return the bucket of that number."""
        return cls("{" + f"{key_prefix}:{number:03}" + "}")

    @property
    def never(self) -> str:
        """The key that never exists."""
        return f"{self.tag}/never"

    @property
    def types(self) -> str:
        """The set of the types that have a queue."""
        return f"{self.tag}/types"

    @property
    def due(self) -> str:
        """The zset of the types where there is something to tend."""
        return f"{self.tag}/due"

    @property
    def clock(self) -> str:
        """The latest instant that a pass has seen. Only the first bucket on each server has it."""
        return f"{self.tag}/clock"

    def minutes(self, minute: int) -> str:
        """Return the key of the counts of a minute, counted from the epoch."""
        return f"{self.tag}/minutes/{minute}"

    def keys_of(self, queue_type: str, db: int) -> tuple[str, str]:
        """Return the keys that every verb on a type is called with; the rest follows from them."""
        return (f"{self.never}/{db}", self.queues_of(queue_type))

    def totals_of(self, queue_type: str) -> str:
        """Return the key of the totals of a type."""
        return f"{self.tag}/totals/{queue_type}"

    def settings_of(self, queue_type: str) -> str:
        """Return the key of what is set for a type."""
        return f"{self.tag}/settings/{queue_type}"

    def line_of(self, queue_type: str) -> str:
        """Return the key of the line of a type."""
        return f"{self.tag}/line/{queue_type}"

    def letters_of(self, queue_type: str) -> str:
        """Return the key of the dead letters of a type."""
        return f"{self.tag}/letters/{queue_type}"

    def queues_of(self, queue_type: str) -> str:
        """Return the hash of the queues of a type."""
        return f"{self.tag}/queues/{queue_type}"

    def key(self, kind: str, *names: str) -> str:
        """Return any other key of a type: its kind, and the names of the type and what is in it."""
        return "/".join((self.tag, kind, *names))

    def channel_of(self, queue_type: str, db: int) -> str:
        """Return the channel of a type. All databases of a Redis share its channels."""
        return f"{self.tag}/wake/{db}/{queue_type}"


class Buckets:
    """All buckets under one key prefix, and which type lives where."""

    def __init__(self, key_prefix: str, db: int) -> None:
        self._db = db
        self.probe = Bucket("{" + f"{key_prefix}:" + "}")
        """A bucket where nothing lives: for trying out what this Redis permits."""
        self.all = tuple(Bucket.numbered(key_prefix, number) for number in range(BUCKETS))
        self._keys: dict[str, tuple[str, str]] = {}

    def of(self, queue_type: str) -> Bucket:
        """Return the bucket of a type. Raises InvalidRequest if it is no name."""
        return self.all[zlib.crc32(check_name("queue_type", queue_type).encode()) % BUCKETS]

    def keys(self, queue_type: str) -> tuple[str, str]:
        """Return the keys that verbs on a type get. Raises InvalidRequest if it is no name."""
        keys = self._keys.get(queue_type)
        if keys is None:
            if len(self._keys) >= MAX_CACHED:
                self._keys.clear()
            keys = self._keys[queue_type] = self.of(queue_type).keys_of(queue_type, self._db)
        return keys

    def keys_of_no_type(self, bucket: Bucket) -> tuple[str, str]:
        """Return keys in a bucket like those of a verb, which belong to no type."""
        return bucket.keys_of("", self._db)

    def channel_of_no_type(self, bucket: Bucket) -> str:
        """Return a channel in a bucket that belongs to no type."""
        return bucket.channel_of("", self._db)

    def channel(self, queue_type: str) -> str:
        """Return the channel of a type. Raises InvalidRequest if it is no name."""
        return self.of(queue_type).channel_of(queue_type, self._db)

    def queues(self, queue_type: str) -> str:
        """Return the hash of the queues of a type. Raises InvalidRequest if it is no name."""
        return self.keys(queue_type)[1]

    def totals(self, queue_type: str) -> str:
        """Return the hash of the totals of a type. Raises InvalidRequest if it is no name."""
        return self.of(queue_type).totals_of(queue_type)
