"""A primary is killed, freezes, or is cut off, and its replica takes over by itself."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from faults.replicated import Replicated
from faults.run import Run, Scenario
from support.redis_server import RedisServer
from support.standstill import standstill
from support.waiting import until

ELECTION = 30.0
"""Seconds in which a replica is promoted, on a busy machine."""
LONG = 4000
"""ms of silence after which a primary is taken for dead that is cut off."""

Trouble: TypeAlias = Callable[[Run[Replicated], RedisServer], AbstractContextManager[None]]


@contextmanager
def killed(run: Run[Replicated], primary: RedisServer) -> Iterator[None]:
    """Kill it."""
    primary.stop()
    yield


@contextmanager
def lost_with_its_machine(run: Run[Replicated], primary: RedisServer) -> Iterator[None]:
    """Let what it sends its replica be late, and kill it with all that is still under way.

    What a process has sent arrives though it is killed.
    """
    with run.house.lagging(primary):
        run.pause(0.2, 0.6)
        with run.house.cut_off(primary):
            primary.stop()
            yield


@contextmanager
def frozen(run: Run[Replicated], primary: RedisServer) -> Iterator[None]:
    """Stop it, and let it go on some time after its replica has taken over."""
    with standstill(primary.pid):
        yield
        run.pause(0, 0.5)


@contextmanager
def cut_off(run: Run[Replicated], primary: RedisServer) -> Iterator[None]:
    """Let only servers reach it, until some time after its replica has taken over."""
    with run.house.cut_off(primary):
        yield
        run.pause(0, 0.5)


def fail_over(
    trouble: Trouble, *, patience: int, min_replicas: int = 0
) -> Callable[[Run[Replicated]], None]:
    """Bring the run's primary into trouble until another has taken its place.

    With `min_replicas` the other accepts writes only when the former is its replica.
    """

    def inflict(run: Run[Replicated]) -> None:
        house, queue_type = run.house, run.queue_type
        house.arrange(min_replicas=min_replicas, patience=patience)
        former = house.primary_of(queue_type)
        with run.outage():
            run.pause(0.2, 0.6)
            with trouble(run, former):
                until(lambda: house.is_replaced(former, queue_type), within=ELECTION)
            if min_replicas:
                house.rejoin(former, queue_type)
        house.rejoin(former, queue_type)

    return inflict


def failovers(where: str, *, patience: int) -> tuple[Scenario[Replicated], ...]:
    """Return the failovers of a kind of house, each without and with min-replicas-to-write.

    A primary is taken for dead after `patience` ms of silence.
    """
    return tuple(
        Scenario(
            f"{where}: {name}{', min-replicas-to-write 1' if min_replicas else ''}",
            fail_over(trouble, patience=silence, min_replicas=min_replicas),
            duration=5 if trouble is cut_off else 2.5,
            may_lose=True,
            replicas=1,
        )
        for name, trouble, silence in (
            ("primary killed", killed, patience),
            ("machine lost, replica 0.1 s behind", lost_with_its_machine, patience),
            ("primary frozen", frozen, patience),
            ("primary cut off for 4 s", cut_off, LONG),
        )
        for min_replicas in (0, 1)
    )
