"""The index of types: a type that is missing from it would never get its leases back."""

import pytest
from redis import Redis

from sharq_plug.model import NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock

pytestmark = pytest.mark.anyio

INDEX = "sharq_server:types"
JOB = NewJob("q", "job", b"{}", 0)


async def known(store: QueueStore) -> set[str]:
    return set((await store.known_types(limit=1000)).names)


async def test_the_scan_at_start_finds_types_that_are_missing(
    redis_url: str, store: QueueStore, keys: Redis
) -> None:
    types = {f"type-{number}" for number in range(50)} | {"payload", "types"}
    types |= {"gpt-4.1", "+44@a.b", "~", "a+"}
    for queue_type in types:
        await store.enqueue(queue_type, [JOB])
    keys.delete(INDEX)
    assert await known(store) == set()
    async with open_store("redis", {"url": redis_url}) as restarted:
        while await known(restarted) != types:
            await restarted.maintain()


async def test_the_scan_finds_types_under_a_prefix_that_looks_like_a_pattern(
    redis_url: str, keys: Redis
) -> None:
    options = {"url": redis_url, "key_prefix": "a*[b]?"}
    async with open_store("redis", options) as store:
        await store.enqueue("sms", [JOB])
        keys.delete("a*[b]?:types")
        await store.maintain()
        assert await known(store) == {"sms"}


async def test_a_pass_drops_a_type_that_is_done_with(store: QueueStore, clock: ManualClock) -> None:
    await store.enqueue("sms", [NewJob("q", "job", b"{}", 1000)])
    await store.dequeue("sms", count=1, lease=1000)
    await store.clear("sms", "q", purge=True)
    await store.reclaim("sms", limit=10)
    assert await known(store) == {"sms"}, "its rate is not paid off"
    clock.advance(1000)
    await store.reclaim("sms", limit=10)
    assert await known(store) == set()


async def test_a_pass_that_removed_a_type_too_early_puts_it_back(
    store: QueueStore, keys: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = store._index  # type: ignore[attr-defined]  # the moment between its two looks
    call = index._link.call

    async def enqueue_behind_the_removal(*command: object) -> object:
        reply = await call(*command)
        if command[0] == "SREM":
            monkeypatch.undo()
            await store.enqueue("sms", [JOB])
            keys.srem(INDEX, "sms")  # as if the entry had gone ahead of the removal
        return reply

    monkeypatch.setattr(index._link, "call", enqueue_behind_the_removal)
    await index.remove_if_done("sms")
    assert await known(store) == {"sms"}


async def test_the_enqueue_that_found_its_type_empty_writes_the_entry_again(
    store: QueueStore, keys: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = store._link  # type: ignore[attr-defined]
    run = link.run

    async def lose_the_entry_behind_the_script(*args: object, **how: object) -> object:
        reply = await run(*args, **how)
        keys.srem(INDEX, "sms")
        return reply

    monkeypatch.setattr(link, "run", lose_the_entry_behind_the_script)
    await store.enqueue("sms", [JOB])
    assert await known(store) == {"sms"}
