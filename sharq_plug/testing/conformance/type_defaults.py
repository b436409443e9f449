"""The settings of a type: kept beside those of its queues, and what defaults give a new queue."""

import asyncio
from typing import Any, Final

import pytest

from sharq_plug.model import (
    ALL_STATES,
    NO_SETTINGS,
    ChangeOutcome,
    Clear,
    PatchType,
    Settings,
    SettingsPatch,
    TypeRules,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import clear_all, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import EACH_SECOND, goes_at, goes_freely
from sharq_plug.testing.conformance.operating import DAY, look_at_type, types
from sharq_plug.testing.conformance.patching import FIELDS, LIMITS, taken_back
from sharq_plug.testing.conformance.setting import (
    CHANGED,
    configure,
    patch,
    patch_type,
    rules,
    set_defaults,
    type_rules,
)
from sharq_plug.testing.conformance.vocabulary import TYPE, clear, enqueue, finish_job, listed, take

DEFAULTS: Final[dict[str, Any]] = {
    "limits": LIMITS,
    "concurrency": 4,
    "weight": 3,
    "max_length": 7,
}
GATE: Final[dict[str, Any]] = {"limits": (EACH_SECOND,), "concurrency": 2, "paused": True}
UNSET_TAG = TypeRules().tag()


async def patch_if(
    store: QueueStore, *tags: str, freeze: int | None = None, **defaults: Any
) -> ChangeOutcome:
    """Change defaults of the type if the tag of its settings is one of these."""
    change = PatchType(defaults=SettingsPatch(**defaults), freeze=freeze, if_match=tags)
    return await configure(store, change)


async def tag(store: QueueStore) -> str:
    """Return the tag of the settings of the type."""
    return (await type_rules(store)).tag()


class TypeSettingsConformance(Conformance):
    """A type has settings of its own, and defaults for its queues; each is set by itself."""

    async def test_a_type_has_neither_settings_nor_defaults_unless_they_are_set(
        self, store: QueueStore
    ) -> None:
        assert await type_rules(store) == TypeRules()

    @pytest.mark.parametrize("field", DEFAULTS)
    async def test_a_default_is_set_and_taken_back_by_itself(
        self, store: QueueStore, field: str
    ) -> None:
        await set_defaults(store, **{field: DEFAULTS[field]})
        found = await type_rules(store)
        assert found == TypeRules(defaults=Settings(**{field: DEFAULTS[field]}))
        await set_defaults(store, **taken_back(field))
        assert await type_rules(store) == TypeRules()

    @pytest.mark.parametrize("field", DEFAULTS)
    async def test_a_default_that_is_taken_back_leaves_the_others(
        self, store: QueueStore, field: str
    ) -> None:
        await set_defaults(store, **DEFAULTS)
        await set_defaults(store, **taken_back(field))
        left = {name: value for name, value in DEFAULTS.items() if name != field}
        assert (await type_rules(store)).defaults == Settings(**left)

    @pytest.mark.parametrize("field", GATE)
    async def test_a_setting_of_the_type_is_none_of_its_queues(
        self, store: QueueStore, field: str
    ) -> None:
        await patch_type(store, **{field: GATE[field]})
        found = await type_rules(store)
        assert (found.settings, found.defaults) == (Settings(**{field: GATE[field]}), NO_SETTINGS)
        assert (await rules(store)).in_effect == Settings(limits=())
        await patch_type(store, **taken_back(field))
        assert await type_rules(store) == TypeRules()

    async def test_settings_and_defaults_do_not_touch_each_other(self, store: QueueStore) -> None:
        await patch_type(store, limits=(), concurrency=5)
        await set_defaults(store, limits=LIMITS, concurrency=6)
        found = await type_rules(store)
        assert found.settings == Settings((), concurrency=5)
        assert found.defaults == Settings(LIMITS, concurrency=6)
        await patch_type(store, limits=None)
        await set_defaults(store, concurrency=None)
        found = await type_rules(store)
        assert found.settings == Settings(concurrency=5)
        assert found.defaults == Settings(LIMITS)

    async def test_both_change_in_one_step(self, store: QueueStore) -> None:
        change = PatchType(SettingsPatch(concurrency=5), SettingsPatch(weight=2))
        assert await configure(store, change) is CHANGED
        found = await type_rules(store)
        assert (found.settings, found.defaults) == (Settings(concurrency=5), Settings(weight=2))

    async def test_each_type_has_settings_of_its_own(self, store: QueueStore) -> None:
        await set_defaults(store, weight=2)
        await set_defaults(store, weight=3, queue_type="other")
        assert (await type_rules(store)).defaults == Settings(weight=2)
        assert (await type_rules(store, queue_type="other")).defaults == Settings(weight=3)
        assert (await rules(store, queue_type="third")).in_effect == Settings(limits=())

    async def test_settings_do_not_make_a_type_exist(self, store: QueueStore) -> None:
        await set_defaults(store, **DEFAULTS)
        await patch_type(store, concurrency=5)
        await tend_all(store)
        assert await listed(store, None) == set()
        assert await types(store) == {}
        assert (await look_at_type(store)).queues == 0

    async def test_settings_outlive_all_queues_of_the_type(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, **DEFAULTS)
        await patch_type(store, concurrency=5)
        await enqueue(store, "q", "1", "2")
        await finish_job(store, await take(store))
        await clear(store, "q", purge=True)
        await clear_all(store, TYPE, Clear(None, ALL_STATES, counts=True))
        for _ in range(3):
            clock.advance(DAY)
            await tend_all(store)
        found = await type_rules(store)
        assert found == TypeRules(Settings(concurrency=5), Settings(**DEFAULTS))


class DefaultTagConformance(Conformance):
    """A change of a type's settings with `if_match` goes by the tag of both."""

    async def test_the_present_tag_of_a_type_lets_a_change_be_made(self, store: QueueStore) -> None:
        assert await patch_if(store, UNSET_TAG, weight=2) is CHANGED
        assert await patch_if(store, "another", await tag(store), weight=3) is CHANGED
        assert (await type_rules(store)).defaults == Settings(weight=3)

    @pytest.mark.parametrize("tags", [(), ("another",), ("*", UNSET_TAG)])
    async def test_another_tag_changes_nothing_of_a_type(
        self, store: QueueStore, tags: tuple[str, ...]
    ) -> None:
        await set_defaults(store, weight=2)
        await enqueue(store, "q", "j")
        assert await patch_if(store, *tags, weight=3, freeze=1000) is ChangeOutcome.MISMATCH
        assert await type_rules(store) == TypeRules(defaults=Settings(weight=2))
        assert not (await rules(store)).pending

    async def test_settings_and_defaults_both_change_the_tag(self, store: QueueStore) -> None:
        await set_defaults(store, concurrency=2)
        of_defaults = await tag(store)
        await set_defaults(store, concurrency=None)
        await patch_type(store, concurrency=2)
        assert await tag(store) not in {of_defaults, UNSET_TAG}
        assert await patch_if(store, of_defaults, UNSET_TAG, weight=2) is ChangeOutcome.MISMATCH

    async def test_settings_of_queues_do_not_change_the_tag_of_their_type(
        self, store: QueueStore
    ) -> None:
        await patch(store, **FIELDS)
        assert await tag(store) == UNSET_TAG

    async def test_of_many_changes_of_a_type_at_the_same_time_one_is_made(
        self, store: QueueStore
    ) -> None:
        calls = [patch_if(store, UNSET_TAG, weight=weight) for weight in range(1, 21)]
        outcomes = await asyncio.gather(*calls)
        assert outcomes.count(CHANGED) == 1
        found = (await type_rules(store)).defaults
        assert found == Settings(weight=1 + outcomes.index(CHANGED))

    async def test_changes_of_many_defaults_at_the_same_time_are_all_made(
        self, store: QueueStore
    ) -> None:
        await asyncio.gather(
            patch_type(store, concurrency=9),
            *(set_defaults(store, **{name: DEFAULTS[name]}) for name in DEFAULTS),
        )
        found = await type_rules(store)
        assert found == TypeRules(Settings(concurrency=9), Settings(**DEFAULTS))


class NewQueueDefaultsConformance(Conformance):
    """A queue that comes into being has taken up the defaults as they are."""

    async def test_a_new_queue_has_the_defaults(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,), weight=5)
        await enqueue(store, "q", "1", "2", "3", interval=7)
        found = await rules(store)
        assert not found.pending
        assert found.in_effect == Settings((EACH_SECOND,), weight=5)
        assert found.settings == NO_SETTINGS
        await goes_at(store, clock, 0, 1000)

    async def test_a_queue_that_is_not_there_shows_the_defaults_as_they_are(
        self, store: QueueStore
    ) -> None:
        await set_defaults(store, **DEFAULTS)
        await patch(store, weight=9)
        found = await rules(store)
        assert (found.settings, found.pending) == (Settings(weight=9), False)
        assert found.in_effect == Settings(**DEFAULTS | {"weight": 9})
        await set_defaults(store, limits=None, concurrency=1)
        found = await rules(store)
        assert not found.pending
        assert found.in_effect == Settings((), concurrency=1, weight=9, max_length=7)

    async def test_a_queue_that_comes_back_takes_up_the_defaults_as_they_are(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_defaults(store, limits=(EACH_SECOND,))
        await enqueue(store, "q", "gone")
        await goes_freely(store, 1)
        await set_defaults(store, limits=None, concurrency=1)
        clock.advance(10)
        await enqueue(store, "q", "1", "2", interval=300)
        assert not (await rules(store)).pending
        assert (await rules(store)).in_effect.concurrency == 1
        await goes_at(store, clock, 300, 600)

    async def test_a_dead_queue_has_nothing_pending(self, store: QueueStore) -> None:
        await enqueue(store, "q", "gone")
        await goes_freely(store, 1)
        await set_defaults(store, weight=2)
        assert not (await rules(store)).pending
