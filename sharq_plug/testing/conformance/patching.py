"""Settings: a patch changes the fields that it has, and no others."""

from typing import Any

import pytest

from sharq_plug.model import (
    NO_SETTINGS,
    ChangeOutcome,
    Limit,
    PatchQueue,
    QueueRules,
    SetInterval,
    Setting,
    Settings,
    SettingsPatch,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import CHANGED, patch, rules
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
)

LIMITS = (Limit(2, 1000, 3), Limit(5, 10, unit="token"))
FIELDS: dict[str, Any] = {
    "limits": LIMITS,
    "concurrency": 4,
    "weight": 3,
    "max_length": 7,
    "paused": True,
}


def taken_back(*fields: str) -> dict[str, Any]:
    """Return what to patch to take these settings back."""
    return dict.fromkeys(fields)


class SettingsConformance(Conformance):
    """A patch changes the fields that it has, and no others."""

    async def test_a_queue_has_no_settings_unless_they_are_set(self, store: QueueStore) -> None:
        assert await rules(store) == QueueRules(in_effect=Settings(()))

    @pytest.mark.parametrize("field", FIELDS)
    async def test_a_field_is_set_and_taken_back_by_itself(
        self, store: QueueStore, field: str
    ) -> None:
        await patch(store, **{field: FIELDS[field]})
        assert (await rules(store)).settings == Settings(**{field: FIELDS[field]})
        await patch(store, **taken_back(field))
        assert (await rules(store)).settings == NO_SETTINGS

    @pytest.mark.parametrize("field", FIELDS)
    async def test_a_field_that_is_taken_back_leaves_the_others(
        self, store: QueueStore, field: str
    ) -> None:
        await patch(store, **FIELDS)
        assert (await rules(store)).settings == Settings(**FIELDS)
        await patch(store, **taken_back(field))
        left = {name: value for name, value in FIELDS.items() if name != field}
        assert (await rules(store)).settings == Settings(**left)
        await patch(store, **{field: FIELDS[field]})
        assert (await rules(store)).settings == Settings(**FIELDS)

    async def test_a_patch_replaces_what_was_set(self, store: QueueStore) -> None:
        await patch(store, **FIELDS)
        changed: dict[str, Any] = {"limits": (), "weight": 100, "paused": False}
        await patch(store, **changed)
        assert (await rules(store)).settings == Settings(**FIELDS | changed)

    async def test_a_patch_without_fields_changes_nothing(self, store: QueueStore) -> None:
        await patch(store)
        assert (await rules(store)).settings == NO_SETTINGS
        await patch(store, **FIELDS)
        await patch(store)
        assert (await rules(store)).settings == Settings(**FIELDS)

    async def test_what_is_set_is_in_effect(self, store: QueueStore) -> None:
        await patch(store, **FIELDS)
        assert (await rules(store)).in_effect == Settings(**FIELDS)
        await enqueue(store, "q", "j", interval=5)
        assert (await rules(store)).in_effect == Settings(**FIELDS)

    async def test_no_limits_are_in_effect_where_nothing_is_set(self, store: QueueStore) -> None:
        await patch(store, weight=3)
        await enqueue(store, "q", "j")
        assert (await rules(store)).in_effect == Settings(limits=(), weight=3)

    async def test_each_queue_and_type_has_settings_of_its_own(self, store: QueueStore) -> None:
        await patch(store, weight=2)
        await patch(store, "p", weight=3)
        await patch(store, weight=4, queue_type="other")
        assert (await rules(store)).settings.weight == 2
        assert (await rules(store, "p")).settings.weight == 3
        assert (await rules(store, queue_type="other")).settings.weight == 4
        await patch(store, weight=None)
        assert (await rules(store, "p")).settings.weight == 3
        assert (await rules(store, queue_type="other")).settings.weight == 4

    async def test_the_patches_of_a_call_come_one_after_the_other(self, store: QueueStore) -> None:
        changes: list[Setting] = [
            PatchQueue("q", SettingsPatch(weight=2, concurrency=5)),
            SetInterval("q", 1000),
            PatchQueue("q", SettingsPatch(weight=None)),
            PatchQueue("p", SettingsPatch(weight=9)),
            PatchQueue("q", SettingsPatch(max_length=1)),
        ]
        outcomes = await store.configure(TYPE, changes)
        assert outcomes == [CHANGED, ChangeOutcome.UNKNOWN, CHANGED, CHANGED, CHANGED]
        assert (await rules(store)).settings == Settings(concurrency=5, max_length=1)
        assert (await rules(store, "p")).settings == Settings(weight=9)

    async def test_the_largest_settings_are_kept(self, store: QueueStore) -> None:
        largest: dict[str, Any] = {
            "limits": tuple(
                Limit(10**6, 10**12, 4000 - n, f"{n}".ljust(100, ":")) for n in range(5)
            ),
            "concurrency": 2**53 - 1,
            "weight": 100,
            "max_length": 2**53 - 1,
            "paused": True,
        }
        await patch(store, **largest)
        assert (await rules(store)).settings == Settings(**largest)
