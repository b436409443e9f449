"""Patches of several servers at the same time: none undoes what another has set."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import (
    ChangeOutcome,
    Limit,
    NewJob,
    PatchQueue,
    PatchType,
    QueueRules,
    SetInterval,
    Settings,
    SettingsPatch,
    TypeRules,
)
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_redis.configuring import CROWDED, MAX_TRIES

pytestmark = pytest.mark.anyio

TYPE, QUEUE = "sms", "q"
LIMIT = Limit(1, 1000)
PATCHES = [
    SettingsPatch(limits=(LIMIT,)),
    SettingsPatch(concurrency=3),
    SettingsPatch(weight=2),
    SettingsPatch(max_length=7),
    SettingsPatch(paused=True),
]
TOGETHER = Settings(limits=(LIMIT,), concurrency=3, weight=2, max_length=7, paused=True)


async def rules_of(store: QueueStore) -> QueueRules:
    rules = (await store.look(TYPE, QUEUE)).rules
    assert isinstance(rules, QueueRules)
    return rules


@pytest.mark.parametrize("exists", [True, False])
async def test_patches_of_several_servers_are_all_kept(redis_url: str, *, exists: bool) -> None:
    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(open_store("redis", {"url": redis_url}))
            for _ in PATCHES
        ]
        if exists:
            await stores[0].enqueue(TYPE, [NewJob(QUEUE, "j", b"{}", 0)])
        calls = [
            store.configure(TYPE, [PatchQueue(QUEUE, patch)])
            for store, patch in zip(stores, PATCHES, strict=True)
        ]
        assert await asyncio.gather(*calls) == [[ChangeOutcome.CHANGED]] * len(calls)
        assert (await rules_of(stores[0])).settings == TOGETHER


async def test_of_patches_with_the_same_tag_one_wins(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(open_store("redis", {"url": redis_url}))
            for _ in PATCHES
        ]
        tag = (await rules_of(stores[0])).tag()
        calls = [
            store.configure(TYPE, [PatchQueue(QUEUE, patch, if_match=(tag,))])
            for store, patch in zip(stores, PATCHES, strict=True)
        ]
        outcomes = [outcome for [outcome] in await asyncio.gather(*calls)]
        assert outcomes.count(ChangeOutcome.CHANGED) == 1
        assert outcomes.count(ChangeOutcome.MISMATCH) == len(PATCHES) - 1
        won = PATCHES[outcomes.index(ChangeOutcome.CHANGED)]
        assert (await rules_of(stores[0])).settings == won.applied_to(Settings())


@pytest.mark.parametrize("of_type", [True, False])
async def test_a_patch_that_others_outrun_for_too_long_changes_nothing(
    redis_url: str, *, of_type: bool
) -> None:
    """One more patch than may be tried comes at once: each round another one is the first."""
    async with open_store("redis", {"url": redis_url}) as store:
        patches = [SettingsPatch(concurrency=n) for n in range(1, MAX_TRIES + 2)]
        changes = [PatchType(patch) if of_type else PatchQueue(QUEUE, patch) for patch in patches]
        calls = [store.configure(TYPE, [change]) for change in changes]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert outcomes.count([ChangeOutcome.CHANGED]) == MAX_TRIES
        [failure] = [found for found in outcomes if isinstance(found, StoreUnavailable)]
        assert failure.public == CROWDED
        rules = (await store.look(TYPE, None if of_type else QUEUE)).rules
        assert isinstance(rules, QueueRules | TypeRules)
        assert rules.settings != patches[outcomes.index(failure)].applied_to(Settings())


async def test_intervals_and_patches_of_a_call_keep_their_order(redis_url: str) -> None:
    async with open_store("redis", {"url": redis_url}) as store:
        await store.enqueue(TYPE, [NewJob(QUEUE, "j", b"{}", 0)])
        outcomes = await store.configure(
            TYPE,
            [
                SetInterval(QUEUE, 5),
                SetInterval("none", 5),
                PatchQueue(QUEUE, SettingsPatch(limits=())),
                SetInterval(QUEUE, 7),
                PatchQueue(QUEUE, SettingsPatch(limits=None)),
                SetInterval(QUEUE, 9),
            ],
        )
        assert outcomes == [
            ChangeOutcome.CHANGED,
            ChangeOutcome.UNKNOWN,
            ChangeOutcome.CHANGED,
            ChangeOutcome.LIMITS_SET,
            ChangeOutcome.CHANGED,
            ChangeOutcome.CHANGED,
        ]
        assert (await rules_of(store)).in_effect.limits == (Limit(1, 9),)
