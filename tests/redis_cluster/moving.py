"""The model check on a cluster whose slots move, between steps and during them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import rule
from model.emptying import nothing_is_left_for_good

from sharq_plug import plugins
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.model_check import StoreMachine, model_check
from sharq_plug.testing.model_check.drawn_steps import steps
from sharq_plug.testing.model_check.steps import Step
from sharq_plug.testing.model_check.walk import TYPES
from sharq_redis.routing.slots import slot_of
from support.redis_cluster import RedisCluster, ask
from support.redis_keys import tag

AT_ONCE = -1
"""Instead of a number of keys: all of them, by atomic migration."""


@dataclass(frozen=True, slots=True)
class Move:
    """The slot of a type moves to another server. `to` counts the servers from the one that has it.

    `before` keys have moved when the step begins; the others move during the step. With AT_ONCE all
    keys do.
    """

    queue_type: str
    to: int
    before: int


class Mover:
    """Move the slots of the types of a walk, and put them back."""

    def __init__(self, cluster: RedisCluster) -> None:
        self._cluster = cluster
        self._homes = {name: cluster.of_type(name) for name in TYPES}

    def go_home(self) -> None:
        """Remove every key, and move each type to the server that had it at the beginning."""
        self._cluster.flush()
        for name, home in self._homes.items():
            slot = slot_of(tag(name))
            for server in self._cluster.primaries:  # a sequence that failed may have left a move
                ask(server, "CLUSTER", "SETSLOT", slot, "STABLE")
            self._cluster.assign(slot, home)

    def move(self, move: Move) -> Iterator[None]:
        """Move a slot, in two parts; the first ends where the step begins."""
        cluster, slot = self._cluster, slot_of(tag(move.queue_type))
        source = cluster.holder(slot)
        at = cluster.primaries.index(source) + move.to
        target = cluster.primaries[at % len(cluster.primaries)]
        if move.before == AT_ONCE:
            yield
            cluster.move_atomically(slot, target)
        else:
            cluster.begin_move(slot, target)
            cluster.move_keys(slot, source, target, at_most=move.before)
            yield
            cluster.move_keys(slot, source, target)
            cluster.end_move(slot, source, target)
            cluster.await_owner(slot, target)


def moving_check(cluster: RedisCluster) -> type[StoreMachine]:
    """Return a machine that compares the store with the memory store while slots move."""
    mover = Mover(cluster)
    moves = st.builds(
        Move,
        st.sampled_from(TYPES),
        st.integers(1, 2),
        st.sampled_from([*[0, 1, 2, 4, 8] * 2, *([AT_ONCE] if cluster.moves_atomically else [])]),
    )

    def open_on_nothing(clock: ManualClock) -> QueueStore:
        mover.go_home()
        return plugins.open_store("redis", cluster.options, clock=clock)

    def when_emptied() -> None:
        for server in cluster.primaries:
            nothing_is_left_for_good(server.client())

    base = model_check(open_on_nothing, when_emptied=when_emptied)

    class MovingCheck(base):  # type: ignore[misc,valid-type]  # it is made by a function
        @rule(step=steps, move=moves)
        def take_while_a_slot_moves(self, step: Step, move: Move) -> None:
            """Take one step of the walk, in the middle of a move."""
            self._run(self._take_during(step, mover.move(move)))

        async def _take_during(self, step: Step, moving: Iterator[None]) -> None:
            next(moving)
            taking = asyncio.create_task(step.take(self._walk))
            try:
                await asyncio.to_thread(list, moving)
            finally:
                await taking

    return MovingCheck
