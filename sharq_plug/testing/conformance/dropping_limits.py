"""Drops of shared limits: refused while something names them, whether it is in effect or not."""

from collections.abc import Awaitable, Callable

import pytest

from sharq_plug.model import AmendOutcome, ChangeOutcome, DropLimit, JobState, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.amending import cancel, cancel_job
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiter_leases import every_end
from sharq_plug.testing.conformance.operating import (
    DAY,
    clear_states,
    let_each_die,
    redrive,
)
from sharq_plug.testing.conformance.setting import CHANGED, patch, rules, set_defaults
from sharq_plug.testing.conformance.sharing import (
    IN_USE,
    bring,
    drop,
    find_limit,
    limit_names,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    Ending,
    clear,
    enqueue,
    finish_job,
    let_expire,
    reclaim,
    release_job,
    take,
    take_batch,
)

End = Callable[[QueueStore], Awaitable[object]]

every_emptying = pytest.mark.parametrize(
    "end",
    [
        lambda store: cancel_job(store, "q", "j"),
        lambda store: clear(store, "q"),
        lambda store: clear(store, "q", purge=True),
        lambda store: clear_states(store, None, *JobState),
        lambda store: clear_states(store, None, JobState.WAITING),
    ],
    ids=["cancel", "clear", "purge", "clear type", "clear waiting"],
)
"""Ends of the last job of queue "q", which waits."""


class DropConformance(Conformance):
    """A shared limit that nothing names can be dropped."""

    async def test_a_dropped_shared_limit_is_gone(self, store: QueueStore) -> None:
        assert await drop(store) is ChangeOutcome.UNKNOWN
        await patch_limit(store, concurrency=1)
        await patch_limit(store, "y")
        assert await drop(store) is CHANGED
        assert await drop(store) is ChangeOutcome.UNKNOWN
        assert await limit_names(store) == ["y"]

    async def test_one_that_is_made_anew_has_nothing_of_the_one_before(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, DAY))
        await patch_limit(store, freeze=DAY, paused=True)
        assert await drop(store) is CHANGED
        await share(store, Limit(1, 100))
        await stock(store, "q", "x", jobs=1)
        await take(store)
        await patch(store, "q", uses=None)
        assert await clear(store, "q") is not None
        assert await drop(store) is CHANGED
        await share(store, Limit(1, DAY))
        view = await find_limit(store)
        assert (view.owed, view.opens_at, view.leased) == ((0,), clock.now(), 0)

    async def test_items_of_a_call_see_earlier_drops(self, store: QueueStore) -> None:
        await patch_limit(store)
        outcomes = await store.configure(TYPE, [DropLimit("x"), DropLimit("x")])
        assert outcomes == [CHANGED, ChangeOutcome.UNKNOWN]


