"""Remaining: what an upstream says is left, a count that deliveries take from."""

import pytest

from sharq_plug.model import MAX_LIMITS, Hold, HoldKind, Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import patch, rules
from sharq_plug.testing.conformance.sharing import (
    closed_until,
    find_limit,
    left,
    patch_limit,
    share,
    stock,
    tell,
)
from sharq_plug.testing.conformance.vocabulary import (
    finish_job,
    next_ready_at,
    take,
    take_batch,
    take_exactly_at,
)


class RemainingConformance(Conformance):
    """A shared limit gives as many as are left, then it is closed until the instant."""

    async def test_as_many_go_as_are_left_then_none_until_the_instant(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "ab", "x")
        end = await tell(store, clock, 3, 500)
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a", "b", "a"]
        assert (await find_limit(store)).opens_at == end
        await take_exactly_at(store, clock, end)
        assert len(await take_batch(store, 99)) == 14

    async def test_none_goes_where_none_is_left(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x")
        await stock(store, "p", jobs=1)
        end = await tell(store, clock, 0, 500)
        assert (await take(store)).queue_id == "p"
        assert await next_ready_at(store) == end
        await take_exactly_at(store, clock, end)

    async def test_jobs_take_their_cost_of_its_unit(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "a", "x", cost={"tokens": 40, "job": 2})
        await stock(store, "b", "x", jobs=1)
        end = await tell(store, clock, 100, 500, unit="tokens")
        await take(store)
        assert await left(store) == {"tokens": (60, end)}
        await take(store)  # it costs no token
        assert await left(store) == {"tokens": (60, end)}
        assert len(await take_batch(store, 9)) == 2
        assert await left(store) == {"tokens": (0, end)}

    async def test_a_count_that_is_used_up_holds_jobs_that_cost_nothing_of_it_too(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "a", "x", jobs=1, cost={"tokens": 9})
        await stock(store, "b", "x", jobs=1)
        end = await tell(store, clock, 1, 500, unit="tokens")
        assert [job.queue_id for job in await take_batch(store, 9)] == ["a"]
        assert (await take_exactly_at(store, clock, end)).queue_id == "b"

    async def test_each_unit_has_a_count_of_its_own(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", cost={"tokens": 10})
        tokens = await tell(store, clock, 30, 300, unit="tokens")
        jobs = await tell(store, clock, 4, 800)
        assert await left(store) == {"job": (4, jobs), "tokens": (30, tokens)}
        assert len(await take_batch(store, 9)) == 3
        await take_exactly_at(store, clock, tokens)
        assert await left(store) == {"job": (0, jobs)}
        await take_exactly_at(store, clock, jobs)
        assert await left(store) == {}

    async def test_the_limits_of_the_shared_limit_hold_beside_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 100))
        await stock(store, "q", "x")
        end = await tell(store, clock, 2, 500)
        await take(store)
        await take_exactly_at(store, clock, start + 100)
        await take_exactly_at(store, clock, end)
        assert (await find_limit(store)).owed == (1,)

    async def test_a_used_up_count_is_shown_as_a_hold(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x")
        end = await tell(store, clock, 1, 500)
        assert (await find_limit(store)).rules.held_by == ()
        await take(store)
        held = (Hold(HoldKind.LIMIT, end, "job"),)
        assert (await find_limit(store)).rules.held_by == held
        assert (await rules(store)).held_by == (closed_until(end),)
        clock.advance(500)
        assert (await find_limit(store)).rules.held_by == (await rules(store)).held_by == ()

    async def test_used_up_counts_are_shown_behind_the_limits_by_their_units(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 900, unit="tokens"), Limit(1, 300))
        await stock(store, "q", "x", cost={"tokens": 1})
        units = ("b", "job", "a")
        for unit in units:
            await tell(store, clock, 0, 500, unit=unit)
        assert [hold.unit for hold in (await find_limit(store)).rules.held_by] == ["a", "b", "job"]
        await patch_limit(store, remaining=None)
        start = clock.now()
        await take(store)
        for unit in units:
            await tell(store, clock, 0, 500, unit=unit)
        await patch_limit(store, freeze=100, paused=True)
        assert (await find_limit(store)).rules.held_by == (
            Hold(HoldKind.LIMIT, start + 900, "tokens"),
            Hold(HoldKind.LIMIT, start + 300, "job"),
            *(Hold(HoldKind.LIMIT, start + 500, unit) for unit in ("a", "b", "job")),
            Hold(HoldKind.FROZEN, start + 100),
            Hold(HoldKind.PAUSED),
        )

    @pytest.mark.parametrize("tended", [False, True])
    async def test_it_ends_at_its_instant_and_is_forgotten(
        self, store: QueueStore, clock: ManualClock, *, tended: bool
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x")
        await tell(store, clock, 5, 500)
        clock.advance(500)
        if tended:
            await tend_all(store)
        assert await left(store) == {}
        assert len(await take_batch(store, 9)) == 9

    async def test_it_outlives_the_jobs_that_use_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", jobs=1)
        end = await tell(store, clock, 1, 500)
        await finish_job(store, await take(store))
        await patch(store, uses=None)
        await tend_all(store)
        await stock(store, "p", "x", jobs=1)
        await take_exactly_at(store, clock, end)

    async def test_a_count_may_come_with_the_limit_itself(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        end = await tell(store, clock, 7, 500)
        assert await left(store) == {"job": (7, end)}

    @pytest.mark.parametrize("ahead", [0, -1, -1000])
    async def test_one_that_has_ended_already_changes_nothing(
        self, store: QueueStore, clock: ManualClock, ahead: int
    ) -> None:
        end = await tell(store, clock, 5, 500)
        await tell(store, clock, 0, ahead)
        assert await left(store) == {"job": (5, end)}

    async def test_a_count_that_was_overdrawn_is_shown_as_0(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x", cost={"job": 9})
        end = await tell(store, clock, 3, 500)
        assert len(await take_batch(store, 9)) == 1
        assert await left(store) == {"job": (0, end)}


class SecondRemainingConformance(Conformance):
    """A second count leaves the smaller one and the later instant; None takes all back."""

    @pytest.mark.parametrize(
        ("first", "second", "both"),
        [
            ((5, 500), (3, 900), (3, 900)),
            ((5, 500), (3, 200), (3, 500)),
            ((5, 500), (8, 900), (5, 900)),
            ((5, 500), (8, 200), (5, 500)),
            ((0, 500), (8, 900), (0, 900)),
        ],
        ids=str,
    )
    async def test_the_smaller_count_and_the_later_instant_stand(
        self,
        store: QueueStore,
        clock: ManualClock,
        first: tuple[int, int],
        second: tuple[int, int],
        both: tuple[int, int],
    ) -> None:
        start = clock.now()
        await patch_limit(store)
        await stock(store, "q", "x")
        await tell(store, clock, *first)
        await tell(store, clock, *second)
        assert await left(store) == {"job": (both[0], start + both[1])}
        assert len(await take_batch(store, 9)) == both[0]
        await take_exactly_at(store, clock, start + both[1])

    async def test_what_has_been_taken_counts(self, store: QueueStore, clock: ManualClock) -> None:
        await patch_limit(store)
        await stock(store, "q", "x")
        end = await tell(store, clock, 5, 500)
        await take_batch(store, 3)
        await tell(store, clock, 4, 400)
        assert await left(store) == {"job": (2, end)}

    async def test_one_that_comes_after_the_end_of_the_first_begins_anew(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await tell(store, clock, 0, 500)
        clock.advance(500)
        end = await tell(store, clock, 8, 300)
        assert await left(store) == {"job": (8, end)}

    async def test_all_counts_are_taken_back_together(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store)
        await stock(store, "q", "x")
        await tell(store, clock, 0, 500)
        await tell(store, clock, 0, 900, unit="tokens")
        await patch_limit(store, concurrency=5)
        assert await take_batch(store, 9) == []
        await patch_limit(store, remaining=None)
        assert await left(store) == {}
        assert len(await take_batch(store, 9)) == 5

    async def test_of_more_units_than_may_be_those_that_end_first_are_dropped(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        spans = (300, 100, 500, 400, 200)
        assert len(spans) == MAX_LIMITS
        for span in spans:
            await tell(store, clock, span, span, unit=f"u{span}")
        await tell(store, clock, 1, 350, unit="u350")
        assert sorted(await left(store)) == ["u200", "u300", "u350", "u400", "u500"]
        await tell(store, clock, 1, 50, unit="u200")  # not one more
        assert sorted(await left(store)) == ["u200", "u300", "u350", "u400", "u500"]
