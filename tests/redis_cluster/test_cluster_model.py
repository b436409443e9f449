"""The store on a cluster, step by step against the memory store. `tox -e cluster` takes longer."""

from model.running import SEQUENCES, run_all
from redis_cluster.moving import moving_check

from support.redis_cluster import RedisCluster


def errors_told(cluster: RedisCluster) -> set[str]:
    """Return the codes of the errors that servers have replied with."""
    stats = [server.client().info("errorstats") for server in cluster.primaries]
    return {name.removeprefix("errorstat_") for each in stats for name in each}


def test_a_cluster_answers_every_sequence_as_memory_does_while_slots_move(
    own_cluster: RedisCluster,
) -> None:
    run_all(moving_check(own_cluster), SEQUENCES // 40)
    assert errors_told(own_cluster) >= {"MOVED", "ASK", "TRYAGAIN"}
