"""Discard, and the numbers of dead letters: unique, in the order of the deaths."""

from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    Cancel,
    Discard,
    JobRef,
    JobState,
    LeaseOutcome,
    LetterRef,
    Redrive,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import seen
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import (
    DONE,
    UNKNOWN,
    amend,
    discard,
    discard_range,
    let_each_die,
    letters,
    numbers,
    redrive,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    enqueue,
    fail_job,
    finish,
    take,
    take_batch,
)


class DiscardConformance(Conformance):
    """A discard removes one letter, whether or not its job id lives."""

    async def test_a_letter_is_discarded_by_its_number(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2", "j3")
        assert await amend(store, Discard(LetterRef(2))) is DONE
        assert await amend(store, Discard(LetterRef(3, "q"))) is DONE
        assert await numbers(store) == [1]
        assert await by_state(store, "q") == (0, 0, 0, 1)

    async def test_a_letter_of_another_queue_or_type_is_unknown(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        assert await amend(store, Discard(LetterRef(1, "other"))) is UNKNOWN
        assert await amend(store, Discard(LetterRef(1)), queue_type="other") is UNKNOWN
        assert await numbers(store) == [1]

    async def test_a_letter_is_discarded_once(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        changes: list[Amendment] = [
            *(Discard(LetterRef(1)), Discard(LetterRef(1)), Discard(JobRef("q", "j"))),
            *(Redrive(LetterRef(1)), Cancel(JobRef("q", "j"))),
        ]
        assert await store.amend(TYPE, changes) == [DONE, *[UNKNOWN] * 4]

    async def test_by_its_job_the_newest_letter_is_discarded(self, store: QueueStore) -> None:
        for error in ("first", "second", "third"):
            await let_each_die(store, "q", "j", error=error)
        by_job = Discard(JobRef("q", "j"))
        assert await amend(store, by_job) is DONE
        assert (await seen(store, "q", "j")).last_error == "second"
        assert await store.amend(TYPE, [by_job] * 3) == [DONE, DONE, UNKNOWN]

    async def test_the_newest_letter_left_is_found_whichever_was_discarded(
        self, store: QueueStore
    ) -> None:
        for error in ("first", "second", "third", "fourth"):
            await let_each_die(store, "q", "j", error=error)
        for number, left in ((2, "fourth"), (4, "third"), (3, "first")):
            await discard(store, number)
            assert (await seen(store, "q", "j")).last_error == left
        await discard(store, 1)
        assert await store.find(TYPE, [JobRef("q", "j")]) == [Absence.UNKNOWN]

    async def test_a_job_that_lives_stays(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j")
        await enqueue(store, "q", "j")
        assert await amend(store, Discard(JobRef("q", "j"))) is DONE
        assert (await seen(store, "q", "j")).state is JobState.WAITING
        assert await amend(store, Discard(JobRef("q", "j"))) is UNKNOWN

    async def test_a_worker_that_settles_a_discarded_letter_gets_unknown(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        job = await take(store)
        await fail_job(store, job, dead=True)
        await discard(store, 1)
        assert await finish(store, claim(job)) is LeaseOutcome.UNKNOWN

    async def test_each_change_sees_the_changes_before_it_in_the_call(
        self, store: QueueStore
    ) -> None:
        for error in ("first", "second"):
            await let_each_die(store, "q", "j", error=error)
        by_job = JobRef("q", "j")
        changes: list[Amendment] = [
            Redrive(by_job),
            Redrive(by_job),
            Discard(by_job),
            Cancel(by_job),
            Cancel(by_job),
        ]
        outcomes = [DONE, AmendOutcome.DUPLICATE, DONE, DONE, UNKNOWN]
        assert await store.amend(TYPE, changes) == outcomes


class LetterNumberConformance(Conformance):
    """Letters are numbered over the whole type; no number is given twice."""

    async def test_letters_are_numbered_from_1_over_all_queues_of_a_type(
        self, store: QueueStore
    ) -> None:
        for queue_id in ("b", "a", "c", "a"):
            await let_each_die(store, queue_id, "j")
        assert await numbers(store) == [1, 2, 3, 4]
        assert await numbers(store, "a") == [2, 4]

    async def test_each_type_numbers_its_own(self, store: QueueStore) -> None:
        for queue_type in ("a", "b"):
            await let_each_die(store, "q", "j", queue_type=queue_type)
            assert await numbers(store, queue_type=queue_type) == [1]

    async def test_a_number_is_not_given_again(self, store: QueueStore) -> None:
        await let_each_die(store, "q", "j1", "j2")
        await discard(store, 2)
        await let_each_die(store, "q", "j3")
        await redrive(store, 3)
        await fail_job(store, await take(store), dead=True)
        assert await numbers(store) == [1, 4]
        await discard_range(store)
        await let_each_die(store, "p", "j")
        assert await numbers(store) == [5]

    async def test_jobs_that_die_in_one_call_are_numbered_in_their_order(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "b", "j1", "j2", requeue_limit=0)
        await enqueue(store, "a", "j3", requeue_limit=0)
        await take_batch(store, 3, lease_time=100)
        clock.advance(100)
        await tend_all(store)
        assert [letter.job_id for letter in await letters(store)] == ["j2", "j1", "j3"]
        assert await numbers(store) == [1, 2, 3]
