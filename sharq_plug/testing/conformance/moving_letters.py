"""Ranges of dead letters: redriven or discarded, the oldest first, in steps that resume."""

from collections.abc import Awaitable, Callable

import pytest

from sharq_plug.model import MAX_INTEGER, LettersMoved
from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import (
    discard_range,
    let_each_die,
    numbers,
    redrive_range,
)
from sharq_plug.testing.conformance.vocabulary import (
    by_state,
    enqueue,
    fail_job,
    finish_job,
    job_order,
    listed,
    take,
)

Move = Callable[..., Awaitable[LettersMoved]]
both_ways = pytest.mark.parametrize("move", [redrive_range, discard_range])


async def steps_of(move: Move, store: QueueStore, **how: int | str | None) -> list[LettersMoved]:
    """Move a range of letters step by step, to its end."""
    steps = [await move(store, **how)]
    while (after := steps[-1].after) is not None:
        assert after > int(how.get("after") or 0)
        how["after"] = after
        steps.append(await move(store, **how))
    return steps


class LetterRangeConformance(Conformance):
    """A range is moved lowest number first, at most `limit` letters in a step."""

    @both_ways
    async def test_without_letters_none_is_moved(self, store: QueueStore, move: Move) -> None:
        assert await move(store) == await move(store, "q") == LettersMoved(0)
        await enqueue(store, "q", "j")
        assert await move(store) == await move(store, "q") == LettersMoved(0)
        assert await by_state(store, "q") == (1, 0, 0, 0)

    @both_ways
    async def test_the_letters_of_a_type_are_moved(self, store: QueueStore, move: Move) -> None:
        await let_each_die(store, "a", "j1", "j2")
        await let_each_die(store, "b", "j1")
        assert await move(store) == LettersMoved(3)
        assert await numbers(store) == []

    @both_ways
    async def test_the_letters_of_one_queue_are_moved(self, store: QueueStore, move: Move) -> None:
        for queue_id in ("a", "b", "a", "b"):
            await let_each_die(store, queue_id, f"j{len(await numbers(store))}")
        assert await move(store, "a") == LettersMoved(2)
        assert await numbers(store) == await numbers(store, "b") == [2, 4]

    @both_ways
    async def test_only_letters_behind_the_number_are_moved(
        self, store: QueueStore, move: Move
    ) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(5)))
        assert await move(store, after=3) == LettersMoved(2)
        assert await numbers(store) == [1, 2, 3]
        assert await move(store, after=3) == await move(store, after=MAX_INTEGER) == LettersMoved(0)

    @both_ways
    async def test_a_step_moves_the_oldest_and_says_where_it_ended(
        self, store: QueueStore, move: Move
    ) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(5)))
        assert await move(store, limit=2) == LettersMoved(2, after=2)
        assert await numbers(store) == [3, 4, 5]
        assert await move(store, after=2, limit=2) == LettersMoved(2, after=4)
        assert await move(store, after=4, limit=2) == LettersMoved(1)
        assert await numbers(store) == []

    @both_ways
    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 6, 7])
    async def test_the_step_that_moves_the_last_one_is_the_last(
        self, store: QueueStore, move: Move, limit: int
    ) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(6)))
        steps = await steps_of(move, store, limit=limit)
        assert len(steps) == -(-6 // limit)
        assert sum(step.count for step in steps) == 6

    @both_ways
    async def test_letters_of_other_queues_do_not_make_more_steps(
        self, store: QueueStore, move: Move
    ) -> None:
        for queue_id in ("b", "a", "b", "b", "a", "b"):
            await let_each_die(store, queue_id, f"j{len(await numbers(store))}")
        assert await move(store, "a", limit=1) == LettersMoved(1, after=2)
        assert await move(store, "a", after=2, limit=1) == LettersMoved(1)
        assert await numbers(store) == [1, 3, 4, 6]

    @both_ways
    async def test_many_letters_are_moved_in_steps(self, store: QueueStore, move: Move) -> None:
        for queue_id in ("a", "b"):
            await let_each_die(store, queue_id, *(f"j{n}" for n in range(600)))
        steps = await steps_of(move, store, limit=250)
        assert [step.count for step in steps] == [250, 250, 250, 250, 200]
        assert await numbers(store) == []

    @both_ways
    async def test_new_letters_are_moved_last(self, store: QueueStore, move: Move) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await let_each_die(store, "p", "j")
        assert await move(store, "q", limit=1) == LettersMoved(1, after=1)
        await enqueue(store, "q", "new", priority=9)
        await fail_job(store, await take(store), dead=True)
        assert [letter for letter in await numbers(store, "q") if letter > 1] == [2, 4]
        assert await move(store, "q", after=1) == LettersMoved(2)

    @both_ways
    async def test_letters_that_are_gone_meanwhile_are_skipped(
        self, store: QueueStore, move: Move
    ) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(6)))
        assert await move(store, limit=2) == LettersMoved(2, after=2)
        assert await discard_range(store, after=2, limit=2) == LettersMoved(2, after=4)
        assert await move(store, after=2) == LettersMoved(2)


