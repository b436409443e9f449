"""Takes that name queues: only these are looked at, in the order of the line."""

from sharq_plug.model import MAX_JOINS, MAX_NAMED_QUEUES, Dequeued, Take
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import change_interval
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    LEASE_TIME,
    TYPE,
    by_state,
    claim,
    enqueue,
    extend_lease,
    finish_job,
    next_ready_at,
    queue_order,
    release_job,
    take,
    take_in_turn,
)


async def take_from(
    store: QueueStore,
    *names: str,
    count: int = 10,
    lease_time: int = LEASE_TIME,
    attempt_id: str | None = None,
) -> Dequeued:
    """Dequeue from these queues for one caller."""
    [answer] = await store.dequeue(TYPE, [Take(count, lease_time, attempt_id, queues=names)])
    return answer


def served(answer: Dequeued) -> list[str]:
    """Return the queue and the job of each delivery, in order."""
    return [f"{job.queue_id}/{job.job_id}" for job in answer.jobs]


class NamedQueueConformance(Conformance):
    """A take gets jobs of the queues that it names, those that are ready first in line first."""

    async def test_only_the_queues_that_are_named_are_served(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j")
        answer = await take_from(store, "b")
        assert served(answer) == ["b/j"]
        assert await queue_order(store, 2) == ["a", "c"]

    async def test_they_go_in_the_order_of_the_line_not_of_their_names(
        self, store: QueueStore
    ) -> None:
        for queue_id in ("a", "x", "b", "c"):
            await enqueue(store, queue_id, "j1", "j2")
        answer = await take_from(store, "c", "a", "b")
        assert served(answer) == ["a/j1", "b/j1", "c/j1", "a/j2", "b/j2", "c/j2"]

    async def test_ready_since_comes_before_the_number(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "late", "j", delay=200)
        await enqueue(store, "early", "j", delay=100)
        clock.advance(150)
        await enqueue(store, "between", "j")
        clock.advance(50)
        answer = await take_from(store, "between", "late", "early")
        assert served(answer) == ["early/j", "between/j", "late/j"]

    async def test_a_queue_that_is_held_is_passed_over(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "throttled", "j1", "j2", interval=1000)
        await enqueue(store, "delayed", "j", delay=500)
        await enqueue(store, "free", "j1", "j2")
        answer = await take_from(store, "throttled", "delayed", "free")
        assert served(answer) == ["throttled/j1", "free/j1", "free/j2"]
        assert answer.next_ready_at == clock.now() + 500

    async def test_names_of_no_queue_and_repeated_names_do_no_harm(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2")
        await enqueue(store, "b", "j")
        answer = await take_from(store, "no", "a", "b", "a", "no")
        assert served(answer) == ["a/j1", "b/j", "a/j2"]
        nothing = await take_from(store, "no", "never")
        assert (nothing.jobs, nothing.next_ready_at) == ((), None)

    async def test_a_take_gets_as_many_as_it_asks_for(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j1", "j2", "j3")
        await enqueue(store, "b", "j")
        answer = await take_from(store, "a", count=2)
        assert (served(answer), answer.next_ready_at) == (["a/j1", "a/j2"], None)
        assert await queue_order(store, 2) == ["b", "a"]

    async def test_as_many_queues_can_be_named_as_the_bound_says(self, store: QueueStore) -> None:
        names = [f"q{n}" for n in range(MAX_NAMED_QUEUES)]
        for queue_id in (names[-1], "other", names[0]):
            await enqueue(store, queue_id, "j")
        answer = await take_from(store, *names)
        assert served(answer) == [f"{names[-1]}/j", f"{names[0]}/j"]

    async def test_takes_of_a_call_that_name_queues_and_those_that_do_not_see_each_other(
        self, store: QueueStore
    ) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j1", "j2")
        takes = [
            Take(1, LEASE_TIME, queues=("c",)),
            Take(2, LEASE_TIME),
            Take(5, LEASE_TIME, queues=("a", "c")),
            Take(5, LEASE_TIME),
        ]
        answers = await store.dequeue(TYPE, takes)
        assert [served(answer) for answer in answers] == [
            ["c/j1"],
            ["a/j1", "b/j1"],
            ["c/j2", "a/j2"],
            ["b/j2"],
        ]

    async def test_a_queue_is_held_for_a_named_take_once_an_earlier_one_of_the_call_got_its_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", "j2", interval=1000)
        await enqueue(store, "b", "j1", "j2")
        takes = [Take(1, LEASE_TIME), Take(5, LEASE_TIME, queues=("a",)), Take(5, LEASE_TIME)]
        first, named, last = await store.dequeue(TYPE, takes)
        assert [served(answer) for answer in (first, named, last)] == [
            ["a/j1"],
            [],
            ["b/j1", "b/j2"],
        ]
        assert named.next_ready_at == last.next_ready_at == clock.now() + 1000


class NamedPlaceConformance(Conformance):
    """A queue that is served stands at the end of the line; the others stand where they stood."""

    async def test_the_places_of_other_queues_stay(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "c", "d"):
            await enqueue(store, queue_id, "j1", "j2")
        assert served(await take_from(store, "c", count=1)) == ["c/j1"]
        assert served(await take_from(store, "b", "d", count=1)) == ["b/j1"]
        assert await queue_order(store, 6) == ["a", "d", "c", "b", "a", "d"]

    async def test_a_take_that_gets_nothing_moves_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j", delay=100)
        await enqueue(store, "b", "j", delay=100)
        for names in (("b",), ("b", "a"), ("no",)):
            assert (await take_from(store, *names)).jobs == ()
        clock.advance(100)
        assert await queue_order(store, 2) == ["a", "b"]

    async def test_only_the_due_jobs_of_named_queues_join(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for queue_id in ("a", "b"):
            await enqueue(store, queue_id, *(f"j{n}" for n in range(MAX_JOINS - 1)), delay=100)
        clock.advance(100)
        answer = await take_from(store, "b", count=2)
        assert served(answer) == ["b/j0", "b/j1"]
        answer = await take_from(store, "a", "b", count=2)
        assert served(answer) == ["a/j0", "b/j2"]

    async def test_a_named_queue_whose_jobs_have_all_ended_gives_none(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", "j2", ttl=100)
        await enqueue(store, "b", "j")
        await enqueue(store, "c", "j1", "j2", ttl=100)
        clock.advance(100)
        assert served(await take_from(store, "a", "b")) == ["b/j"]
        assert await by_state(store, "a") == (0, 0, 0, 2)
        assert await by_state(store, "c") == (2, 0, 0, 0)


class NamedNextReadyConformance(Conformance):
    """`next_ready_at` is that of the queues that are named, whatever others do."""

    async def test_what_waits_elsewhere_is_not_foreseen(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "other", "j1")
        await enqueue(store, "soon", "j", delay=100)
        await enqueue(store, "late", "j", delay=900)
        assert (await take_from(store, "late")).next_ready_at == now + 900
        assert (await take_from(store, "late", "soon")).next_ready_at == now + 100
        assert (await take_from(store, "no")).next_ready_at is None

    async def test_the_lease_of_a_named_queue_is_foreseen_and_no_other(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        now = clock.now()
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        first, _ = await take_in_turn(store, 2, lease_time=500)
        await enqueue(store, "c", "j")
        await take(store, lease_time=100)
        assert (await take_from(store, "a", "b", "no")).next_ready_at == now + 500
        await extend_lease(store, first, 200)
        assert (await take_from(store, "a", "b")).next_ready_at == now + 200
        assert (await take_from(store, "b")).next_ready_at == now + 500

    async def test_the_rate_of_a_named_queue_is_foreseen(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j1", "j2", interval=700)
        answer = await take_from(store, "a", "b", count=2)
        assert (served(answer), answer.next_ready_at) == (["a/j1"], clock.now() + 700)
        assert await change_interval(store, TYPE, "a", 300)
        assert (await take_from(store, "a", "b", count=2)).next_ready_at == clock.now() + 300

    async def test_an_expired_lease_is_ended_and_the_queues_are_looked_at_again(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        await take_in_turn(store, 2, lease_time=100)
        clock.advance(100)
        answer = await take_from(store, "b", count=2)
        assert served(answer) == ["b/j"]
        assert answer.jobs[0].attempt == 2
        assert {lease.queue_id for lease in answer.ended} == {"a", "b"}
        assert await by_state(store, "a") == (1, 0, 0, 0)
        assert answer.next_ready_at == clock.now() + LEASE_TIME

    async def test_a_queue_that_is_named_and_served_has_none_left(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        answer = await take_from(store, "a", count=2, lease_time=10)
        await finish_job(store, answer.jobs[0])
        assert (await take_from(store, "a")).next_ready_at is None
        assert (await take(store)).queue_id == "b"


class NamedAttemptConformance(Conformance):
    """An attempt that names queues can be repeated as any other."""

    async def test_a_repeated_take_gets_the_same_jobs(self, store: QueueStore) -> None:
        for queue_id in ("a", "b", "c"):
            await enqueue(store, queue_id, "j1", "j2")
        first = await take_from(store, "b", "c", count=2, attempt_id="x")
        again = await take_from(store, "b", "c", count=2, attempt_id="x")
        assert served(first) == served(again) == ["b/j1", "c/j1"]
        assert [claim(job) for job in first.jobs] == [claim(job) for job in again.jobs]
        assert (first.is_repeated, again.is_repeated) == (False, True)

    async def test_what_stands_of_the_first_one_is_the_answer_whatever_is_named(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "a", "j")
        await enqueue(store, "b", "j")
        first = await take_from(store, "a", "b", attempt_id="x")
        await release_job(store, first.jobs[0])
        again = await take_from(store, "a", attempt_id="x")
        assert (served(again), again.is_repeated) == (["b/j"], True)

    async def test_a_take_that_got_nothing_is_not_repeated(self, store: QueueStore) -> None:
        await enqueue(store, "a", "j")
        assert (await take_from(store, "b", attempt_id="x")).jobs == ()
        await enqueue(store, "b", "j")
        answer = await take_from(store, "b", attempt_id="x")
        assert (served(answer), answer.is_repeated) == (["b/j"], False)
        assert (await take(store)).queue_id == "a"
        assert await next_ready_at(store, queue_type="other") is None
