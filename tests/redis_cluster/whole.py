"""All of the conformance kit and the model check on a cluster: `tox -e cluster`."""

import pytest
from model.emptying import nothing_is_left_for_good
from model.running import SEQUENCES, run_all

from sharq_plug import plugins
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock, OpenStore, StoreConformance
from sharq_plug.testing.model_check import model_check
from support.redis_cluster import RedisCluster


class TestRedisCluster(StoreConformance):
    @pytest.fixture
    def open_store(self, cluster: RedisCluster) -> OpenStore:
        return lambda clock: plugins.open_store("redis", cluster.options, clock=clock)


def test_a_cluster_answers_every_sequence_as_memory_does_and_keeps_every_rule(
    cluster: RedisCluster,
) -> None:
    def open_store(clock: ManualClock) -> QueueStore:
        cluster.flush()
        return plugins.open_store("redis", cluster.options, clock=clock)

    def when_emptied() -> None:
        for server in cluster.primaries:
            nothing_is_left_for_good(server.client())

    run_all(model_check(open_store, when_emptied=when_emptied), SEQUENCES // 5)
