"""Places in line against a plain sorted list."""

import random
from bisect import insort
from itertools import islice

import pytest

from sharq_memory.places import CHUNK, Places
from sharq_memory.queue import Queue

QUEUE = Queue("q")


@pytest.mark.parametrize("seed", range(20))
def test_places_stay_in_their_order_however_they_come_and_go(seed: int) -> None:
    chance = random.Random(seed)
    places, expected = Places(), list[tuple[int, int, Queue]]()
    leaving = chance.choice([0.3, 0.5, 0.6])
    for number in range(4 * CHUNK):
        place = (number // 10 + chance.choice([5, 5, 5, 0, 10]), number, QUEUE)
        chance.choice([places.append, places.append, places.add])(place)
        insort(expected, place, key=lambda place: place[:2])
        while expected and chance.random() < leaving:
            at = chance.choice([0, 0, chance.randrange(len(expected))])
            places.remove(*expected.pop(at))
        assert places.first() == (expected[0] if expected else None)
        if number % 100 == 0:
            start = (chance.randrange(number // 10 + 1), 0)
            assert list(places) == expected
            assert len(places) == len(expected)
            behind = [place for place in expected if place[:2] >= start]
            assert list(islice(places.starting_at(start), 5)) == behind[:5]
            assert places.rank(start) == len(expected) - len(behind)


def test_many_that_leave_from_between_leave_no_slots_behind() -> None:
    places = Places()
    for number in range(10 * CHUNK):
        places.append((0, number, QUEUE))
    for number in range(1, 10 * CHUNK):
        places.remove(0, number, QUEUE)
    assert list(places) == [(0, 0, QUEUE)]
    assert (len(places._first), places._chunks) == (1, [])
