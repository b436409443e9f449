"""Shared limits that an enqueue creates, and names that are unknown."""

from typing import Any

import pytest

from sharq_plug.model import (
    ChangeOutcome,
    Deduplicate,
    EnqueueOutcome,
    Limit,
    PatchQueue,
    PatchType,
    Settings,
    SettingsPatch,
    Use,
)
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import totals, types
from sharq_plug.testing.conformance.setting import (
    CHANGED,
    configure,
    patch,
    rules,
    set_defaults,
    type_rules,
)
from sharq_plug.testing.conformance.sharing import (
    UNKNOWN_LIMIT,
    bring,
    drop,
    find_limit,
    limit_names,
    patch_limit,
    share,
)
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    counted,
    enqueue,
    enqueue_one,
    finish_job,
    lengths,
    listed,
    new_job,
    take,
    take_exactly_at,
)

EACH_100 = (Limit(1, 100),)
REFUSED = EnqueueOutcome.UNKNOWN_LIMIT
CREATED = bring("x", limits=EACH_100)

every_bare_name = pytest.mark.parametrize(
    "uses",
    [
        bring("no"),
        bring("no", "x"),
        (Use("new", EACH_100), Use("no")),
        (Use("no"), Use("well", EACH_100)),
    ],
    ids=str,
)


