"""Workers that freeze a shared limit: what they heard from upstream holds for all who use it."""

from typing import Any

import pytest

from sharq_plug.model import Fail, FreezeLimit, JobState, LeaseOutcome, LeaseRef, Release
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import outcome_of
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import patch, rules, view_of
from sharq_plug.testing.conformance.sharing import (
    bring,
    find_limit,
    freezing,
    patch_limit,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    by_state,
    claim,
    claim_without_token,
    enqueue,
    next_ready_at,
    release_job,
    settle,
    take,
    take_batch,
    take_exactly_at,
    take_in_turn,
)

ENDED, STALE = LeaseOutcome.ENDED, LeaseOutcome.STALE
NOT_CHARGED = LeaseOutcome.NOT_CHARGED

every_return = pytest.mark.parametrize(
    ("kind", "fields"),
    [(Release, {}), (Fail, {}), (Fail, {"dead": True}), (Release, {"delay": 50})],
    ids=str,
)


async def frozen_until(store: QueueStore, name: str = "x") -> int | None:
    """Return until when a shared limit is frozen."""
    return (await find_limit(store, name)).rules.frozen_until


class LimitFreezeConformance(Conformance):
    """A release or a fail freezes a shared limit that its lease was charged to."""

    @every_return
    async def test_all_queues_that_use_it_are_held_and_no_other(
        self, store: QueueStore, clock: ManualClock, kind: type[Any], fields: dict[str, Any]
    ) -> None:
        end = clock.now() + 500
        for name in ("x", "y"):
            await patch_limit(store, name)
        await stock(store, "a", "x", "y", jobs=2)
        await stock(store, "b", "x", jobs=1)
        await stock(store, "c", "y", jobs=1)
        job = await take(store)
        assert await settle(store, kind(claim(job), **freezing(500), **fields)) is ENDED
        assert (await frozen_until(store, "x"), await frozen_until(store, "y")) == (end, None)
        assert (await rules(store, "a")).frozen_until is None
        assert [other.queue_id for other in await take_batch(store, 9)] == ["c"]
        assert (await take_exactly_at(store, clock, end)).queue_id == "b"

    async def test_it_never_shortens_a_freeze_that_stands(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await patch_limit(store)
        await stock(store, "q", "x")
        jobs = await take_batch(store, 4)
        for job, duration, end in zip(jobs, (300, 200, 400, 0), (300, 300, 400, 400), strict=True):
            assert await settle(store, Release(claim(job), **freezing(duration))) is ENDED
            assert await frozen_until(store) == start + end
        await take_exactly_at(store, clock, start + 400)

    async def test_a_freeze_for_no_time_freezes_nothing(self, store: QueueStore) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", jobs=1)
        assert await settle(store, Release(claim(await take(store)), **freezing(0))) is ENDED
        assert await frozen_until(store) is None
        await take(store)

    async def test_a_queue_and_a_shared_limit_are_frozen_in_one_step(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await patch_limit(store)
        await stock(store, "ab", "x", jobs=1)
        job = await take(store)
        await settle(store, Fail(claim(job), freeze=900, **freezing(500)))
        assert (await rules(store, "a")).frozen_until == start + 900
        assert (await take_exactly_at(store, clock, start + 500)).queue_id == "b"
        assert (await take_exactly_at(store, clock, start + 900)).queue_id == "a"

    async def test_a_lease_without_its_token_freezes_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", jobs=1)
        job = await take(store)
        assert await settle(store, Release(claim_without_token(job), **freezing(70))) is ENDED
        assert await frozen_until(store) == clock.now() + 70

    async def test_what_the_lease_was_charged_to_is_frozen_though_its_queue_uses_others(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for name in ("x", "y"):
            await patch_limit(store, name)
        await enqueue(store, "q", "j1", "j2", uses=bring("x"))
        job, other = await take_in_turn(store, 2)
        await enqueue(store, "q", "j3", uses=bring("y"))
        refused = Release(claim(job), **freezing(500, "y"))
        assert await settle(store, refused) is NOT_CHARGED
        assert await settle(store, Release(claim(job), **freezing(500, "x"))) is ENDED
        assert await frozen_until(store, "x") == clock.now() + 500
        assert await frozen_until(store, "y") is None
        assert len(await take_batch(store, 9)) == 2
        assert await settle(store, Fail(claim(other), **freezing(600, "x"))) is ENDED
        assert await frozen_until(store, "x") == clock.now() + 600


class NotChargedConformance(Conformance):
    """A freeze of a shared limit that the lease was not charged to changes nothing."""

    @every_return
    @pytest.mark.parametrize("name", ["y", "unknown"])
    async def test_the_lease_stands_and_nothing_is_frozen(
        self,
        store: QueueStore,
        kind: type[Any],
        fields: dict[str, Any],
        name: str,
    ) -> None:
        for created in ("x", "y"):
            await patch_limit(store, created)
        await stock(store, "q", "x", jobs=2)
        await stock(store, "p", "y", jobs=1)
        job = await take(store)
        before = await view_of(store, job.job_id)
        freeze = {"freeze": 900, "freeze_limit": FreezeLimit(name, 500)}
        assert await settle(store, kind(claim(job), **freeze, **fields)) is NOT_CHARGED
        assert await view_of(store, job.job_id) == before
        assert before.state is JobState.LEASED
        assert [await frozen_until(store, created) for created in ("x", "y")] == [None, None]
        assert (await rules(store)).frozen_until is None
        assert (await find_limit(store)).leased == 1
        assert len(await take_batch(store, 9)) == 2
        await release_job(store, job)

    async def test_a_lease_of_a_queue_that_used_none_was_charged_to_none(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", jobs=1)
        job = await take(store)
        await patch(store, uses=("x",))
        assert await settle(store, Release(claim(job), **freezing(500))) is NOT_CHARGED
        assert await frozen_until(store) is None

    async def test_a_stale_lease_freezes_nothing_whatever_it_names(self, store: QueueStore) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", jobs=1)
        job = await take(store)
        await release_job(store, job)
        for name in ("x", "unknown"):
            for kind in (Release, Fail):
                assert await settle(store, kind(claim(job), **freezing(500, name))) is STALE
        gone = Release(LeaseRef("q", "no", "token"), **freezing(500))
        assert await settle(store, gone) is LeaseOutcome.UNKNOWN
        assert await frozen_until(store) is None
        await take(store)

    async def test_other_items_of_the_call_hold(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        end = clock.now() + 500
        await patch_limit(store)
        await stock(store, "q", "x", jobs=3)
        jobs = await take_batch(store, 3)
        names = ["no", "x", "no"]
        items = [
            Release(claim(job), **freezing(500, name))
            for job, name in zip(jobs, names, strict=True)
        ]
        outcomes = [outcome_of(one) for one in await store.settle(TYPE, items)]
        assert outcomes == [NOT_CHARGED, ENDED, NOT_CHARGED]
        assert await by_state(store, "q") == (1, 0, 2, 0)
        assert await next_ready_at(store) == end
