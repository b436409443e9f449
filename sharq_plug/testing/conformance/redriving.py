"""Redrive: a dead letter becomes a job again, and its key stays as it was."""

import pytest

from sharq_plug.model import (
    MAX_INTEGER,
    AmendOutcome,
    Deduplicate,
    EnqueueOutcome,
    EnqueueResult,
    JobRef,
    JobState,
    LetterRef,
    Redrive,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel_job, seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import (
    DONE,
    UNKNOWN,
    amend,
    let_each_die,
    letters,
    numbers,
    redrive,
    redrive_job,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    enqueue,
    finish_job,
    job_order,
    listed,
    new_job,
    offer,
    take,
    take_in_turn,
)

DUPLICATE = AmendOutcome.DUPLICATE


class RedriveConformance(Conformance):
    """A redrive moves one letter, or says why not."""

    async def test_a_letter_is_redriven_by_its_number(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        assert await amend(store, Redrive(LetterRef(2))) is DONE
        assert await by_state(store, "q") == (1, 0, 0, 1)
        assert await job_order(store, 1) == ["j2"]

    async def test_a_letter_is_redriven_by_its_number_and_queue(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        assert await amend(store, Redrive(LetterRef(1, "q"))) is DONE
        assert await job_order(store, 1) == ["j1"]

    async def test_a_letter_of_another_queue_is_unknown(self, store: QueueStore) -> None:
        await let_each_die(store, "a", "j")
        await let_each_die(store, "b", "j")
        assert await amend(store, Redrive(LetterRef(1, "b"))) is UNKNOWN
        assert await numbers(store) == [1, 2]

    async def test_a_letter_of_another_type_is_unknown(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        assert await amend(store, Redrive(LetterRef(1)), queue_type="other") is UNKNOWN
        assert await by_state(store, "q", queue_type="other") == (0, 0, 0, 0)

    async def test_a_missing_letter_is_unknown(self, store: QueueStore) -> None:
        for ref in (LetterRef(1), LetterRef(MAX_INTEGER), JobRef("q", "j")):
            assert await amend(store, Redrive(ref)) is UNKNOWN
        assert await listed(store, None) == set()

    async def test_a_letter_is_redriven_once(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        changes = [Redrive(LetterRef(1)), Redrive(LetterRef(1)), Redrive(JobRef("q", "j"))]
        assert await store.amend(TYPE, changes) == [DONE, UNKNOWN, UNKNOWN]
        assert await by_state(store, "q") == (1, 0, 0, 0)
        assert await letters(store) == []

    async def test_by_its_job_the_newest_letter_is_redriven(self, store: QueueStore) -> None:
        for error in ("first", "second", "third"):
            await let_each_die(store, "q", "j", error=error)
        await redrive_job(store, "q", "j")
        assert await numbers(store) == [1, 2]

    async def test_by_its_number_an_older_letter_is_redriven(self, store: QueueStore) -> None:
        for error in ("first", "second", "third"):
            await let_each_die(store, "q", "j", error=error)
        await redrive(store, 2)
        assert await numbers(store) == [1, 3]
        await finish_job(store, await take(store))
        assert (await seen(store, "q", "j")).last_error == "third"

    @pytest.mark.parametrize("state", [JobState.WAITING, JobState.DELAYED, JobState.LEASED])
    async def test_a_letter_whose_id_lives_is_a_duplicate(
        self, store: QueueStore, state: JobState
    ) -> None:
        await let_each_die(store, "q", "j")
        await enqueue(store, "q", "j", delay=1000 if state is JobState.DELAYED else 0)
        if state is JobState.LEASED:
            await take(store)
        before = await by_state(store, "q")
        for ref in (LetterRef(1), JobRef("q", "j")):
            assert await amend(store, Redrive(ref)) is DUPLICATE
        assert await by_state(store, "q") == before
        assert sum(before) == 2
        assert (await seen(store, "q", "j")).state is state
        assert await numbers(store) == [1]

    async def test_of_two_letters_of_a_job_one_is_redriven(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j", error="first")
        await let_each_die(store, "q", "j", error="second")
        changes = [Redrive(LetterRef(1)), Redrive(LetterRef(2)), Redrive(JobRef("q", "j"))]
        assert await store.amend(TYPE, changes) == [DONE, DUPLICATE, DUPLICATE]
        assert await numbers(store) == [2]

    async def test_equal_job_ids_in_two_queues_are_two_jobs(self, store: QueueStore) -> None:
        await let_each_die(store, "a", "j")
        await enqueue(store, "b", "j")
        await redrive(store, 1)
        assert {job.queue_id for job in await take_in_turn(store, 2)} == {"a", "b"}


class RedrivenKeyConformance(Conformance):
    """A redrive does not change how long the key of the job is remembered."""

    async def test_a_redrive_does_not_change_how_long_a_key_is_remembered(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await let_each_die(store, "q", "first", deduplicate=Deduplicate("k", 1000))
        clock.advance(999)
        await redrive(store, 1)
        keyed = new_job("q", "second", deduplicate=Deduplicate("k", 1000))
        assert (await offer(store, keyed)).job_id == "first"
        clock.advance(1)
        assert await offer(store, keyed) == EnqueueResult(EnqueueOutcome.QUEUED)

    async def test_a_redriven_job_that_is_cancelled_frees_no_key(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "first", deduplicate=Deduplicate("k", 1000))
        await redrive(store, 1)
        await cancel_job(store, "q", "first")
        keyed = new_job("q", "second", deduplicate=Deduplicate("k", 1000))
        assert (await offer(store, keyed)).job_id == "first"
