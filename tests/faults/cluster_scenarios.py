"""The faults of a cluster, and of a primary that sentinels watch."""

from typing import Any

from faults.failovers import failovers
from faults.proxy import Wrong
from faults.replicated import ClusterHouse
from faults.run import Run, Scenario
from sharq_redis.routing.slots import slot_of
from support.redis_keys import tag
from support.redis_server import RedisServer


def move_slot(run: Run[ClusterHouse]) -> None:
    """Move the run's slot key by key to one server after another."""
    cluster = run.house.cluster
    slot = slot_of(tag(run.queue_type))
    for _ in range(2):
        run.pause(0.1, 0.4)
        source = cluster.owner(slot)
        target = run.chance.choice([one for one in cluster.primaries if one is not source])
        with run.outage():
            cluster.move(slot, target)


def move_slot_atomically(run: Run[ClusterHouse]) -> None:
    """Move the run's slot at once, in the way that Valkey 9 has; else key by key."""
    cluster = run.house.cluster
    slot = slot_of(tag(run.queue_type))
    move = cluster.move_atomically if cluster.moves_atomically else cluster.move
    for _ in range(2):
        run.pause(0.1, 0.4)
        source = cluster.owner(slot)
        target = run.chance.choice([one for one in cluster.primaries if one is not source])
        with run.outage():
            move(slot, target)


def move_slot_slowly(run: Run[ClusterHouse]) -> None:
    """Leave a slot between two servers for a while, with half of its keys at each."""
    cluster = run.house.cluster
    slot = slot_of(tag(run.queue_type))
    run.pause(0.1, 0.4)
    target = run.chance.choice([one for one in cluster.primaries if one is not cluster.owner(slot)])
    with run.outage():
        source = cluster.begin_move(slot, target)
        cluster.move_keys(slot, source, target, at_most=20)
        run.pause(0.5, 6)
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, source, target)


def add_and_remove(run: Run[ClusterHouse]) -> None:
    """Let a server join and take the run's slot, and take it back before the server leaves."""
    cluster = run.house.cluster
    slot = slot_of(tag(run.queue_type))
    run.pause(0, 0.3)
    former = cluster.owner(slot)
    with run.outage():
        joining = cluster.add(f"joins-{run.queue_type}")
        cluster.move(slot, joining)
    run.pause(0.1, 0.4)
    with run.outage():
        cluster.move(slot, former)
        cluster.remove(joining)


def cut_off(run: Run[ClusterHouse]) -> None:
    """Cut the network between the servers and the run's primary alone."""
    proxy = run.house.proxies[_primary(run).port]
    run.pause(0, 0.4)
    with run.outage():
        proxy.wrong = Wrong.HOLD_ALL
        try:
            run.pause(0.5, 5)
        finally:
            proxy.wrong = Wrong.NOTHING


def kill_and_start(run: Run[ClusterHouse]) -> None:
    """Kill the run's primary, which has no replica, and start it again."""
    primary = _primary(run)
    run.pause(0, 0.4)
    with run.outage():
        primary.stop()
        run.pause(0, 2)
        primary.start()
        run.house.cluster.await_agreement()


def _primary(run: Run[ClusterHouse]) -> RedisServer:
    return run.house.cluster.owner(slot_of(tag(run.queue_type)))


CLUSTER_SCENARIOS: tuple[Scenario[Any], ...] = (
    Scenario("cluster: slot moved key by key", move_slot),
    Scenario("cluster: slot moved atomically", move_slot_atomically),
    Scenario("cluster: slot between two servers for a while", move_slot_slowly, duration=2),
    Scenario("cluster: server joins, and leaves", add_and_remove, duration=4),
    Scenario("cluster: network cut to one server", cut_off),
    Scenario("cluster: primary killed and started", kill_and_start),
    *failovers("cluster", patience=1000),
)
# A sentinel asks once a second: with less than two it takes a new primary for dead at once.
SENTINEL_SCENARIOS = failovers("sentinels", patience=2000)
