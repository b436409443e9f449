"""A store that does not answer in time: its callers are told, and its late jobs handed back."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.asked import QUIET, turn
from service.gated import GatedStore
from sharq_memory.store import MemoryStore
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import (
    Cancel,
    Clear,
    JobRef,
    LeaseRef,
    LetterRange,
    LetterRef,
    NewJob,
    Queues,
    SetInterval,
)
from sharq_plug.service import QueueService, deadlines
from sharq_redis import link
from support.hurried import HURRIED, HurriedLoop
from support.one_queue import look_at_queue

pytestmark = pytest.mark.anyio

JOB = NewJob("q", "new", b"{}", 0)
LEASE = LeaseRef("q", "new")
JOB_REF = JobRef("q", "new")
DEADLINE = 0.05

Call = Callable[[QueueService], Awaitable[object]]

DEQUEUES: dict[str, Call] = {
    "one": lambda service: service.dequeue("sms"),
    "many": lambda service: service.dequeue("sms", count=1000),
    "wait": lambda service: service.dequeue("sms", wait=1),
}
CALLS: dict[str, Call] = DEQUEUES | {
    "attempt": lambda service: service.dequeue("sms", attempt_id="a"),
    "attempt that waits": lambda service: service.dequeue("sms", wait=1, attempt_id="a"),
    "enqueue": lambda service: service.enqueue("sms", [JOB]),
    "enqueue many": lambda service: service.enqueue("sms", [JOB, JOB]),
    "settle": lambda service: service.settle("sms", [service.finish(LEASE)]),
    "settle many": lambda service: service.settle("sms", [service.finish(LEASE)] * 2),
    "configure": lambda service: service.configure("sms", [SetInterval("q", 1)]),
    "clear": lambda service: service.clearing.clear("sms", Clear("q")),
    "look": lambda service: service.looking.look("sms", "q"),
    "look at everything": lambda service: service.looking.look(),
    "types": lambda service: service.looking.names(),
    "queues": lambda service: service.looking.names("sms"),
    "page": lambda service: service.looking.page("sms", Queues(), limit=1),
    "longest": lambda service: service.looking.longest("sms", limit=1),
    "find": lambda service: service.looking.find("sms", [JOB_REF]),
    "amend": lambda service: service.amend("sms", [Cancel(JOB_REF)]),
    "redrive": lambda service: service.redriving.oldest("sms", LetterRange(), count=1),
    "discard": lambda service: service.discarding.named("sms", [LetterRef(1)]),
    "health": lambda service: service.health(),
}


@pytest.fixture
def anyio_backend() -> object:
    return HURRIED


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharq_plug.service.deadlines.DEADLINE", DEADLINE)


def silent(verb: str) -> Callable[..., Awaitable[Any]]:
    """Return a verb of a store that answers when `go_on` is set."""

    async def say_nothing(self: "SilentStore", *arguments: Any, **options: Any) -> Any:
        await self.go_on.wait()
        return await getattr(MemoryStore, verb)(self, *arguments, **options)

    return say_nothing


class SilentStore(MemoryStore):
    """Does nothing until `go_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()


for verb in (
    *("enqueue", "dequeue", "settle", "amend", "configure", "clear", "redrive", "discard"),
    *("look", "find", "page", "health"),
):
    setattr(SilentStore, verb, silent(verb))


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_every_caller_is_told_of_a_store_that_is_silent(call: Call) -> None:
    store = SilentStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        with pytest.raises(StoreUnavailable, match="in time"):
            await call(service)
        store.go_on.set()


@pytest.mark.usefixtures("_soon")
async def test_who_came_later_is_told_later() -> None:
    store = SilentStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        first = asyncio.create_task(service.health())
        await asyncio.sleep(DEADLINE / 2)
        second = asyncio.create_task(service.health())
        with pytest.raises(StoreUnavailable):
            await first
        assert not second.done()
        with pytest.raises(StoreUnavailable):
            await second
        store.go_on.set()


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("call", DEQUEUES.values(), ids=DEQUEUES)
async def test_the_jobs_of_an_answer_that_is_late_are_handed_back_as_soon_as_it_comes(
    call: Call,
) -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        await store.put(3)
        with pytest.raises(StoreUnavailable):
            await call(service)
        assert await store.leased() > 0
        store.answer()
        await turn()
        assert await store.leased() == 0


@pytest.mark.usefixtures("_soon")
async def test_an_attempt_whose_answer_is_late_finds_its_jobs_when_it_is_repeated() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        await store.put(1)
        with pytest.raises(StoreUnavailable):
            await service.dequeue("sms", attempt_id="a")
        store.answer(2)
        [job] = (await service.dequeue("sms", attempt_id="a")).jobs
        assert job.attempt == 1


@pytest.mark.usefixtures("_soon")
async def test_who_is_told_before_its_turn_has_come_is_not_asked_for() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        await store.put(100)
        calls = [service.dequeue("sms", count=1000) for _ in range(20)]
        told = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in told] == [StoreUnavailable] * 20
        asked = len(store.asked)
        store.answer(20)
        await turn()
        assert (len(store.asked), await store.leased()) == (asked, 0)


@pytest.mark.usefixtures("_soon")
async def test_an_enqueue_that_is_told_before_it_went_to_the_store_is_not_carried_out() -> None:
    store = SilentStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        under_way = []
        for job in (JOB, NewJob("q", "another", b"{}", 0)):
            under_way.append(asyncio.create_task(service.enqueue("sms", [job])))
            await turn()
        with pytest.raises(StoreUnavailable):
            await service.enqueue("sms", [NewJob("q", "gathered", b"{}", 0)])
        for caller in under_way:
            with pytest.raises(StoreUnavailable):
                await caller
        store.go_on.set()
        await turn()
        assert (await look_at_queue(store)).waiting == 2


async def test_an_answer_that_is_there_counts_though_the_process_was_held_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sharq_plug.service.deadlines.DEADLINE", 0.01)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HurriedLoop)
    store = GatedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        await store.put(1)
        dequeue = asyncio.create_task(service.dequeue("sms"))
        await turn()
        loop.stand_still(0.2)
        loop.call_later(0.001, store.answer)
        assert len((await dequeue).jobs) == 1


@pytest.mark.usefixtures("_soon")
async def test_a_caller_that_is_gone_is_told_nothing() -> None:
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    store = GatedStore()
    async with QueueService(store, QUIET) as service:
        callers = [asyncio.create_task(service.dequeue("sms", count=n)) for n in (1, 2)]
        await turn()
        for caller in callers:
            caller.cancel()
        await asyncio.sleep(2 * DEADLINE)
        store.answer(2)
        for caller in callers:
            with contextlib.suppress(asyncio.CancelledError):
                await caller
    assert unheard == []


async def test_looking_for_an_earlier_attempt_is_part_of_the_wait() -> None:
    store = GatedStore()
    async with QueueService(store, QUIET) as service, asyncio.timeout(4):
        dequeue = asyncio.create_task(service.dequeue("sms", wait=20, attempt_id="a"))
        await turn()
        await asyncio.sleep(0.03)
        store.answer()
        assert (await dequeue).jobs == ()
        assert len(store.asked) == 1


def test_the_5_s_that_the_api_promises_are_kept() -> None:
    assert deadlines.DEADLINE + deadlines.LAST_MOMENT < 5
    assert link.DEADLINE + link.LAST_MOMENT < deadlines.DEADLINE, "Redis's failure tells more"
