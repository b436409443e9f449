"""What is owed to shared limits: queues that come and go, and corrections."""

from sharq_plug.model import Limit
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.setting import (
    finish_with,
    patch,
    patch_type,
    set_limits,
)
from sharq_plug.testing.conformance.sharing import (
    bring,
    owed,
    share,
    stock,
)
from sharq_plug.testing.conformance.vocabulary import (
    enqueue,
    take,
    take_batch,
    take_exactly_at,
)

EACH_100 = Limit(1, 100)


class SharedDebtConformance(Conformance):
    """What is owed to a shared limit stays with it, whichever queues come and go."""

    async def test_a_queue_that_comes_to_it_later_waits_for_what_others_paid(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        start = clock.now()
        await share(store, EACH_100)
        await stock(store, "a", "x", jobs=1)
        await take(store)
        await enqueue(store, "b", "j", uses=bring("x"))
        await take_exactly_at(store, clock, start + 100)

    async def test_a_queue_that_leaves_it_takes_no_debt_along(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await share(store, EACH_100)
        await share(store, EACH_100, name="y")
        await stock(store, "q", "x")
        await take(store)
        await patch(store, "q", uses=("y",))
        await take(store)
        await patch(store, "q", uses=())
        await take_batch(store, 2)
        assert await owed(store, "x", "y") == [(1,), (1,)]
        clock.advance(100)
        assert await owed(store, "x", "y") == [(0,), (0,)]


class SharedCorrectionConformance(Conformance):
    """A finish that says what the job took corrects what its shared limits are owed."""

    async def test_both_and_the_queue_and_the_gate_are_corrected(self, store: QueueStore) -> None:
        for name in ("x", "y"):
            await share(store, EACH_100, Limit(1, 9, unit="t"), name=name)
        await patch_type(store, limits=(EACH_100,))
        await set_limits(store, EACH_100)
        await stock(store, "q", "x", "y", cost={"t": 4})
        await finish_with(store, await take(store), job=5)
        assert await owed(store, "x", "y") == [(5, 4), (5, 4)]

    async def test_it_corrects_what_the_lease_was_charged_to_whatever_the_queue_uses_now(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        for name in ("x", "y", "z"):
            await share(store, EACH_100, name=name)
        await stock(store, "q", "x", "y")
        job = await take(store)
        await patch(store, "q", uses=("y", "z"))
        clock.advance(10)
        await finish_with(store, job, job=4)
        assert await owed(store, "x", "y", "z") == [(4,), (4,), (0,)]