class InUseConformance(Conformance):
    """While something names a shared limit, it cannot be dropped; then it can."""

    @pytest.mark.parametrize("uses", [None, ()])
    async def test_a_setting_of_a_queue_keeps_it(
        self, store: QueueStore, uses: tuple[str, ...] | None
    ) -> None:
        await patch_limit(store)
        await patch(store, uses=("x",))
        assert await drop(store) is IN_USE
        await enqueue(store, "q", "j")
        await clear(store, "q", purge=True)
        assert await drop(store) is IN_USE
        assert await limit_names(store) == ["x"]
        await patch(store, uses=uses)
        assert await drop(store) is CHANGED

    async def test_each_of_two_queues_keeps_it(self, store: QueueStore) -> None:
        await patch_limit(store)
        await patch_limit(store, "y")
        await patch(store, "a", uses=("x", "y"))
        await patch(store, "b", uses=("x",))
        await patch(store, "a", uses=("y",))
        assert [await drop(store), await drop(store, "y")] == [IN_USE, IN_USE]
        await patch(store, "b", uses=("y",))
        assert [await drop(store), await drop(store, "y")] == [CHANGED, IN_USE]

    @pytest.mark.parametrize("uses", [None, ()])
    async def test_the_defaults_keep_it(
        self, store: QueueStore, uses: tuple[str, ...] | None
    ) -> None:
        await patch_limit(store)
        await set_defaults(store, uses=("x",))
        assert await drop(store) is IN_USE
        await set_defaults(store, uses=uses)
        assert await drop(store) is CHANGED

    @pytest.mark.parametrize("own", [None, ()])
    async def test_what_a_queue_took_up_keeps_it_in_effect_or_not(
        self, store: QueueStore, own: tuple[str, ...] | None
    ) -> None:
        await patch_limit(store)
        await patch(store, uses=own)
        await set_defaults(store, uses=("x",))
        await enqueue(store, "q", "j")
        await set_defaults(store, uses=None)
        assert (await rules(store)).pending
        assert await drop(store) is IN_USE
        await tend_all(store)
        assert await drop(store) is CHANGED

    @every_emptying
    async def test_what_an_empty_queue_had_taken_up_does_not_keep_it(
        self, store: QueueStore, end: End
    ) -> None:
        await patch_limit(store)
        await set_defaults(store, uses=("x",))
        await enqueue(store, "q", "j")
        await set_defaults(store, uses=None)
        await end(store)
        assert await drop(store) is CHANGED

    @every_emptying
    @pytest.mark.parametrize("own", [None, ()])
    async def test_what_was_brought_keeps_it_in_effect_or_not_while_a_job_lives(
        self, store: QueueStore, end: End, own: tuple[str, ...] | None
    ) -> None:
        await patch_limit(store)
        await patch(store, uses=own)
        await enqueue(store, "q", "j", uses=bring("x"))
        assert await drop(store) is IN_USE
        await end(store)
        assert await drop(store) is CHANGED

    async def test_a_queue_that_owes_does_not_keep_what_was_brought(
        self, store: QueueStore
    ) -> None:
        await share(store, Limit(1, DAY))
        await enqueue(store, "q", "j", uses=bring("x"), interval=DAY)
        await finish_job(store, await take(store))
        assert await drop(store) is CHANGED

    async def test_what_is_brought_later_keeps_another(self, store: QueueStore) -> None:
        for name in ("x", "y"):
            await patch_limit(store, name)
        await enqueue(store, "q", "j1", uses=bring("x"))
        await enqueue(store, "q", "j2", uses=bring("y"))
        assert [await drop(store), await drop(store, "y")] == [CHANGED, IN_USE]
        await enqueue(store, "q", "j3", uses=())
        assert await drop(store, "y") is CHANGED

    @every_end
    async def test_a_charged_lease_keeps_it_until_it_ends(
        self, store: QueueStore, end: Ending
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", jobs=1)
        job = await take(store)
        await patch(store, "q", uses=())
        assert await drop(store) is IN_USE
        assert (await find_limit(store)).leased == 1
        await end(store, job)
        assert (await find_limit(store)).leased == 0
        assert await drop(store) is CHANGED

    @pytest.mark.parametrize("dies", [False, True])
    async def test_a_charged_lease_that_expires_keeps_it_until_it_is_ended(
        self, store: QueueStore, clock: ManualClock, *, dies: bool
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", jobs=1, requeue_limit=0 if dies else -1)
        await take(store, lease_time=100)
        await patch(store, "q", uses=None)
        clock.advance(100)
        assert await drop(store) is IN_USE
        await reclaim(store)
        assert await drop(store) is CHANGED

    async def test_every_one_of_several_leases_keeps_it(self, store: QueueStore) -> None:
        await patch_limit(store)
        await stock(store, "ab", "x", jobs=2)
        jobs = await take_batch(store, 4)
        for queue_id in "ab":
            await patch(store, queue_id, uses=None)
        for job in jobs:
            assert await drop(store) is IN_USE
            await finish_job(store, job)
        assert await drop(store) is CHANGED

    async def test_a_lease_keeps_what_it_was_charged_to_and_not_what_came_later(
        self, store: QueueStore
    ) -> None:
        for name in ("x", "y"):
            await patch_limit(store, name)
        await stock(store, "q", "x", jobs=1)
        job = await take(store)
        await patch(store, "q", uses=("y",))
        await patch(store, "q", uses=None)
        assert [await drop(store), await drop(store, "y")] == [IN_USE, CHANGED]
        await release_job(store, job)
        assert await drop(store) is CHANGED

    async def test_a_dead_letter_does_not_keep_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await let_each_die(store, "q", "failed", uses=bring("x"))
        await enqueue(store, "q", "expired", uses=bring("x"), requeue_limit=0)
        await let_expire(store, clock, dies=True)
        assert await drop(store) is CHANGED
        await redrive(store, 1, 2)
        assert (await rules(store)).in_effect.uses in (None, ())
        assert len(await take_batch(store, 9)) == 2

    async def test_a_cancelled_letter_changes_nothing_of_it(self, store: QueueStore) -> None:
        await patch_limit(store)
        await let_each_die(store, "q", "dead", uses=bring("x"))
        await enqueue(store, "q", "j", uses=bring("x"))
        assert await cancel(store, "q", "dead") is AmendOutcome.DONE
        assert await drop(store) is IN_USE
        await cancel_job(store, "q", "j")
        assert await drop(store) is CHANGED
