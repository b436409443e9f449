"""What tests of held queues and types share: changes of settings, and what opens a hold."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from msgspec import UNSET, UnsetType

from service.asked import Waiter
from sharq_plug.model import (
    NO_CHANGE,
    Delivery,
    LeaseRef,
    Limit,
    PatchLimit,
    PatchQueue,
    PatchType,
    Remaining,
    Setting,
    SettingsPatch,
    Settlement,
)
from sharq_plug.service import QueueService

SOON = 4.0
"""Seconds within which what must come has come; a look of the line's own would be later."""
HOUR = 3_600_000
SLOW = (Limit(1, HOUR),)
"""One job an hour."""


async def jobs_of(waiter: Waiter) -> list[str]:
    """Return the ids of the jobs that a waiter gets, soon."""
    async with asyncio.timeout(SOON):
        return [job.job_id for job in (await waiter).jobs]


def patch(*, freeze: int | None = None, **settings: Any) -> PatchQueue:
    return PatchQueue("q", SettingsPatch(**settings), freeze)


def patch_type(
    *, freeze: int | None = None, defaults: SettingsPatch = NO_CHANGE, **settings: Any
) -> PatchType:
    return PatchType(SettingsPatch(**settings), defaults, freeze)


def patch_limit(
    *,
    freeze: int | None = None,
    remaining: Remaining | UnsetType | None = UNSET,
    **settings: Any,
) -> PatchLimit:
    return PatchLimit("acme", SettingsPatch(**settings), freeze, remaining)


async def configure(service: QueueService, change: Setting) -> None:
    assert await service.configure("sms", [change]) == [True]


async def settle(service: QueueService, *items: Settlement) -> None:
    assert all(await service.settle("sms", items))


def lease_of(job: Delivery) -> LeaseRef:
    return LeaseRef(job.queue_id, job.job_id, job.token)


Event: TypeAlias = Callable[[QueueService, LeaseRef], Awaitable[None]]


def changed(change: Setting) -> Event:
    """Return the event of a change of settings."""

    async def happen(service: QueueService, _lease: LeaseRef) -> None:
        await configure(service, change)

    return happen


def settled(item: Callable[[QueueService, LeaseRef], Settlement]) -> Event:
    """Return the event of a worker that says something of its lease."""

    async def happen(service: QueueService, lease: LeaseRef) -> None:
        await settle(service, item(service, lease))

    return happen


FINISHED = settled(QueueService.finish)
"""The event of a finish."""
