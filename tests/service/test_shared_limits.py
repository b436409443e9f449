"""What callers of the service are told of shared limits: views, and errors that name them."""

import pytest

from service.asked import QUIET
from sharq_memory.store import MemoryStore
from sharq_plug.errors import (
    InvalidRequest,
    LimitInUse,
    NoSuchLimit,
    NotCharged,
    SharqError,
    UnknownLimit,
)
from sharq_plug.model import (
    DropLimit,
    Extras,
    Fail,
    FreezeLimit,
    LeaseRef,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    Release,
    Setting,
    SettingsPatch,
    Use,
)
from sharq_plug.service import QueueService

pytestmark = pytest.mark.anyio


def job(job_id: str, *uses: Use) -> NewJob:
    return NewJob("q", job_id, b"1", 0, extras=Extras(uses=uses))


def told(outcomes: list[object]) -> list[object]:
    """Return results as they are, and the kinds and messages of errors."""
    return [
        (type(outcome), str(outcome)) if isinstance(outcome, SharqError) else outcome
        for outcome in outcomes
    ]


async def test_a_look_shows_a_shared_limit_or_says_that_there_is_none() -> None:
    async with QueueService(MemoryStore(), QUIET) as service:
        assert await service.configure("sms", [PatchLimit("acme")]) == [True]
        assert (await service.looking.limit("sms", "acme")).name == "acme"
        with pytest.raises(NoSuchLimit, match="`acme2`"):
            await service.looking.limit("sms", "acme2")
        with pytest.raises(InvalidRequest, match="`queue_type`"):
            await service.looking.limit("s m s", "acme")
        with pytest.raises(InvalidRequest, match="`name`"):
            await service.looking.limit("sms", "a c m e")


async def test_changes_of_shared_limits_are_each_told_for_themselves() -> None:
    changes: list[Setting] = [
        PatchLimit("a"),
        PatchQueue("q", SettingsPatch(uses=("a",))),
        PatchQueue("q", SettingsPatch(uses=("b",))),
        PatchType(defaults=SettingsPatch(uses=("b", "c"))),
        DropLimit("a"),
        DropLimit("b"),
    ]
    async with QueueService(MemoryStore(), QUIET) as service:
        outcomes = await service.configure("sms", changes)
    assert told([*outcomes]) == [
        True,
        True,
        (UnknownLimit, "There is no shared limit `b`."),
        (UnknownLimit, "Of the shared limits `b` and `c` at least one does not exist."),
        (LimitInUse, "The shared limit `a` is in use."),
        (NoSuchLimit, "There is no shared limit `b`."),
    ]


async def test_an_enqueue_is_told_which_names_bring_no_limits() -> None:
    jobs = [
        job("j1", Use("a", ()), Use("b")),
        job("j2", Use("a"), Use("b")),
        job("j3", Use("a", ()), Use("b", ())),
        job("j1", Use("a"), Use("b")),
    ]
    async with QueueService(MemoryStore(), QUIET) as service:
        outcomes = await service.enqueue("sms", jobs)
    errors = told([outcome for outcome in outcomes if isinstance(outcome, SharqError)])
    assert errors == [
        (UnknownLimit, "There is no shared limit `b`."),
        (UnknownLimit, "Of the shared limits `a` and `b` at least one does not exist."),
    ]
    assert isinstance(outcomes[0], UnknownLimit)
    assert isinstance(outcomes[1], UnknownLimit)


async def test_a_worker_is_told_that_its_lease_was_not_charged() -> None:
    async with QueueService(MemoryStore(), QUIET) as service:
        await service.enqueue("sms", [job("j1", Use("a", ()))])
        [delivery] = (await service.dequeue("sms")).jobs
        lease = LeaseRef("q", "j1", delivery.token)
        freeze = FreezeLimit("b", 1000)
        refused = await service.settle(
            "sms", [Release(lease, freeze_limit=freeze), Fail(lease, freeze_limit=freeze)]
        )
        [alone] = await service.settle("sms", [Release(lease, freeze_limit=freeze)])
        done = await service.settle("sms", [Release(lease, freeze_limit=FreezeLimit("a", 1000))])
    message = "The lease was not charged to the shared limit `b`."
    assert told([*refused, alone]) == [(NotCharged, message)] * 3
    assert done == [True]
