"""A billion queues on a cluster, simulated: the balance, and what a lost primary takes along.

`python -m benchmarks.billion` prints the tables of docs/scale.md. No server runs. Types with random
names fall into their real buckets, and these into their real slots.

How many queues a type has, and how many jobs a second it does, each follow Zipf's law with the
exponent `skew`: the n-th type has 1/n^skew of what the first has; 0 makes all equal. The two orders
are independent, so the type with most queues is seldom the busiest. The slots are shared out
evenly, as `redis-cli --cluster create` does, or bucket by bucket: the busiest that is left goes to
the primary with the least load (*packed*). Figures are medians over 20 seeds.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from random import Random

from benchmarks.balance import PREFIX, even_slots, over_mean, owners_of_buckets
from sharq_redis.buckets import BUCKETS, Buckets

QUEUES = 10**9
BYTES = {1: 494, 10: 3237}
"""Of a queue by how many jobs wait in it, as benchmarks.queue_bytes measures on Redis 7.0.15."""
SEEDS = 20
SKEWS = (0.0, 0.7, 1.0)
TYPES = (100, 1000, 10_000, 100_000)
PRIMARIES = (3, 12, 64)
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Spread:
    """The types, and the parts of all queues and of all load, that fell into each bucket."""

    types: Sequence[int]
    queues: Sequence[float]
    load: Sequence[float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a spread lies on primaries; parts of the whole, and the fullest over the mean."""

    queues: float
    load: float
    packed: float
    lost_types: float
    lost_queues: float
    lost_load: float

    @property
    def lost(self) -> tuple[float, float, float]:
        """What the fullest primary has: of types, queues and load."""
        return self.lost_types, self.lost_queues, self.lost_load


def zipf(count: int, skew: float) -> list[float]:
    """Return the parts of a whole that so many have, the largest first."""
    weights = [1 / rank**skew for rank in range(1, count + 1)]
    whole = sum(weights)
    return [weight / whole for weight in weights]


def spread(types: int, skew: float, seed: int) -> Spread:
    """Let types with random names fall into their buckets."""
    random = Random(seed)
    buckets = Buckets(PREFIX, db=0)
    numbers = {bucket.tag: number for number, bucket in enumerate(buckets.all)}
    parts = zipf(types, skew)
    order = random.sample(range(types), types)
    fallen, queues, load = [0] * BUCKETS, [0.0] * BUCKETS, [0.0] * BUCKETS
    for part, rank in zip(parts, order, strict=True):
        number = numbers[buckets.of(f"type-{random.getrandbits(64):016x}").tag]
        fallen[number] += 1
        queues[number] += part
        load[number] += parts[rank]
    return Spread(fallen, queues, load)


def outcome(fallen: Spread, primaries: int) -> Outcome:
    """Lay a spread on primaries with as many slots each."""
    owners = owners_of_buckets(even_slots(primaries))
    types, queues, load = (
        _on_primaries(parts, owners, primaries)
        for parts in (fallen.types, fallen.queues, fallen.load)
    )
    return Outcome(
        queues=over_mean(queues),
        load=over_mean(load),
        packed=over_mean(_on_primaries(fallen.load, packed(fallen.load, primaries), primaries)),
        lost_types=max(types) / sum(types),
        lost_queues=max(queues),
        lost_load=max(load),
    )


def packed(load: Sequence[float], primaries: int) -> list[int]:
    """Return the primary of each bucket: the busiest that is left goes to the least busy one."""
    owners, busy = [0] * len(load), [0.0] * primaries
    for number in sorted(range(len(load)), key=lambda number: -load[number]):
        owner = min(range(primaries), key=busy.__getitem__)
        owners[number] = owner
        busy[owner] += load[number]
    return owners


def _on_primaries(parts: Sequence[float], owners: Sequence[int], primaries: int) -> list[float]:
    whole = [0.0] * primaries
    for part, owner in zip(parts, owners, strict=True):
        whole[owner] += part
    return whole


def balance_rows(seeds: int, sizes: Sequence[int] = TYPES) -> Iterator[str]:
    """Yield the table of balance and loss, in Markdown."""
    numbers = [f"{primaries} primaries" for primaries in PRIMARIES]
    loads = (f"load, {number}" for number in numbers)
    lost = (f"lost, {number}" for number in numbers)
    columns = ["types", "skew", "largest type", "fullest bucket", *loads, *lost]
    yield f"| {' | '.join(columns)} |"
    yield "| --: " * len(columns) + "|"
    for skew in SKEWS:
        for types in sizes:
            fallen = [spread(types, skew, seed) for seed in range(seeds)]
            bucket = statistics.median(over_mean(one.load) for one in fallen)
            seen = [_median([outcome(one, number) for one in fallen]) for number in PRIMARIES]
            cells = [
                f"{types:,}".replace(",", " "),
                f"{skew:g}",
                f"{_percent(zipf(types, skew)[0])} %",
                f"{bucket:.1f}",
                *(f"{one.load:.2f} → {one.packed:.2f}" for one in seen),
                *(", ".join(map(_percent, one.lost)) + " %" for one in seen),
            ]
            yield f"| {' | '.join(cells)} |"


def memory_rows(seeds: int, types: int = 10_000) -> Iterator[str]:
    """Yield the table of memory for a billion queues, in Markdown."""
    skews = [skew for skew in SKEWS if skew]
    yield (
        "| waiting jobs in each queue | primaries | GiB in total | each, if even |"
        + "".join(f" fullest, skew {skew:g} |" for skew in skews)
    )
    yield "| --: " * (4 + len(skews)) + "|"
    spreads = [[spread(types, skew, seed) for seed in range(seeds)] for skew in skews]
    for jobs, each in BYTES.items():
        whole = QUEUES * each / GIB
        for primaries in PRIMARIES:
            even = whole / primaries
            over = (_median([outcome(one, primaries) for one in fallen]) for fallen in spreads)
            fullest = (even * one.queues for one in over)
            cells = (f"{gib:,.0f}".replace(",", " ") for gib in (whole, even, *fullest))
            yield f"| {jobs} | {primaries} | {' | '.join(cells)} |"


def _median(seen: Sequence[Outcome]) -> Outcome:
    """Return the median of each figure."""
    return Outcome(*map(statistics.median, zip(*map(astuple, seen), strict=True)))


def _percent(part: float) -> str:
    return f"{100 * part:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = parser.parse_args().seeds
    for lines in (balance_rows(seeds), memory_rows(seeds)):
        sys.stdout.write("\n".join([*lines, "", ""]))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
