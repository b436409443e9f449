"""Queues with jobs in every state, for what is said of all states at once."""

from collections.abc import Set
from itertools import combinations
from typing import Final

import pytest

from sharq_plug.model import LIVING, Cleared, Deduplicate, Delivery, JobState
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.operating import let_each_die
from sharq_plug.testing.conformance.vocabulary import TYPE, enqueue, take_batch

IDS: Final = {
    JobState.WAITING: ("w1", "w2", "due"),
    JobState.DELAYED: ("later1", "later2", "later3", "later4"),
    JobState.LEASED: ("l1", "l2"),
    JobState.DEAD: ("d1",),
}
"""The jobs of a queue that is filled."""
KEPT = 10**6

EVERY_SET: Final = [
    frozenset(states) for size in range(5) for states in combinations(JobState, size)
]


def name_of(states: Set[JobState]) -> str:
    """Return the name of a set of states."""
    return ",".join(sorted(state.value for state in states)) or "none"


every_state = pytest.mark.parametrize("state", JobState, ids=lambda state: state.value)
every_set = pytest.mark.parametrize("states", EVERY_SET, ids=name_of)
every_set_in_steps = pytest.mark.parametrize(
    "states", [states for states in EVERY_SET if not states >= LIVING], ids=name_of
)
"""The sets of states whose jobs are cleared in steps."""


async def fill(
    store: QueueStore, clock: ManualClock, *queue_ids: str, queue_type: str = TYPE
) -> list[Delivery]:
    """Give queues of an empty type the jobs of IDS; "due" is due, and has not joined.

    Each has a deduplication key, its id. Return the leases.
    """
    for queue_id in queue_ids:
        await let_each_die(store, queue_id, *IDS[JobState.DEAD], queue_type=queue_type)
    for queue_id in queue_ids:
        await _enqueue_keyed(store, queue_id, *IDS[JobState.LEASED], queue_type=queue_type)
    leased = await take_batch(store, 2 * len(queue_ids), queue_type=queue_type)
    for queue_id in queue_ids:
        await _enqueue_keyed(store, queue_id, "w1", "w2", queue_type=queue_type)
        await _enqueue_keyed(store, queue_id, "due", delay=10, queue_type=queue_type)
        later = IDS[JobState.DELAYED]
        await _enqueue_keyed(store, queue_id, *later, delay=1000, queue_type=queue_type)
    clock.advance(10)
    return leased


async def _enqueue_keyed(
    store: QueueStore, queue_id: str, *job_ids: str, queue_type: str, delay: int = 0
) -> None:
    for job_id in job_ids:
        key = Deduplicate(job_id, KEPT)
        await enqueue(store, queue_id, job_id, queue_type=queue_type, delay=delay, deduplicate=key)


def cleared_of(states: Set[JobState], *, queues: int = 1) -> Cleared:
    """Return what a clearing of these states removes from queues that were filled."""
    count = {state: queues * len(IDS[state]) if state in states else 0 for state in JobState}
    return Cleared(
        waiting=count[JobState.WAITING],
        leased=count[JobState.LEASED],
        dead=count[JobState.DEAD],
        delayed=count[JobState.DELAYED],
    )


def left_by(states: Set[JobState], *, queues: int = 1) -> tuple[int, int, int, int]:
    """Return how many wait, are delayed, leased and dead after a clearing of these states."""
    left = {state: 0 if state in states else queues * len(IDS[state]) for state in JobState}
    return (
        left[JobState.WAITING],
        left[JobState.DELAYED],
        left[JobState.LEASED],
        left[JobState.DEAD],
    )
