"""Clearing, redriving and discarding take bounded steps, and say where to go on."""

from collections.abc import Sequence

import pytest

from service.asked import QUIET
from sharq_memory.store import MemoryStore
from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    Amendment,
    AmendOutcome,
    Clear,
    Cleared,
    LetterRange,
    LetterRef,
    LettersMoved,
    Redrive,
)
from sharq_plug.service import Moved, QueueService
from sharq_plug.service.clearing import QUEUE_LIMIT, TYPE_LIMIT, TYPE_STEPS
from sharq_plug.service.letters import MOVE_LIMIT

pytestmark = pytest.mark.anyio


class ClearedStore(MemoryStore):
    """Answers `steps` steps of a clearing, each with the same counts."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps
        self.asked: list[tuple[str | None, int]] = []

    async def clear(
        self,
        queue_type: str,
        what: Clear,
        *,
        cursor: str | None = None,
        limit: int,
    ) -> Cleared:
        self.asked.append((cursor, limit))
        following = int(cursor or 0) + 1
        return Cleared(
            waiting=1,
            leased=2,
            dead=3,
            delayed=4,
            cursor=str(following) if following < self._steps else None,
        )


async def test_a_queue_is_cleared_to_its_end() -> None:
    steps = 3 * TYPE_STEPS
    store = ClearedStore(steps)
    async with QueueService(store, QUIET) as service:
        removed = await service.clearing.clear("sms", Clear("q"))
    assert removed == Cleared(waiting=steps, leased=2 * steps, dead=3 * steps, delayed=4 * steps)
    assert store.asked[:2] == [(None, QUEUE_LIMIT), ("1", QUEUE_LIMIT)]


async def test_a_type_is_cleared_in_a_bounded_number_of_steps_and_resumed() -> None:
    store = ClearedStore(TYPE_STEPS + 1)
    async with QueueService(store, QUIET) as service:
        removed = await service.clearing.clear("sms", Clear())
        assert (removed.waiting, removed.cursor) == (TYPE_STEPS, str(TYPE_STEPS))
        removed = await service.clearing.clear("sms", Clear(), cursor=removed.cursor)
    assert removed == Cleared(waiting=1, leased=2, dead=3, delayed=4)
    assert store.asked[:2] == [(None, TYPE_LIMIT), ("1", TYPE_LIMIT)]


async def test_an_invalid_type_is_not_cleared() -> None:
    store = ClearedStore(1)
    async with QueueService(store, QUIET) as service:
        with pytest.raises(InvalidRequest, match="`queue_type`"):
            await service.clearing.clear("s m s", Clear())
    assert store.asked == []


class LettersStore(MemoryStore):
    """Holds letters numbered from 1. Every third one cannot be moved."""

    def __init__(self, letters: int = 0) -> None:
        super().__init__()
        self._letters = letters
        self.asked: list[tuple[str | None, int, int]] = []
        self.amended: list[Sequence[Amendment]] = []

    async def redrive(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        self.asked.append((letters.queue_id, letters.after, limit))
        last = min(letters.after + limit, self._letters)
        seen = range(letters.after + 1, last + 1)
        left = sum(number % 3 == 0 for number in seen)
        after = last if last < self._letters else None
        return LettersMoved(len(seen) - left, duplicates=left, broken=1, after=after)

    async def amend(self, queue_type: str, changes: Sequence[Amendment]) -> list[AmendOutcome]:
        told = sum(map(len, self.amended))
        self.amended.append(changes)
        outcomes = [AmendOutcome.DONE, AmendOutcome.DUPLICATE, AmendOutcome.UNKNOWN]
        outcomes.append(AmendOutcome.BROKEN)
        return [outcomes[number % 4] for number in range(told, told + len(changes))]


@pytest.mark.parametrize("count", [1, MOVE_LIMIT, MOVE_LIMIT + 1, 900, 1000])
async def test_a_range_is_moved_in_steps_up_to_the_count(count: int) -> None:
    store = LettersStore(900)
    async with QueueService(store, QUIET) as service:
        moved = await service.redriving.oldest("sms", LetterRange("q"), count=count)
    looked_at = min(count, 900)
    steps = -(-looked_at // MOVE_LIMIT)
    assert moved == Moved(
        count=looked_at - looked_at // 3,
        duplicates=looked_at // 3,
        broken=steps,
        after=count if count < 900 else None,
    )
    assert [queue_id for queue_id, _, _ in store.asked] == ["q"] * steps
    assert [after for _, after, _ in store.asked] == [n * MOVE_LIMIT for n in range(steps)]
    assert all(limit <= MOVE_LIMIT for _, _, limit in store.asked)


async def test_a_range_is_resumed_where_it_ended() -> None:
    store = LettersStore(900)
    async with QueueService(store, QUIET) as service:
        moved = await service.redriving.oldest("sms", LetterRange(after=850), count=49)
        assert moved.after == 899
        moved = await service.redriving.oldest("sms", LetterRange(after=899), count=1)
    assert (moved.count, moved.duplicates, moved.after) == (0, 1, None)


@pytest.mark.parametrize("count", [0, -1, 1001, True])
async def test_a_bad_count_moves_nothing(count: int) -> None:
    store = LettersStore(9)
    async with QueueService(store, QUIET) as service:
        with pytest.raises(InvalidRequest, match="`count`"):
            await service.redriving.oldest("sms", LetterRange(), count=count)
        with pytest.raises(InvalidRequest, match="`queue_type`"):
            await service.redriving.oldest("s m s", LetterRange(), count=1)
        with pytest.raises(InvalidRequest, match="`queue_type`"):
            await service.redriving.named("s m s", [LetterRef(1)])
    assert (store.asked, store.amended) == ([], [])


async def test_named_letters_are_moved_in_steps() -> None:
    store = LettersStore()
    letters = [LetterRef(number) for number in range(1, 1001)]
    async with QueueService(store, QUIET) as service:
        moved = await service.redriving.named("sms", letters)
        assert await service.redriving.named("sms", []) == Moved()
    assert moved == Moved(count=250, duplicates=250, unknown=250, broken=250)
    assert [len(changes) for changes in store.amended] == [MOVE_LIMIT] * (1000 // MOVE_LIMIT)
    changes = [change for step in store.amended for change in step]
    assert changes == [Redrive(letter) for letter in letters]
