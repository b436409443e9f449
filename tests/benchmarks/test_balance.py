"""How buckets and types lie on primaries, by arithmetic."""

from collections.abc import Callable

import pytest

from benchmarks.balance import (
    Ranges,
    buckets_on,
    even_buckets,
    even_slots,
    over_mean,
    owner_of,
    slots_of_buckets,
)
from sharq_redis.buckets import BUCKETS
from sharq_redis.routing.slots import SLOTS, slot_of
from support.redis_keys import tag


def test_redis_cli_gives_three_primaries_these_slots() -> None:
    """As `redis-cli --cluster create` of Redis 7.0 prints them."""
    assert list(even_slots(3)) == [range(5461), range(5461, 10923), range(10923, 16384)]
    assert [slots.stop for slots in even_slots(5)][:3] == [3277, 6554, 9830]


@pytest.mark.parametrize("primaries", [1, 2, 3, 7, 16, 64])
@pytest.mark.parametrize("split", [even_slots, even_buckets])
def test_every_slot_has_one_primary(split: Callable[[int], Ranges], primaries: int) -> None:
    ranges = split(primaries)
    assert [slot for slots in ranges for slot in slots] == [*range(SLOTS)]
    assert sum(buckets_on(ranges)) == BUCKETS


def test_no_two_buckets_share_a_slot() -> None:
    assert len(set(slots_of_buckets())) == BUCKETS


def test_ranges_that_are_cut_by_buckets_differ_by_one_at_most() -> None:
    for primaries in range(1, BUCKETS + 1):
        counts = buckets_on(even_buckets(primaries))
        assert max(counts) - min(counts) <= 1


def test_a_type_lives_where_its_bucket_does() -> None:
    ranges = even_slots(3)
    names = [f"type-{number}" for number in range(96)]
    assert all(slot_of(tag(name)) in ranges[owner_of(name, ranges)] for name in names)
    assert {owner_of(name, ranges) for name in names} == {0, 1, 2}


def test_the_most_over_the_mean() -> None:
    assert over_mean([1, 2, 3]) == 1.5