class RedrivenRangeConformance(Conformance):
    """A redrive of a range: its order, and letters whose ids live."""

    async def test_the_oldest_goes_first(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "c", "a", "b")
        await redrive_range(store)
        assert await job_order(store, 3) == ["c", "a", "b"]

    async def test_ids_that_live_stay_dead_and_are_counted(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2", "j3", "j4")
        await enqueue(store, "q", "j1", "j3", delay=1000)
        assert await redrive_range(store) == LettersMoved(2, duplicates=2)
        assert await numbers(store) == [1, 3]
        assert await by_state(store, "q") == (2, 2, 0, 2)

    async def test_duplicates_count_towards_the_limit_and_are_passed(
        self, store: QueueStore
    ) -> None:
        await let_each_die(store, "q", *(f"j{n}" for n in range(5)))
        await enqueue(store, "q", "j0", "j1", "j2", delay=1000)
        assert await steps_of(redrive_range, store, limit=2) == [
            LettersMoved(0, duplicates=2, after=2),
            LettersMoved(1, duplicates=1, after=4),
            LettersMoved(1),
        ]

    async def test_of_two_letters_of_a_job_the_older_is_redriven(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j", error="older")
        await let_each_die(store, "q", "j", error="newer")
        assert await redrive_range(store, "q") == LettersMoved(1, duplicates=1)
        assert await numbers(store) == [2]
        await finish_job(store, await take(store))
        assert await redrive_range(store, "q") == LettersMoved(1)

    async def test_a_job_of_another_queue_is_no_duplicate(self, store: QueueStore) -> None:
        await let_each_die(store, "a", "j")
        await enqueue(store, "b", "j")
        assert await redrive_range(store, "a") == LettersMoved(1)
        assert await listed(store) == {"a", "b"}

    async def test_jobs_that_die_again_get_numbers_behind_the_step(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2", "j3")
        assert await redrive_range(store, limit=2) == LettersMoved(2, after=2)
        await fail_job(store, await take(store), dead=True)
        assert await numbers(store) == [3, 4]
        assert await redrive_range(store, after=2) == LettersMoved(2)


class DiscardedRangeConformance(Conformance):
    """A discard of a range does not care whether a job of the id lives."""

    async def test_letters_of_ids_that_live_are_discarded_too(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await enqueue(store, "q", "j1", "j2")
        assert await discard_range(store) == LettersMoved(2)
        assert await by_state(store, "q") == (2, 0, 0, 0)

    async def test_all_letters_of_a_job_are_discarded(self, store: QueueStore) -> None:
        for error in ("first", "second", "third"):
            await let_each_die(store, "q", "j", error=error)
        assert await discard_range(store) == LettersMoved(3)
        assert await by_state(store, "q") == (0, 0, 0, 0)
