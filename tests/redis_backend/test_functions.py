"""The store works whatever becomes of its functions and scripts, and versions share a Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import ResponseError

from faults.proxy import Proxy
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import LeaseOutcome, LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one, finish_all
from sharq_redis.arguments import packed
from sharq_redis.buckets import Buckets
from sharq_redis.library import Library, texts
from sharq_redis.options import RedisOptions
from sharq_redis.plugin import open_redis_store
from support.readme import acl_rule
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

FULL = 1
"""A limit on memory that every write exceeds."""


def job(number: int) -> NewJob:
    return NewJob("q", f"job-{number}", b"{}", 0)


async def work(store: QueueStore, number: int) -> None:
    """Enqueue a job, dequeue it, finish it."""
    await store.enqueue("sms", [job(number)])
    [taken] = (await dequeue_for_one(store, "sms", count=1, lease_time=60_000)).jobs
    assert taken.job_id == f"job-{number}"
    ref = LeaseRef("q", taken.job_id, taken.token)
    assert await finish_all(store, "sms", [ref], receipt_time=1000) == [LeaseOutcome.ENDED]


def calls(server: RedisServer) -> dict[str, int]:
    """Return how often each way of running something was used since the last reset."""
    stats = server.client().info("commandstats")
    names = ("fcall", "evalsha", "eval", "function|load")
    return {name: stats[f"cmdstat_{name}"]["calls"] for name in names if f"cmdstat_{name}" in stats}


def flush_functions(server: RedisServer) -> None:
    server.command("FUNCTION", "FLUSH")


def flush_scripts(server: RedisServer) -> None:
    server.command("SCRIPT", "FLUSH")


def restart(server: RedisServer) -> None:
    server.stop()
    server.start()


@pytest.mark.parametrize("upset", [flush_functions, flush_scripts, restart])
@pytest.mark.parametrize("without", [set(), {"+function|load"}, {"+fcall"}], ids=str)
async def test_what_redis_forgets_is_given_to_it_again(
    own_server: RedisServer, upset: Callable[[RedisServer], None], without: set[str]
) -> None:
    def grant() -> None:
        rights = [word for word in acl_rule("secret") if word not in without]
        own_server.command("ACL", "SETUSER", "sharq", "reset", *rights)

    grant()
    options = {"port": own_server.port, "username": "sharq", "password": "secret"}
    async with open_store("redis", options) as store:
        for number in range(3):
            await work(store, number)
            upset(own_server)
            grant()
            while True:
                try:
                    await store.health()
                except StoreUnavailable:  # the old connection
                    continue
                break


async def test_functions_are_flushed_all_the_time(own_server: RedisServer) -> None:
    finished = asyncio.Event()

    async def upset() -> None:
        client = own_server.client()
        while not finished.is_set():
            await asyncio.to_thread(client.function_flush)
            await asyncio.to_thread(client.script_flush)

    async with open_store("redis", {"url": own_server.url}) as store:
        upsetting = asyncio.create_task(upset())
        for number in range(200):
            await work(store, number)
        finished.set()
        await upsetting


async def test_a_load_for_which_there_is_no_room_is_tried_again_at_the_next_call(
    own_server: RedisServer,
) -> None:
    client = own_server.client()
    async with open_store("redis", {"url": own_server.url}) as store:
        await store.enqueue("sms", [job(1), job(2)])
        client.function_flush()
        client.config_set("maxmemory", FULL)
        client.config_resetstat()
        [taken] = (await dequeue_for_one(store, "sms", count=1, lease_time=60_000)).jobs
        assert taken.job_id == "job-1"
        assert calls(own_server)["eval"] + calls(own_server).get("evalsha", 0) >= 1
        assert not client.function_list()

        client.config_set("maxmemory", 0)
        client.config_resetstat()
        [taken] = (await dequeue_for_one(store, "sms", count=1, lease_time=60_000)).jobs
        assert taken.job_id == "job-2"
        assert calls(own_server) == {"fcall": 2, "function|load": 1}


async def test_functions_are_found_missing_at_the_new_primary(
    own_server: RedisServer, redis_server: RedisServer, redis_url: str
) -> None:
    redis_server.client().function_flush()
    with Proxy(own_server.port) as address:
        options = {"url": f"redis://127.0.0.1:{address.port}/0"}
        async with open_store("redis", options) as store:
            await work(store, 1)
            address.target = redis_server.port
            own_server.command("REPLICAOF", "127.0.0.1", redis_server.port)
            with pytest.raises(StoreUnavailable):
                await work(store, 2)
            own_server.stop()
            await work(store, 3)
            redis_server.client().config_resetstat()
            await work(store, 4)
            assert calls(redis_server) == {"fcall": 3}


@asynccontextmanager
async def of_another_version(server: RedisServer) -> AsyncIterator[QueueStore]:
    """Open a store whose library has another text, and does the same."""
    ideas, verbs = texts()
    library = Library.of(f"-- another version\n{ideas}", verbs)
    async with open_redis_store(RedisOptions(url=server.url), None, library) as store:
        yield store


async def test_two_versions_share_a_redis(own_server: RedisServer) -> None:
    client = own_server.client()
    async with (
        open_store("redis", {"url": own_server.url}) as one,
        of_another_version(own_server) as other,
    ):
        for number in range(3):
            await one.enqueue("sms", [job(number)])
            [taken] = (await dequeue_for_one(other, "sms", count=1, lease_time=60_000)).jobs
            ref = LeaseRef("q", taken.job_id, taken.token)
            assert await finish_all(one, "sms", [ref], receipt_time=1000) == [LeaseOutcome.ENDED]
            await work(other, number)
        names = {library[1] for library in client.function_list()}
        assert len(names) == 2
        functions = [function for library in client.function_list() for function in library[5]]
        assert len({function[1] for function in functions}) == len(functions)
        client.config_resetstat()
        await work(one, 8)
        await work(other, 9)
        assert calls(own_server) == {"fcall": 6}, "neither loads its library again"


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("settle", ("100", packed(("q", "job-1", "", "unheard-of", 0)))),
        ("configure", (packed(("q", "unheard-of", 1)),)),
    ],
)
async def test_a_move_or_a_setting_that_is_not_known_changes_nothing(
    verb: str, arguments: tuple[str | bytes, ...], own_server: RedisServer
) -> None:
    client = own_server.client()
    async with open_store("redis", {"url": own_server.url}) as store:
        await store.enqueue("sms", [job(1)])
        assert (await dequeue_for_one(store, "sms", count=1, lease_time=60_000)).jobs
        names = sorted(client.keys("*"))
        before = [client.dump(name) for name in names]
        function = Library.load().verbs[verb].function
        with contextlib.suppress(ResponseError):
            told = client.fcall(
                function, 2, *Buckets("sharq_server", 0).keys("sms"), "", *arguments
            )
            assert b"unheard-of" in told[0]
        assert [client.dump(name) for name in sorted(client.keys("*"))] == before


def test_each_verb_as_a_script_does_without_the_library() -> None:
    library = Library.load()
    for verb in library.verbs.values():
        assert "register_function" not in verb.script
        assert library.name not in verb.script
        assert verb.function.startswith(f"{library.name}_")