class CreationConformance(Conformance):
    """An enqueue that brings limits with a name creates the shared limit if it is missing."""

    @pytest.mark.parametrize("limits", [EACH_100, (), (Limit(2, 9, 3, "t"), Limit(1, 5))], ids=str)
    async def test_an_enqueue_creates_a_shared_limit_with_the_limits_that_it_brings(
        self, store: QueueStore, clock: ManualClock, limits: tuple[Limit, ...]
    ) -> None:
        await enqueue(store, "q", "j", uses=bring("x", limits=limits))
        view = await find_limit(store)
        assert view.rules.settings == Settings(limits)
        assert (view.owed, view.opens_at, view.queues) == ((0,) * len(limits), clock.now(), 1)

    async def test_what_an_enqueue_created_holds_its_queue(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await enqueue(store, "a", "j", uses=CREATED)
        await enqueue(store, "b", "j", uses=bring("x"))
        await take(store)
        assert (await take_exactly_at(store, clock, start + 100)).queue_id == "b"

    async def test_an_enqueue_creates_two(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j", uses=bring("x", "y", limits=EACH_100))
        assert await limit_names(store) == ["x", "y"]
        assert (await rules(store)).in_effect.uses == ("x", "y")

    async def test_an_enqueue_changes_no_shared_limit_that_is_there(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store, concurrency=3)
        await enqueue(store, "q", "j", uses=CREATED)
        assert (await find_limit(store)).rules.settings == Settings(concurrency=3)
        await share(store, Limit(1, 7))
        await enqueue(store, "q", "j2", uses=CREATED)
        assert (await find_limit(store)).rules.settings == Settings((Limit(1, 7),), concurrency=3)

    async def test_it_creates_one_also_where_settings_say_otherwise(
        self, store: QueueStore
    ) -> None:
        await patch(store, uses=())
        await enqueue(store, "q", "j1", "j2", uses=CREATED)
        assert await limit_names(store) == ["x"]
        await take(store)
        assert (await find_limit(store)).owed == (0,)

    async def test_a_duplicate_creates_what_is_missing_and_uses_it(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        job = new_job("q", "j", uses=CREATED)
        assert await enqueue_one(store, job) is EnqueueOutcome.DUPLICATE
        assert await limit_names(store) == ["x"]
        assert (await rules(store)).in_effect.uses == ("x",)

    async def test_a_duplicate_by_its_key_creates_what_is_missing_where_no_queue_is(
        self, store: QueueStore
    ) -> None:
        key = Deduplicate("key", 1000)
        await enqueue(store, "q", "j", deduplicate=key)
        await finish_job(store, await take(store))
        job = new_job("q", "k", uses=CREATED, deduplicate=key)
        assert await enqueue_one(store, job) is EnqueueOutcome.DUPLICATE
        assert await limit_names(store) == ["x"]
        assert await drop(store) is CHANGED

    @pytest.mark.parametrize(
        ("fields", "outcome"),
        [
            ({"max_queued_length": 1}, EnqueueOutcome.QUEUE_FULL),
            ({"interval": None}, EnqueueOutcome.NO_INTERVAL),
        ],
        ids=str,
    )
    async def test_a_refused_enqueue_creates_and_brings_nothing(
        self, store: QueueStore, fields: dict[str, Any], outcome: EnqueueOutcome
    ) -> None:
        await enqueue(store, "q", "j")
        await patch_limit(store, "y")
        for uses in (CREATED, bring("y"), (*CREATED, *bring("y"))):
            assert await enqueue_one(store, new_job("q", "k", uses=uses, **fields)) is outcome
        assert await limit_names(store) == ["y"]
        assert await drop(store, "y") is CHANGED

    async def test_a_later_job_of_the_batch_may_name_what_an_earlier_one_created(
        self, store: QueueStore
    ) -> None:
        jobs = [
            new_job("a", "j", uses=bring("x")),
            new_job("b", "j", uses=CREATED),
            new_job("c", "j", uses=bring("x")),
        ]
        outcomes = [result.outcome for result in await store.enqueue(TYPE, jobs)]
        assert outcomes == [REFUSED, EnqueueOutcome.QUEUED, EnqueueOutcome.QUEUED]
        assert await listed(store) == {"b", "c"}
        assert (await find_limit(store)).queues == 2


class UnknownLimitConformance(Conformance):
    """What names a shared limit that there is not is refused, and nothing changes."""

    @every_bare_name
    async def test_an_enqueue_with_an_unknown_name_changes_nothing(
        self, store: QueueStore, uses: tuple[Use, ...]
    ) -> None:
        await patch_limit(store, "x", queue_type="other")
        assert await enqueue_one(store, new_job("q", "j", uses=uses)) is REFUSED
        assert await listed(store) == set()
        assert await types(store) == {}
        assert await counted(store, "q") == (0, 0)
        assert (await totals(store)).enqueued == 0
        assert await limit_names(store) == []

    @every_bare_name
    async def test_it_changes_nothing_of_a_queue_that_exists(
        self, store: QueueStore, clock: ManualClock, uses: tuple[Use, ...]
    ) -> None:
        start = clock.now()
        await patch_limit(store)
        await enqueue(store, "q", "j1", "j2", uses=bring("x"), interval=300)
        job = new_job("q", "j3", uses=uses, interval=9000)
        assert await enqueue_one(store, job) is REFUSED
        assert await lengths(store, "q") == (2, 0, 0)
        assert (await rules(store)).in_effect.uses == ("x",)
        await take(store)
        await take_exactly_at(store, clock, start + 300)

    async def test_it_is_refused_also_where_settings_say_otherwise(self, store: QueueStore) -> None:
        await patch_limit(store)
        for own in ((), ("x",)):
            await patch(store, uses=own)
            assert await enqueue_one(store, new_job("q", "j", uses=bring("no"))) is REFUSED
        await patch(store, uses=None)
        await set_defaults(store, uses=())
        assert await enqueue_one(store, new_job("q", "j", uses=bring("no"))) is REFUSED

    async def test_it_is_looked_for_before_duplicates_and_full_queues_and_after_intervals(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j", interval=300)
        refused = [
            new_job("q", "j", uses=bring("no"), interval=9000),
            new_job("q", "k", uses=bring("no"), max_queued_length=1),
        ]
        for job in refused:
            assert await enqueue_one(store, job) is REFUSED
        without = new_job("q", "j", uses=bring("no"), interval=None)
        assert await enqueue_one(store, without) is EnqueueOutcome.NO_INTERVAL
        await patch_limit(store, "no")
        assert await enqueue_one(store, refused[0]) is EnqueueOutcome.DUPLICATE

    async def test_other_jobs_of_the_batch_are_queued(self, store: QueueStore) -> None:
        await patch_limit(store)
        names = ["x", "no", "x", "no", "no"]
        jobs = [new_job("q", f"j{n}", uses=bring(name)) for n, name in enumerate(names)]
        outcomes = [result.outcome for result in await store.enqueue(TYPE, jobs)]
        queued = EnqueueOutcome.QUEUED
        assert outcomes == [queued, REFUSED, queued, REFUSED, REFUSED]
        assert await lengths(store, "q") == (2, 0, 0)

    async def test_settings_of_a_queue_with_an_unknown_name_change_nothing(
        self, store: QueueStore
    ) -> None:
        await patch_limit(store)
        await patch(store, uses=("x",), weight=2, freeze=300)
        before = await rules(store)
        for uses in (("no",), ("no", "x"), ("x", "y")):
            change = PatchQueue("q", SettingsPatch(uses=uses, weight=9), freeze=0)
            assert await configure(store, change) is UNKNOWN_LIMIT
            assert await configure(store, PatchQueue("p", change.patch)) is UNKNOWN_LIMIT
        assert await rules(store) == before
        assert (await rules(store, "p")).settings == Settings()
        assert await limit_names(store) == ["x"]

    async def test_defaults_with_an_unknown_name_change_nothing(self, store: QueueStore) -> None:
        await patch_limit(store)
        await set_defaults(store, uses=("x",), weight=2)
        before = await type_rules(store)
        for uses in (("no",), ("no", "x"), ("x", "y")):
            change = PatchType(
                SettingsPatch(concurrency=1), SettingsPatch(uses=uses, weight=9), freeze=100
            )
            assert await configure(store, change) is UNKNOWN_LIMIT
        assert await type_rules(store) == before

    async def test_a_tag_is_looked_for_before_the_names(self, store: QueueStore) -> None:
        uses = SettingsPatch(uses=("no",))
        for change in (
            PatchQueue("q", uses, if_match=("tag",)),
            PatchType(defaults=uses, if_match=("tag",)),
        ):
            assert await configure(store, change) is ChangeOutcome.MISMATCH

    async def test_a_shared_limit_that_was_dropped_is_unknown(self, store: QueueStore) -> None:
        await patch_limit(store)
        assert await drop(store) is CHANGED
        assert await enqueue_one(store, new_job("q", "j", uses=bring("x"))) is REFUSED
        change = PatchQueue("q", SettingsPatch(uses=("x",)))
        assert await configure(store, change) is UNKNOWN_LIMIT

    async def test_a_shared_limit_of_another_type_is_unknown(self, store: QueueStore) -> None:
        await patch_limit(store, queue_type="other")
        assert await enqueue_one(store, new_job("q", "j", uses=bring("x"))) is REFUSED
        change = PatchQueue("q", SettingsPatch(uses=("x",)))
        assert await configure(store, change) is UNKNOWN_LIMIT
