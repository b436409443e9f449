"""What a queue uses: its settings, its type's defaults, or what an enqueue brought."""

import pytest

from sharq_plug.model import Deduplicate, EnqueueOutcome
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.operating import let_each_die, redrive, redrive_range
from sharq_plug.testing.conformance.setting import (
    CHANGED,
    patch,
    rules,
    set_defaults,
    type_rules,
)
from sharq_plug.testing.conformance.sharing import (
    bring,
    drop,
    find_limit,
    make,
    owed,
)
from sharq_plug.testing.conformance.vocabulary import (
    clear,
    enqueue,
    enqueue_one,
    fail_job,
    finish_job,
    let_expire,
    new_job,
    release_job,
    take,
    take_batch,
)

Names = tuple[str, ...]


async def used(store: QueueStore, queue_id: str = "q") -> Names:
    """Return what a queue uses."""
    return (await rules(store, queue_id)).in_effect.uses or ()


class UsesPrecedenceConformance(Conformance):
    """The queue's settings, else the defaults, else what was brought; () counts as set."""

    @pytest.mark.parametrize(
        ("own", "defaults", "brought", "expected"),
        [
            (None, None, None, ()),
            (None, None, ("x", "y"), ("x", "y")),
            (None, None, (), ()),
            (None, ("y",), ("x",), ("y",)),
            (None, (), ("x",), ()),
            (("z",), ("y",), ("x",), ("z",)),
            (("z",), None, ("x",), ("z",)),
            ((), ("y",), ("x",), ()),
            ((), None, ("x",), ()),
            (("x", "z"), ("x", "y"), None, ("x", "z")),
        ],
        ids=str,
    )
    async def test_the_first_that_is_set_is_in_effect(
        self,
        store: QueueStore,
        own: Names | None,
        defaults: Names | None,
        brought: Names | None,
        expected: Names,
    ) -> None:
        await make(store)
        await patch(store, uses=own)
        await set_defaults(store, uses=defaults)
        uses = None if brought is None else bring(*brought)
        await enqueue(store, "q", "j1", "j2", uses=uses)
        assert await used(store) == expected
        await take(store)
        assert await owed(store, "x", "y", "z") == [(int(name in expected),) for name in "xyz"]

    async def test_each_is_in_effect_once_those_before_it_are_taken_back(
        self, store: QueueStore
    ) -> None:
        await make(store)
        await patch(store, uses=("z",))
        await set_defaults(store, uses=("y",))
        await enqueue(store, "q", "j", uses=bring("x"))
        assert await used(store) == ("z",)
        await patch(store, uses=None)
        assert await used(store) == ("y",)
        await set_defaults(store, uses=None)
        await patch(store)
        assert await used(store) == ("x",)

    async def test_what_is_set_is_shown(self, store: QueueStore) -> None:
        await make(store)
        await patch(store, uses=("x", "y"))
        await set_defaults(store, uses=("z",))
        assert (await rules(store)).settings.uses == ("x", "y")
        assert (await type_rules(store)).defaults.uses == ("z",)
        await patch(store, uses=())
        assert (await rules(store)).settings.uses == ()

    async def test_the_tags_of_queues_and_types_differ_with_what_they_use(
        self, store: QueueStore
    ) -> None:
        await make(store)
        tags = [(await rules(store)).tag()]
        for uses in (("x",), ("y",), ()):
            await patch(store, uses=uses)
            tags.append((await rules(store)).tag())
        assert len(set(tags)) == 4
        before = (await type_rules(store)).tag()
        await set_defaults(store, uses=("x",))
        assert (await type_rules(store)).tag() != before


