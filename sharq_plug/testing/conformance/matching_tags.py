"""If-Match: settings change only if they are still those that the caller saw."""

import asyncio
from typing import Any

import pytest

from sharq_plug.model import (
    NO_SETTINGS,
    ChangeOutcome,
    PatchQueue,
    QueueRules,
    Settings,
    SettingsPatch,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiting import BEGINNING, EACH_SECOND, goes_at, move_to, stock
from sharq_plug.testing.conformance.patching import FIELDS, taken_back
from sharq_plug.testing.conformance.setting import CHANGED, configure, patch, rules, set_limits
from sharq_plug.testing.conformance.vocabulary import TYPE, enqueue

MISMATCH = ChangeOutcome.MISMATCH
UNSET_TAG = QueueRules().tag()


async def patch_if(
    store: QueueStore, *tags: str, freeze: int | None = None, **settings: Any
) -> ChangeOutcome:
    """Change settings of queue "q" if their tag is one of these."""
    change = PatchQueue("q", SettingsPatch(**settings), freeze, if_match=tags)
    return await configure(store, change)


async def tag(store: QueueStore) -> str:
    """Return the tag of the settings of queue "q"."""
    return (await rules(store)).tag()


class TagConformance(Conformance):
    """A change with `if_match` is made if the tag of the present settings is among them."""

    async def test_the_present_tag_lets_a_change_be_made(self, store: QueueStore) -> None:
        assert await patch_if(store, UNSET_TAG, weight=2) is CHANGED
        assert await patch_if(store, await tag(store), weight=3) is CHANGED
        assert (await rules(store)).settings == Settings(weight=3)

    @pytest.mark.parametrize("tags", [(), ("another",), ("another", "*", UNSET_TAG)])
    async def test_another_tag_changes_nothing(
        self, store: QueueStore, tags: tuple[str, ...]
    ) -> None:
        await patch(store, weight=2)
        assert await patch_if(store, *tags, weight=3, concurrency=1) is MISMATCH
        assert (await rules(store)).settings == Settings(weight=2)

    async def test_one_of_several_tags_is_enough(self, store: QueueStore) -> None:
        await patch(store, weight=2)
        assert await patch_if(store, "another", await tag(store), weight=3) is CHANGED

    @pytest.mark.parametrize("field", FIELDS)
    async def test_each_field_changes_the_tag(self, store: QueueStore, field: str) -> None:
        await patch(store, **{field: FIELDS[field]})
        assert await patch_if(store, UNSET_TAG, max_length=9) is MISMATCH
        await patch(store, **taken_back(field))
        assert await patch_if(store, UNSET_TAG, max_length=9) is CHANGED

    async def test_the_same_settings_have_the_same_tag(self, store: QueueStore) -> None:
        await patch(store, weight=2, limits=(EACH_SECOND,))
        before = await tag(store)
        await patch(store, weight=3, limits=())
        assert await patch_if(store, before, concurrency=1) is MISMATCH
        await patch(store, limits=(EACH_SECOND,), weight=2)
        assert await patch_if(store, before, concurrency=1) is CHANGED

    async def test_what_happens_to_jobs_does_not_change_it(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await set_limits(store, EACH_SECOND)
        before = await tag(store)
        await enqueue(store, "q", "1", "2", interval=5)
        await goes_at(store, clock, 0, 1000)
        assert await patch_if(store, before, weight=3) is CHANGED

    async def test_a_freeze_does_not_change_it(self, store: QueueStore) -> None:
        await patch(store, freeze=1000)
        assert await patch_if(store, UNSET_TAG, freeze=500) is CHANGED

    async def test_a_mismatch_freezes_nothing_and_ends_no_freeze(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        assert await patch_if(store, "another", freeze=500) is MISMATCH
        assert (await rules(store)).frozen_until is None
        await patch(store, freeze=1000)
        assert await patch_if(store, "another", freeze=0) is MISMATCH
        assert (await rules(store)).frozen_until == clock.now() + 1000

    async def test_a_mismatch_leaves_what_is_owed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await stock(store, EACH_SECOND)
        await goes_at(store, clock, 0)
        move_to(clock, 500)
        assert await patch_if(store, "another", limits=()) is MISMATCH
        await goes_at(store, clock, 1000)
        assert clock.now() == BEGINNING + 1000

    async def test_items_of_one_call_see_each_others_changes(self, store: QueueStore) -> None:
        changes = [
            PatchQueue("q", SettingsPatch(weight=weight), if_match=(UNSET_TAG,))
            for weight in (2, 3, None)
        ]
        changes.append(PatchQueue("q", SettingsPatch(weight=None)))
        changes.append(changes[1])
        outcomes = await store.configure(TYPE, changes)
        assert outcomes == [CHANGED, MISMATCH, MISMATCH, CHANGED, CHANGED]
        assert (await rules(store)).settings == Settings(weight=3)

    async def test_of_many_at_the_same_time_one_is_made(self, store: QueueStore) -> None:
        calls = [patch_if(store, UNSET_TAG, weight=weight) for weight in range(1, 21)]
        outcomes = await asyncio.gather(*calls)
        assert sorted(outcomes, key=str) == [CHANGED] + [MISMATCH] * 19
        assert (await rules(store)).settings == Settings(weight=1 + outcomes.index(CHANGED))

    async def test_changes_of_many_fields_at_the_same_time_are_all_made(
        self, store: QueueStore
    ) -> None:
        await asyncio.gather(*(patch(store, **{name: FIELDS[name]}) for name in FIELDS))
        assert (await rules(store)).settings == Settings(**FIELDS)
        await asyncio.gather(*(patch(store, **taken_back(name)) for name in FIELDS))
        assert (await rules(store)).settings == NO_SETTINGS
