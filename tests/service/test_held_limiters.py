"""Callers that wait while a type or a shared limit is closed: what opens it wakes them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from service.asked import QUIET, AskedStore, turn, waiter
from service.holding import (
    FINISHED,
    HOUR,
    SLOW,
    Event,
    changed,
    configure,
    jobs_of,
    lease_of,
    patch,
    patch_limit,
    patch_type,
    settle,
    settled,
)
from sharq_plug.model import (
    MAX_INSTANT,
    Extend,
    Extras,
    LeaseRef,
    Limit,
    NewJob,
    PatchLimit,
    PatchType,
    Release,
    Remaining,
    Setting,
    SettingsPatch,
    Use,
)
from sharq_plug.service import QueueService
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio

Hold: TypeAlias = PatchType | PatchLimit

FAST = (Limit(1_000_000, 1, burst=2),)
NOTHING_LEFT = Remaining(0, MAX_INSTANT)


@dataclass(frozen=True)
class Limiter:
    """What limits the queue "q": its type, or a shared limit that it uses."""

    patch: Callable[..., Hold]
    begin: Callable[[Hold], Sequence[Setting]]
    """What is set before its queue is dequeued; then the hold follows."""
    disturb: Callable[[QueueService, AskedStore], Awaitable[None]]
    """Do what cannot open it."""


async def bring_jobs(_service: QueueService, store: AskedStore) -> None:
    for number in range(5):
        await store.put("j1", queue=f"sms/other{number}")


async def bring_users_and_pause_another(service: QueueService, _store: AskedStore) -> None:
    uses = Extras(uses=(Use("acme"),))
    for number in range(5):
        await service.enqueue("sms", [NewJob(f"other{number}", "j", b"1", 0, extras=uses)])
    for paused in (True, False):
        await configure(service, PatchLimit("other", SettingsPatch(paused=paused)))


OF_TYPE = Limiter(
    patch_type,
    lambda hold: [patch_type(limits=hold.patch.limits)],
    bring_jobs,
)
SHARED = Limiter(
    patch_limit,
    lambda _: [patch_limit(limits=FAST), patch(uses=("acme",))],
    bring_users_and_pause_another,
)
LIMITERS = {"type": OF_TYPE, "shared limit": SHARED}


def opened(limiter: Limiter) -> list[tuple[str, Hold, Event]]:
    """Return what opens it: a name, the hold, and the event that ends it."""
    limit = limiter.patch
    return [
        ("a resume", limit(paused=True), changed(limit(paused=False))),
        ("a freeze that is ended", limit(freeze=HOUR), changed(limit(freeze=0))),
        ("a higher rate", limit(limits=SLOW), changed(limit(limits=FAST))),
        ("limits that are taken back", limit(limits=SLOW), changed(limit(limits=None))),
        ("a higher concurrency", limit(concurrency=1), changed(limit(concurrency=2))),
        ("a finish where the concurrency was full", limit(concurrency=1), FINISHED),
        (
            "a release where the concurrency was full",
            limit(concurrency=1),
            settled(lambda _, lease: Release(lease, HOUR)),
        ),
    ]


OPENED_SHARED: Sequence[tuple[str, Hold, Event]] = [
    (
        "counts that are taken back",
        patch_limit(remaining=NOTHING_LEFT),
        changed(patch_limit(remaining=None)),
    ),
    ("a queue that uses it no more", patch_limit(paused=True), changed(patch(uses=()))),
]


async def close(service: QueueService, store: AskedStore, limiter: Limiter, hold: Hold) -> LeaseRef:
    """Have "q" give one of two jobs, close its limiter then, and return the lease."""
    for setting in limiter.begin(hold):
        await configure(service, setting)
    await store.put("j1", "j2")
    [job] = (await service.dequeue("sms")).jobs
    await configure(service, hold)
    return lease_of(job)


@pytest.mark.parametrize("queues", [None, ["q"]], ids=["any queue", "a named queue"])
@pytest.mark.parametrize(
    ("limiter", "hold", "event"),
    [
        *(
            pytest.param(limiter, hold, event, id=f"{name}, {what}")
            for name, limiter in LIMITERS.items()
            for what, hold, event in opened(limiter)
        ),
        *(
            pytest.param(SHARED, hold, event, id=f"shared limit, {what}")
            for what, hold, event in OPENED_SHARED
        ),
    ],
)
async def test_what_opens_a_type_or_a_shared_limit_wakes_a_waiter(
    limiter: Limiter, hold: Hold, event: Event, queues: list[str] | None
) -> None:
    clock = ManualClock()
    store = AskedStore(clock)
    async with QueueService(store, QUIET) as service:
        lease = await close(service, store, limiter, hold)
        clock.advance(1)
        waiting = waiter(service, queues=queues)
        await turn()
        asked = len(store.asked)
        await turn()
        assert (waiting.done(), len(store.asked)) == (False, asked)
        await event(service, lease)
        assert await jobs_of(waiting) == ["j2"]


@pytest.mark.parametrize(
    ("limiter", "hold"),
    [
        *(
            pytest.param(limiter, hold, id=f"{name}, {what}")
            for name, limiter in LIMITERS.items()
            for what, hold in {
                "paused": limiter.patch(paused=True),
                "frozen": limiter.patch(freeze=HOUR),
                "full": limiter.patch(concurrency=1),
                "slow": limiter.patch(limits=SLOW),
            }.items()
        ),
        pytest.param(SHARED, patch_limit(remaining=NOTHING_LEFT), id="shared limit, used up"),
    ],
)
async def test_what_cannot_open_it_does_not_have_the_store_asked(
    limiter: Limiter, hold: Hold
) -> None:
    store = AskedStore(ManualClock())
    async with QueueService(store, QUIET) as service:
        lease = await close(service, store, limiter, hold)
        waiting = waiter(service)
        await turn()
        store.asked.clear()
        await limiter.disturb(service, store)
        await settle(service, Extend(lease, 2 * HOUR))
        await configure(service, patch(paused=True))
        await configure(service, patch(paused=False, weight=2))
        await service.tend()
        await turn()
        assert (waiting.done(), store.asked) == (False, [])
