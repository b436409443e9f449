"""Freezes of a type and of a shared limit: they end to the ms, or by another change."""

from typing import Any

import pytest

from sharq_plug.model import NO_SETTINGS, HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiters import Limiter, every_limiter
from sharq_plug.testing.conformance.operating import DAY
from sharq_plug.testing.conformance.setting import set_defaults
from sharq_plug.testing.conformance.vocabulary import (
    finish_job,
    next_ready_at,
    take,
    take_exactly_at,
)

SET: dict[str, Any] = {"limits": (Limit(3, 50, 9),), "concurrency": 7, "paused": True}
"""Every setting of a limiter; it is closed."""
TAKEN_BACK: dict[str, Any] = dict.fromkeys(SET)


class LimiterFreezeConformance(Conformance):
    """A freeze of a type or of a shared limit holds its queues until it ends, to the ms."""

    @every_limiter
    async def test_a_freeze_of_a_limiter_ends_to_the_ms(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        end = clock.now() + 500
        await limiter.patch(store, freeze=500)
        await limiter.stock(store, "q")
        await take_exactly_at(store, clock, end)

    @every_limiter
    async def test_so_does_a_freeze_when_jobs_wait_already(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        end = clock.now() + 500
        await limiter.patch(store)
        await limiter.stock(store, "q", jobs=1)
        await limiter.patch(store, freeze=500)
        await take_exactly_at(store, clock, end)

    @every_limiter
    async def test_a_later_freeze_of_a_limiter_replaces_it_be_it_longer_or_shorter(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        await limiter.patch(store)
        await limiter.stock(store, "q")
        for duration in (100, 1000, 50):
            clock.advance(10)
            await limiter.patch(store, freeze=duration)
            assert (await limiter.rules(store)).frozen_until == clock.now() + duration
            assert await next_ready_at(store) == clock.now() + duration
        await limiter.patch(store, freeze=0)
        assert (await limiter.rules(store)).frozen_until is None
        await take(store)

    @every_limiter
    async def test_other_changes_leave_the_freeze_of_a_limiter(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        end = clock.now() + 500
        await limiter.patch(store, freeze=500)
        await limiter.stock(store, "q")
        await limiter.patch(store, **SET)
        await limiter.patch(store, **TAKEN_BACK)
        await set_defaults(store, weight=2)
        await take_exactly_at(store, clock, end)

    @every_limiter
    @pytest.mark.parametrize("tended", [False, True])
    async def test_a_freeze_of_a_limiter_is_shown_until_it_ends(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter, *, tended: bool
    ) -> None:
        end = clock.now() + 500
        await limiter.patch(store, freeze=500)
        clock.advance(499)
        await tend_all(store)
        held = (limiter.own_hold(HoldKind.FROZEN, end),)
        rules = await limiter.rules(store)
        assert rules == type(rules)(held_by=held, frozen_until=end)
        clock.advance(1)
        if tended:
            await tend_all(store)
        rules = await limiter.rules(store)
        assert rules == type(rules)()
        assert rules.settings == NO_SETTINGS

    @every_limiter
    async def test_a_freeze_of_a_limiter_outlives_the_jobs_of_the_type(
        self, store: QueueStore, clock: ManualClock, limiter: Limiter
    ) -> None:
        end = clock.now() + 3 * DAY
        await limiter.patch(store)
        await limiter.stock(store, "q", jobs=1)
        job = await take(store)
        await limiter.patch(store, freeze=3 * DAY)
        await finish_job(store, job)
        for _ in range(2):
            clock.advance(DAY)
            await tend_all(store)
        await limiter.stock(store, "q", jobs=1)
        await take_exactly_at(store, clock, end)