class BroughtUsesConformance(Conformance):
    """What an enqueue brings stays while a job lives in the queue, as its interval does."""

    async def test_the_latest_that_was_brought_counts(self, store: QueueStore) -> None:
        await make(store)
        await enqueue(store, "q", "j1", uses=bring("x"))
        await enqueue(store, "q", "j2", uses=bring("y", "z"))
        assert await used(store) == ("y", "z")
        await enqueue(store, "q", "j3")
        assert await used(store) == ("y", "z")
        await enqueue(store, "q", "j4", uses=())
        assert await used(store) == ()
        assert [(await find_limit(store, name)).queues for name in "xyz"] == [0, 0, 0]

    async def test_a_duplicate_brings_what_its_queue_uses(self, store: QueueStore) -> None:
        await make(store)
        key = Deduplicate("key", 1000)
        await enqueue(store, "q", "j", uses=bring("x"), deduplicate=key)
        for job in (
            new_job("q", "j", uses=bring("y")),
            new_job("q", "k", uses=bring("z"), deduplicate=key),
        ):
            assert await enqueue_one(store, job) is EnqueueOutcome.DUPLICATE
            assert job.extras is not None
            assert job.extras.uses is not None
            assert await used(store) == (job.extras.uses[0].name,)

    async def test_it_is_forgotten_with_the_last_job(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await enqueue(store, "q", "j", uses=bring("x"), interval=10**6)
        await finish_job(store, await take(store))
        assert await used(store) == ()
        clock.advance(10**6)
        await enqueue(store, "q", "j")
        assert await used(store) == ()
        await take(store)
        assert await owed(store, "x") == [(0,)]

    async def test_it_is_forgotten_when_the_queue_is_cleared(self, store: QueueStore) -> None:
        await make(store)
        await enqueue(store, "q", "j", uses=bring("x"))
        await clear(store, "q")
        await enqueue(store, "q", "j")
        assert await used(store) == ()

    async def test_it_stays_while_a_job_is_leased_or_delayed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await enqueue(store, "q", "j", uses=bring("x"))
        await release_job(store, await take(store), delay=100)
        clock.advance(100)
        await let_expire(store, clock)
        await fail_job(store, await take(store))
        assert await used(store) == ("x",)
        await take(store)
        assert await owed(store, "x") == [(4,)]

    async def test_it_is_kept_behind_settings_that_say_otherwise(self, store: QueueStore) -> None:
        await make(store)
        await patch(store, uses=("y",))
        await enqueue(store, "q", "j", uses=bring("x"))
        await patch(store, uses=None)
        assert await used(store) == ("x",)

    async def test_two_queues_may_bring_different_ones(self, store: QueueStore) -> None:
        await make(store)
        await enqueue(store, "a", "j1", "j2", uses=bring("x", "y"))
        await enqueue(store, "b", "j", uses=bring("y", "z"))
        await take_batch(store, 9)
        assert await owed(store, "x", "y", "z") == [(2,), (3,), (1,)]


class RedrivenUsesConformance(Conformance):
    """A redrive that finds no queue brings what the queue of the dead job was brought."""

    @pytest.mark.parametrize("by_range", [True, False])
    async def test_a_redriven_job_brings_what_its_queue_was_brought(
        self, store: QueueStore, *, by_range: bool
    ) -> None:
        await make(store)
        await let_each_die(store, "q", "j", uses=bring("x", "y"))
        assert await used(store) == ()
        if by_range:
            assert (await redrive_range(store)).count == 1
        else:
            await redrive(store, 1)
        assert await used(store) == ("x", "y")
        await take(store)
        assert await owed(store, "x", "y", "z") == [(2,), (2,), (0,)]

    async def test_what_the_queue_was_brought_at_the_death_counts(self, store: QueueStore) -> None:
        await make(store)
        await enqueue(store, "q", "dies", uses=bring("x"))
        job = await take(store)
        await enqueue(store, "q", "j", uses=bring("y"))
        await fail_job(store, job, dead=True)
        await clear(store, "q")
        await redrive(store, 1)
        assert await used(store) == ("y",)

    async def test_a_queue_that_exists_keeps_what_it_was_brought(self, store: QueueStore) -> None:
        await make(store)
        await let_each_die(store, "q", "dies", uses=bring("x"))
        await enqueue(store, "q", "j", uses=bring("z"))
        await redrive(store, 1)
        assert await used(store) == ("z",)

    async def test_those_that_are_gone_are_left_out(self, store: QueueStore) -> None:
        await make(store)
        await let_each_die(store, "q", "j", uses=bring("x", "y"))
        assert await drop(store, "x") is CHANGED
        await redrive(store, 1)
        assert await used(store) == ("y",)
        assert await drop(store, "y") is not CHANGED
        await take(store)

    async def test_a_death_by_its_ttl_or_its_last_lease_keeps_what_was_brought(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await make(store)
        await enqueue(store, "a", "expires", uses=bring("x"), requeue_limit=0)
        await let_expire(store, clock, dies=True)
        await enqueue(store, "b", "ends", uses=bring("y"), ttl=100)
        clock.advance(100)
        await tend_all(store)
        await redrive(store, 1, 2)
        assert (await used(store, "a"), await used(store, "b")) == (("x",), ("y",))

    async def test_settings_and_defaults_come_before_it(self, store: QueueStore) -> None:
        await make(store)
        await set_defaults(store, uses=("z",))
        await let_each_die(store, "q", "j", uses=bring("x"))
        await redrive(store, 1)
        assert await used(store) == ("z",)
        await set_defaults(store, uses=None)
        await patch(store)
        assert await used(store) == ("x",)
