"""The simulation of a billion queues."""

import pytest

from benchmarks.balance import PREFIX, even_slots, owner_of, owners_of_buckets
from benchmarks.billion import Spread, balance_rows, memory_rows, outcome, packed, spread, zipf
from sharq_redis.buckets import BUCKETS


def test_the_nth_type_has_an_nth_of_what_the_first_has() -> None:
    parts = zipf(4, 1.0)
    assert sum(parts) == pytest.approx(1)
    assert [parts[0] / part for part in parts] == pytest.approx([1, 2, 3, 4])
    assert zipf(4, 0.0) == [0.25] * 4


def test_a_spread_holds_everything_and_depends_on_its_seed_alone() -> None:
    fallen = spread(1000, 1.0, seed=1)
    assert sum(fallen.types) == 1000
    assert sum(fallen.queues) == pytest.approx(1)
    assert sum(fallen.load) == pytest.approx(1)
    assert fallen.queues != fallen.load
    assert spread(1000, 1.0, seed=1) == fallen != spread(1000, 1.0, seed=2)


def test_a_type_alone_is_all_on_one_primary_and_lost_with_it() -> None:
    seen = outcome(spread(1, 1.0, seed=1), 4)
    assert (seen.queues, seen.load, seen.packed) == (4, 4, 4)
    assert (seen.lost_types, seen.lost_queues, seen.lost_load) == (1, 1, 1)


def test_equal_buckets_lie_as_even_as_their_slots() -> None:
    each = [1 / BUCKETS] * BUCKETS
    seen = outcome(Spread([1] * BUCKETS, each, each), 3)
    assert seen.load == pytest.approx(93 / (BUCKETS / 3))
    assert seen.packed == pytest.approx(86 / (BUCKETS / 3))


def test_packing_gives_the_busiest_bucket_left_to_the_least_busy_primary() -> None:
    assert packed([5, 1, 4, 3], 2) == [0, 0, 1, 1]


def test_buckets_are_where_their_types_are() -> None:
    ranges = even_slots(5)
    assert {*owners_of_buckets(ranges)} == {owner_of(f"t{n}", ranges) for n in range(100)}
    assert owners_of_buckets(ranges, PREFIX) != owners_of_buckets(ranges, "another")


def test_the_tables_are_whole() -> None:
    for rows in ([*balance_rows(1, (10, 100))], [*memory_rows(1, types=100)]):
        assert len({row.count("|") for row in rows}) == 1
        assert len(rows) > 2
