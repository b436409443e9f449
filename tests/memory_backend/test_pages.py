"""Pages of every listing, over states that random walks lead to."""

from typing import Any

import pytest
from memory_backend.walk import NOW, TYPES, VALUES, Walk, numbered_tokens

from sharq_memory.machine import Machine
from sharq_plug.model import (
    Backlogs,
    Cancel,
    Extras,
    JobEntry,
    JobRef,
    Jobs,
    JobState,
    Letters,
    Listing,
    Names,
    NewJob,
    Overdue,
    Queues,
    Take,
    Types,
)

ALL = 10_000
STEPS = 200
LISTINGS: list[tuple[str | None, Listing]] = [
    (None, Names()),
    (None, Types()),
    *((name, listing) for name in TYPES for listing in (Names(), Overdue(), Backlogs(), Letters())),
    *((name, Queues(prefix)) for name in TYPES for prefix in ("", "a", "9")),
    *((name, Letters(queue_id)) for name in TYPES for queue_id in VALUES["queue_id"]),
    *(
        (name, Jobs(queue_id, state))
        for name in TYPES
        for queue_id in VALUES["queue_id"]
        for state in JobState
    ),
]


def pages_of(
    machine: Machine, queue_type: str | None, listing: Listing, *, limit: int, now: int
) -> list[Any]:
    items, cursor = list[Any](), None
    while True:
        page = machine.page(queue_type, listing, cursor, limit, now)
        assert len(page.items) <= limit
        items += page.items
        cursor = page.cursor
        if cursor is None:
            return items


@pytest.mark.parametrize("seed", range(10))
def test_small_pages_together_show_what_a_large_one_shows(seed: int) -> None:
    walk = Walk(seed)
    walk.take_steps(STEPS)
    [machine] = walk.machines
    for queue_type, listing in LISTINGS:
        whole = machine.page(queue_type, listing, None, ALL, walk.now)
        assert whole.cursor is None
        for limit in (1, 3):
            found = pages_of(machine, queue_type, listing, limit=limit, now=walk.now)
            assert found == list(whole.items), (listing, limit)


def test_a_listing_goes_on_although_the_job_in_its_cursor_is_gone() -> None:
    machine = Machine()
    new = [NewJob("q", f"j{n}", b"x", 0) for n in range(3)]
    late = [NewJob("q", f"late{n}", b"x", 0, extras=Extras(delay=10 + n)) for n in range(3)]
    leased = [NewJob("other", f"j{n}", b"x", 0) for n in range(3)]
    machine.enqueue("t", [*new, *late, *leased], NOW)
    machine.dequeue("t", [Take(3, 1000, queues=("other",))], NOW, numbered_tokens(0))
    for queue_id, state in (
        ("q", JobState.WAITING),
        ("q", JobState.DELAYED),
        ("other", JobState.LEASED),
    ):
        jobs = Jobs(queue_id, state)
        names = [item.job_id for item in pages_of(machine, "t", jobs, limit=ALL, now=NOW)]
        cursor = machine.page("t", jobs, None, 1, NOW).cursor
        machine.amend("t", [Cancel(JobRef(queue_id, names[0]), leased=True)], NOW)
        rest = machine.page("t", jobs, cursor, ALL, NOW).items
        assert [item.job_id for item in rest if isinstance(item, JobEntry)] == names[1:]
        assert len(names) == 3


def test_a_page_of_jobs_ends_early_only_where_their_payloads_are_shown() -> None:
    machine = Machine()
    payload = bytes(3 * 1024 * 1024)
    for n in range(4):
        machine.enqueue("t", [NewJob("q", f"j{n}", payload, 0)], NOW)
    plain, shown = (Jobs("q", JobState.WAITING, with_payloads=so) for so in (False, True))
    assert len(machine.page("t", plain, None, 10, NOW).items) == 4
    page = machine.page("t", shown, None, 10, NOW)
    assert len(page.items) == 2
    assert len(machine.page("t", shown, page.cursor, 10, NOW).items) == 2
