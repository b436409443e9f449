"""Settings of a gate: set, shown, kept and taken back."""

import pytest

from sharq_plug.model import (
    ChangeOutcome,
    JobState,
    PatchQueue,
    PatchType,
    Setting,
    Settings,
    SettingsPatch,
    TypeRules,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.limiter_freezes import SET, TAKEN_BACK
from sharq_plug.testing.conformance.operating import DAY, clear_states, types
from sharq_plug.testing.conformance.setting import (
    CHANGED,
    configure,
    patch,
    patch_type,
    rules,
    set_defaults,
    type_rules,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    enqueue,
    fail_job,
    listed,
    take,
    take_batch,
    take_exactly_at,
)

MISMATCH = ChangeOutcome.MISMATCH


class GateSettingsConformance(Conformance):
    """What is set for a type stays until it is taken back, whether the type has jobs or not."""

    async def test_a_type_has_an_open_gate_unless_it_is_set(self, store: QueueStore) -> None:
        assert await type_rules(store) == TypeRules()
        await enqueue(store, "q", "j")
        assert await type_rules(store) == TypeRules()

    @pytest.mark.parametrize("field", SET)
    async def test_a_field_of_a_gate_is_set_and_taken_back_by_itself(
        self, store: QueueStore, field: str
    ) -> None:
        await patch_type(store, **{field: SET[field]})
        assert (await type_rules(store)).settings == Settings(**{field: SET[field]})
        await patch_type(store, **SET)
        await patch_type(store, **{field: TAKEN_BACK[field]})
        left = {name: value for name, value in SET.items() if name != field}
        assert (await type_rules(store)).settings == Settings(**left)

    async def test_a_patch_of_a_type_without_fields_changes_nothing(
        self, store: QueueStore
    ) -> None:
        await patch_type(store)
        assert await type_rules(store) == TypeRules()
        await patch_type(store, **SET)
        await patch_type(store)
        assert (await type_rules(store)).settings == Settings(**SET)

    async def test_the_gate_of_a_type_that_does_not_exist_is_set_and_shows_in_no_listing(
        self, store: QueueStore
    ) -> None:
        await patch_type(store, **SET)
        assert await types(store) == {}
        assert await listed(store, None) == await listed(store) == set()
        await tend_all(store)
        assert (await type_rules(store)).settings == Settings(**SET)
        await enqueue(store, "q", "j")
        assert await take_batch(store, 1) == []

    @pytest.mark.parametrize("purge", [False, True])
    async def test_it_stays_when_the_type_is_cleared_and_forgotten(
        self, store: QueueStore, clock: ManualClock, *, purge: bool
    ) -> None:
        await patch_type(store, **SET)
        await enqueue(store, "q", "j")
        await clear_states(store, None, *JobState, counts=purge)
        for _ in range(3):
            clock.advance(DAY)
            await tend_all(store)
        assert (await type_rules(store)).settings == Settings(**SET)
        await enqueue(store, "q", "j")
        assert await take_batch(store, 1) == []

    async def test_what_is_taken_back_leaves_nothing(self, store: QueueStore) -> None:
        await patch_type(store, **SET)
        await patch_type(store, **TAKEN_BACK)
        assert await type_rules(store) == TypeRules()
        await enqueue(store, "q", *(f"j{n}" for n in range(20)))
        assert len(await take_batch(store, 20)) == 20

    async def test_types_have_gates_of_their_own(self, store: QueueStore) -> None:
        for n in range(1, 40):
            await patch_type(store, queue_type=f"t{n}", concurrency=n)
        for n in range(1, 40):
            found = await type_rules(store, queue_type=f"t{n}")
            assert found.settings == Settings(concurrency=n)
        assert await type_rules(store, queue_type="t0") == TypeRules()

    async def test_settings_of_a_queue_and_of_its_type_are_two(self, store: QueueStore) -> None:
        await patch_type(store, concurrency=3)
        await patch(store, concurrency=5)
        assert (await type_rules(store)).settings == Settings(concurrency=3)
        assert (await rules(store)).settings == Settings(concurrency=5)

    async def test_changes_of_a_call_go_one_after_the_other(self, store: QueueStore) -> None:
        tags = (TypeRules(Settings(concurrency=1)).tag(),)
        changes: list[Setting] = [
            PatchType(SettingsPatch(concurrency=1)),
            PatchQueue("q", SettingsPatch(weight=2)),
            PatchType(SettingsPatch(concurrency=2), if_match=tags),
            PatchType(SettingsPatch(concurrency=3), if_match=tags),
        ]
        outcomes = await store.configure(TYPE, changes)
        assert outcomes == [CHANGED, CHANGED, CHANGED, MISMATCH]
        assert (await type_rules(store)).settings == Settings(concurrency=2)


class TypeTagConformance(Conformance):
    """A change that names a tag is made only if the settings still have it."""

    async def test_a_type_that_nobody_knows_has_the_tag_of_no_settings(
        self, store: QueueStore
    ) -> None:
        change = PatchType(SettingsPatch(concurrency=1), if_match=(TypeRules().tag(),))
        assert await configure(store, change) is CHANGED
        assert await configure(store, change) is MISMATCH

    async def test_any_of_several_tags_is_enough(self, store: QueueStore) -> None:
        await patch_type(store, **SET)
        tag = (await type_rules(store)).tag()
        change = PatchType(SettingsPatch(concurrency=1), if_match=("no", tag))
        assert await configure(store, change) is CHANGED

    @pytest.mark.parametrize("tags", [(), ("no",)])
    async def test_a_change_with_another_tag_changes_nothing(
        self, store: QueueStore, tags: tuple[str, ...]
    ) -> None:
        await patch_type(store, concurrency=4, freeze=100)
        await set_defaults(store, weight=2)
        before = await type_rules(store)
        fields = SettingsPatch(concurrency=1), SettingsPatch(weight=9)
        assert await configure(store, PatchType(*fields, freeze=0, if_match=tags)) is MISMATCH
        assert await type_rules(store) == before

    async def test_a_tag_differs_with_the_gate_and_with_the_defaults_and_with_nothing_else(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        tags = [(await type_rules(store)).tag()]
        await patch_type(store, concurrency=3)
        tags.append((await type_rules(store)).tag())
        await patch_type(store, concurrency=None)
        await set_defaults(store, concurrency=3)
        tags.append((await type_rules(store)).tag())
        assert len(set(tags)) == 3
        await patch_type(store, freeze=1000)
        await enqueue(store, "q", "j")
        clock.advance(1000)
        await take(store)
        assert (await type_rules(store)).tag() == tags[-1]


class TypeFreezeConformance(Conformance):
    """A freeze of a type and one of a queue are two."""

    async def test_a_freeze_of_a_queue_is_another(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        end = clock.now() + 500
        await enqueue(store, "q", "j1", "j2")
        await fail_job(store, await take(store), freeze=900)
        await enqueue(store, "p", "j")
        await patch_type(store, freeze=500)
        assert (await rules(store)).frozen_until == end + 400
        assert (await take_exactly_at(store, clock, end)).queue_id == "p"
        await take_exactly_at(store, clock, end + 400)
