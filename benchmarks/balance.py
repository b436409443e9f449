"""How evenly the 256 buckets lie on the primaries of a cluster. Arithmetic, exact.

`python -m benchmarks.balance` prints how many buckets each primary gets. With `redis-cli --cluster
create` all primaries have as many slots, but not as many buckets. `--cut N` prints ranges of slots
for N primaries that share the buckets evenly.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from sharq_redis.buckets import BUCKETS, Buckets
from sharq_redis.routing.slots import SLOTS, slot_of

PREFIX = "sharq_server"
"""The default of key_prefix."""
PRIMARIES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 64)

Ranges = Sequence[range]
"""The slots of each primary."""


def slots_of_buckets(prefix: str = PREFIX) -> list[int]:
    """Return the slot of each bucket."""
    return [slot_of(bucket.tag) for bucket in Buckets(prefix, db=0).all]


def even_slots(primaries: int) -> Ranges:
    """Return the ranges of slots that `redis-cli --cluster create` gives so many primaries.

    It adds up a fraction, and rounds where a range ends (clusterManagerCommandCreate).
    """
    each = SLOTS / primaries
    ends = [int(each * number + each - 1 + 0.5) + 1 for number in range(primaries - 1)]
    return _ranges([*ends, SLOTS])


def even_buckets(primaries: int, prefix: str = PREFIX) -> Ranges:
    """Return ranges of slots for so many primaries that share the buckets evenly."""
    slots = sorted(slots_of_buckets(prefix))
    firsts = [slots[BUCKETS * number // primaries] for number in range(1, primaries)]
    return _ranges([*firsts, SLOTS])


def buckets_on(ranges: Ranges, prefix: str = PREFIX) -> list[int]:
    """Return how many buckets each primary has."""
    owners = owners_of_buckets(ranges, prefix)
    counted = Counter(owners)
    return [counted[number] for number in range(len(ranges))]


def owners_of_buckets(ranges: Ranges, prefix: str = PREFIX) -> list[int]:
    """Return the number of the primary that has each bucket."""
    owners = [number for number, slots in enumerate(ranges) for _ in slots]
    return [owners[slot] for slot in slots_of_buckets(prefix)]


def owner_of(queue_type: str, ranges: Ranges, prefix: str = PREFIX) -> int:
    """Return the number of the primary that has a type."""
    slot = slot_of(Buckets(prefix, db=0).of(queue_type).tag)
    return next(number for number, slots in enumerate(ranges) if slot in slots)


def over_mean(counts: Sequence[float]) -> float:
    """Return the largest of some figures over their mean."""
    return max(counts) * len(counts) / sum(counts)


def _ranges(ends: Sequence[int]) -> Ranges:
    return [range(first, end) for first, end in zip([0, *ends[:-1]], ends, strict=True)]


def table(prefix: str) -> str:
    """Return the table of buckets on primaries, in Markdown."""
    lines = [
        (
            "| primaries | buckets on each, same number of slots | fullest over mean |"
            " buckets on each, ranges chosen by bucket |"
        ),
        "| --: | --- | --: | --- |",
    ]
    for primaries in PRIMARIES:
        even = buckets_on(even_slots(primaries), prefix)
        cut = buckets_on(even_buckets(primaries, prefix), prefix)
        lines.append(f"| {primaries} | {_spread(even)} | {over_mean(even):.2f} | {_spread(cut)} |")
    return "\n".join(lines)


def _spread(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low} to {high}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default=PREFIX, help="key_prefix of the server")
    parser.add_argument("--cut", type=int, metavar="N", help="print the ranges for N primaries")
    chosen = parser.parse_args()
    if chosen.cut is None:
        sys.stdout.write(table(chosen.prefix) + "\n")
        return
    for slots in even_buckets(chosen.cut, chosen.prefix):
        sys.stdout.write(f"{slots.start} {slots.stop - 1}\n")


if __name__ == "__main__":
    main()
