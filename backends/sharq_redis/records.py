"""Read how many jobs wait from the beginning of a queue's record (lua/lib/records.lua).

A walk over all queues of a type needs only this for most of them. So it costs Redis only the scan.
"""

NARROW = frozenset((16, 17, 20, 21))
"""First bytes of records without a tail. The number of waiting jobs follows: here in one byte, in
WIDE in four."""
WIDE = frozenset((24, 25))
WAITING_NARROW, WAITING_WIDE = slice(1, 2), slice(1, 5)
SHORTEST = 23
"""The length of the shortest record in bytes."""


def waiting_in(record: bytes) -> int | None:
    """Return how many jobs wait in a queue that exists, None if the record alone does not say it.

    A queue whose record has a tail may have due jobs, or may not exist.
    """
    if len(record) < SHORTEST:
        return None
    if record[0] in NARROW:
        return int.from_bytes(record[WAITING_NARROW], "big")
    return int.from_bytes(record[WAITING_WIDE], "big") if record[0] in WIDE else None
