"""Settings of shared limits: set, shown, kept, taken back and listed."""

import pytest

from sharq_plug.model import (
    ALL_STATES,
    ChangeOutcome,
    Limit,
    LimitRules,
    PatchLimit,
    Remaining,
    Setting,
    Settings,
    SettingsPatch,
    SharedLimits,
    Totals,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import items_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiter_freezes import SET, TAKEN_BACK
from sharq_plug.testing.conformance.operating import DAY, clear_states, pages, totals, types
from sharq_plug.testing.conformance.setting import (
    CHANGED,
    configure,
    patch,
    patch_type,
    rules,
    type_rules,
)
from sharq_plug.testing.conformance.sharing import (
    drop,
    find_limit,
    limit_names,
    open_and_unused,
    patch_limit,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    finish_job,
    listed,
    next_ready_at,
    take,
    take_exactly_at,
)

MISMATCH = ChangeOutcome.MISMATCH


class SharedSettingsConformance(Conformance):
    """A shared limit stays, as it is set, until it is dropped."""

    async def test_a_patch_creates_a_shared_limit_which_is_open(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        assert await limit_names(store) == []
        await patch_limit(store)
        assert await find_limit(store) == open_and_unused(clock.now())

    @pytest.mark.parametrize("field", SET)
    async def test_a_field_of_a_shared_limit_is_set_and_taken_back_by_itself(
        self, store: QueueStore, field: str
    ) -> None:
        await patch_limit(store, **{field: SET[field]})
        assert (await find_limit(store)).rules.settings == Settings(**{field: SET[field]})
        await patch_limit(store, **SET)
        await patch_limit(store, **{field: TAKEN_BACK[field]})
        left = {name: value for name, value in SET.items() if name != field}
        assert (await find_limit(store)).rules.settings == Settings(**left)

    async def test_a_patch_of_a_shared_limit_without_fields_changes_nothing(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store, **SET)
        before = await find_limit(store)
        await patch_limit(store)
        assert await find_limit(store) == before

    async def test_a_shared_limit_of_which_all_is_taken_back_is_still_there(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await patch_limit(store, **SET)
        await patch_limit(store, **TAKEN_BACK)
        assert await find_limit(store) == open_and_unused(clock.now())

    async def test_shared_limits_are_listed_by_name(self, store: QueueStore) -> None:
        names = [f"x{n}" for n in (5, 10, 2, 7, 1, 30)] + ["A", "b", "~", "-", "_"]
        for name in names:
            await patch_limit(store, name)
        assert await limit_names(store) == sorted(names)
        found = await pages(store, TYPE, SharedLimits(), limit=4)
        assert [len(page.items) for page in found] == [4, 4, 3]
        assert [view.name for page in found for view in page.items] == sorted(names)  # type: ignore[union-attr]

    async def test_a_listing_of_one_name_has_that_one_or_nothing(self, store: QueueStore) -> None:
        for name in ("x", "xy", "a"):
            await patch_limit(store, name, concurrency=len(name))
        assert (await find_limit(store, "x")).rules.settings == Settings(concurrency=1)
        assert (await find_limit(store, "xy")).rules.settings == Settings(concurrency=2)
        assert await items_of(store, TYPE, SharedLimits("b")) == []
        assert await items_of(store, "other", SharedLimits("x")) == []

    async def test_types_have_shared_limits_of_their_own(self, store: QueueStore) -> None:
        await patch_limit(store, concurrency=1)
        await patch_limit(store, concurrency=2, queue_type="other")
        for queue_type, concurrency in ((TYPE, 1), ("other", 2)):
            found = await find_limit(store, queue_type=queue_type)
            assert found.rules.settings == Settings(concurrency=concurrency)
        assert await drop(store) is CHANGED
        assert await limit_names(store) == []
        assert await limit_names(store, queue_type="other") == ["x"]

    async def test_settings_of_a_queue_a_type_and_a_shared_limit_are_three(
        self, store: QueueStore
    ) -> None:
        await patch_type(store, concurrency=3)
        await patch(store, "x", concurrency=5)
        await patch_limit(store, "x", concurrency=7)
        assert (await type_rules(store)).settings == Settings(concurrency=3)
        assert (await rules(store, "x")).settings == Settings(concurrency=5)
        assert (await find_limit(store, "x")).rules.settings == Settings(concurrency=7)

    async def test_a_shared_limit_makes_neither_a_type_nor_a_queue_exist(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store, **SET)
        assert await types(store) == {}
        assert await listed(store, None) == await listed(store) == set()

    @pytest.mark.parametrize("purge", [False, True])
    async def test_a_shared_limit_stays_when_its_type_is_cleared_and_idle(
        self, store: QueueStore, clock: ManualClock, *, purge: bool
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 4 * DAY))
        await stock(store, "q", "x")
        await take(store)
        await clear_states(store, None, *ALL_STATES, counts=purge)
        for _ in range(3):
            clock.advance(DAY)
            await tend_all(store)
        view = await find_limit(store)
        assert (view.owed, view.opens_at) == ((1,), start + 4 * DAY)
        await enqueue(store, "q", "j")
        await take_exactly_at(store, clock, start + 4 * DAY)

    async def test_a_shared_limit_outlives_the_totals_of_its_type(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 4 * DAY))
        await stock(store, "q", "x", jobs=1)
        await finish_job(store, await take(store))
        for _ in range(2):
            clock.advance(DAY)
            await tend_all(store)
        assert await totals(store) == Totals()
        await enqueue(store, "q", "j")
        assert await next_ready_at(store) == start + 4 * DAY

    async def test_what_is_owed_stays_when_the_last_user_is_gone(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, Limit(1, 9000))
        await stock(store, "q", "x", jobs=1)
        await finish_job(store, await take(store))
        await patch(store, "q", uses=None)
        await tend_all(store)
        clock.advance(500)
        await stock(store, "p", "x", jobs=1)
        assert await next_ready_at(store) == start + 9000

    async def test_settings_of_a_call_are_changed_one_after_the_other(
        self, store: QueueStore
    ) -> None:
        tags = (LimitRules(Settings(concurrency=1)).tag(),)
        changes: list[Setting] = [
            PatchLimit("x", SettingsPatch(concurrency=1)),
            PatchLimit("x", SettingsPatch(concurrency=2), if_match=tags),
            PatchLimit("x", SettingsPatch(concurrency=3), if_match=tags),
        ]
        assert await store.configure(TYPE, changes) == [CHANGED, CHANGED, MISMATCH]
        assert (await find_limit(store)).rules.settings == Settings(concurrency=2)


class SharedTagConformance(Conformance):
    """A change that names a tag is made only if the shared limit still has it."""

    async def test_a_shared_limit_that_there_is_not_has_the_tag_of_no_settings(
        self, store: QueueStore
    ) -> None:
        change = PatchLimit("x", SettingsPatch(concurrency=1), if_match=(LimitRules().tag(),))
        assert await configure(store, change) is CHANGED
        assert await configure(store, change) is MISMATCH
        assert (await find_limit(store)).rules.settings == Settings(concurrency=1)

    async def test_a_shared_limit_may_have_any_of_several_tags(self, store: QueueStore) -> None:
        await patch_limit(store, **SET)
        tag = (await find_limit(store)).rules.tag()
        change = PatchLimit("x", SettingsPatch(concurrency=1), if_match=("no", tag))
        assert await configure(store, change) is CHANGED

    @pytest.mark.parametrize("tags", [(), ("no",)])
    async def test_a_change_of_a_shared_limit_with_another_tag_changes_nothing(
        self, store: QueueStore, clock: ManualClock, tags: tuple[str, ...]
    ) -> None:
        left = Remaining(3, clock.now() + 500)
        change = PatchLimit("x", SettingsPatch(concurrency=1), 0, None, if_match=tags)
        assert await configure(store, change) is MISMATCH
        assert await limit_names(store) == []
        await patch_limit(store, concurrency=4, freeze=100, remaining=left)
        before = await find_limit(store)
        assert await configure(store, change) is MISMATCH
        assert await find_limit(store) == before

    async def test_the_tag_of_a_shared_limit_differs_with_its_settings_alone(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, Limit(1, 100))
        tag = (await find_limit(store)).rules.tag()
        await patch_limit(store, freeze=50, remaining=Remaining(3, clock.now() + 900))
        await stock(store, "q", "x")
        clock.advance(50)
        await take(store)
        assert (await find_limit(store)).rules.tag() == tag
        await patch_limit(store, concurrency=3)
        assert (await find_limit(store)).rules.tag() != tag
