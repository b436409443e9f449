"""The measurement of slots that move."""

from pathlib import Path

import pytest

from benchmarks.slot_moves import ATOMIC, PARTS, fill, longest_gap, see
from sharq_plug.plugins import open_store
from support.redis_cluster import RedisCluster

pytestmark = pytest.mark.anyio

JOBS = 300


def test_the_longest_time_between_two_answers() -> None:
    assert longest_gap([1.0, 1.5, 4.0, 4.25]) == 2.5


async def test_a_type_is_moved_while_it_and_others_are_called(tmp_path: Path) -> None:
    with RedisCluster(tmp_path) as cluster:
        async with open_store("redis", cluster.options) as store:
            await fill(store, "moves", JOBS, queues=JOBS)
            waiting = JOBS
            for way in (10, ATOMIC) if cluster.moves_atomically else (10,):
                before = cluster.of_type("moves")
                seen = await see(cluster, store, "moves", way)
                assert cluster.of_type("moves") is not before
                assert seen.keys > JOBS
                assert seen.gap > 0
                assert seen.refused == 0
                assert len(seen.others) == len(PARTS)
                waiting += seen.answered
                found = (await store.look("moves")).type
                assert found is not None
                assert found.waiting == waiting
