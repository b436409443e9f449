"""Services that are stricter than Redis, or lack some of its commands: what is told of each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import dequeue_for_one
from support.answering import Answer, answering, error
from support.ears import Ear
from support.redis_server import RedisServer
from support.server import run_command

pytestmark = pytest.mark.anyio

UNDECLARED = [
    "ERR Error running script (call to 7f): @user_script:9: script tried accessing undeclared key",
    "ERR bad lua script for redis cluster, all the keys that the script uses should be passed",
    "ERR Script attempted to access keys that do not hash to the same slot script: 7f92, on 1.",
    "ERR Script attempted to access a non local key in a cluster node script: 7f92, on 1.",
    "ERR Attempted to access a non local key in a cluster node script: 7f92, on 1.",
]
"""What Dragonfly, Tair, Redis and Valkey say of a key that a script may not touch."""
WITHOUT_FUNCTIONS = [
    ("FCALL", "ERR unknown command 'FCALL', with args beginning with: 'sharq_' '2'"),
    ("FCALL", "ERR unknown command `FCALL`"),
    ("FCALL", "ERR unsupported command 'fcall'"),
    ("FCALL", "ERR command fcall not support for normal user"),
    ("FCALL", "NOPERM User default has no permissions to run the 'fcall' command"),
    ("FUNCTION", "ERR unknown command 'FUNCTION'"),
    ("FUNCTION", "NOPERM User default has no permissions to run the 'function|load' command"),
]


def service(**replies: str) -> Answer:
    """Return the answers of a service, some of them errors, by the names of the commands."""
    usual = {
        "INFO": b"$0\r\n\r\n",
        "FCALL": error("ERR Function not found"),
        "FUNCTION": b"$1\r\nx\r\n",
        "EVALSHA": error("NOSCRIPT No matching script."),
        "CLUSTER": b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n",
    }
    said = {**usual, **{name: error(text) for name, text in replies.items()}}
    return lambda words: said.get(words[0], b":0\r\n")


@asynccontextmanager
async def clustered(answer: Answer) -> AsyncIterator[int]:
    """Serve as a cluster of one server."""
    async with answering(lambda words: here(answer(words))) as port:

        def here(reply: bytes) -> bytes:
            return reply % port if b"%d" in reply else reply

        yield port


@pytest.mark.parametrize("is_cluster", [False, True])
@pytest.mark.parametrize("said", UNDECLARED)
async def test_a_service_that_refuses_undeclared_keys_is_told(
    said: str, *, is_cluster: bool
) -> None:
    for replies in ({"FCALL": said}, {"FCALL": "ERR unknown command 'FCALL'", "EVAL": said}):
        async with (
            clustered(service(**replies)) as port,
            open_store("redis", {"port": port, "clustered": is_cluster}) as store,
        ):
            with pytest.raises(StoreUnavailable) as refused:
                await store.health()
        told = str(refused.value)
        assert told.startswith(f"Redis at 127.0.0.1:{port}")
        assert "it refuses keys that a script does not declare (docs/redis.md" in told
        assert told.endswith(said)
        assert refused.value.public == "The store refuses this server."


async def test_a_check_tells_it_in_one_sentence() -> None:
    async with answering(service(FCALL=UNDECLARED[0])) as port:
        environ = {"SHARQ_REDIS_PORT": str(port)}
        done = await asyncio.to_thread(
            run_command, "--check", "--backend", "redis", environ=environ
        )
    assert done.returncode == 2
    assert "it refuses keys that a script does not declare" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "said"), WITHOUT_FUNCTIONS)
async def test_a_service_without_functions_gets_scripts_and_it_is_said_once(
    name: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        answering(service(**{name: said})) as port,
        open_store("redis", {"port": port}) as store,
    ):
        await store.health()
        await store.health()
    [record] = caplog.records
    short = said.partition(", with args")[0]
    address = f"127.0.0.1:{port}, database 0"
    assert record.getMessage() == (
        f"Redis at {address} refuses functions; scripts run instead: {short}"
    )


async def test_a_service_that_runs_no_scripts_either_is_told() -> None:
    lacking = {name: f"ERR unknown command '{name}'" for name in ("FCALL", "EVALSHA", "EVAL")}
    async with (
        answering(service(**lacking)) as port,
        open_store("redis", {"port": port}) as store,
    ):
        with pytest.raises(StoreUnavailable, match="neither functions nor scripts") as told:
            await store.health()
    assert told.value.public == "The store refuses this server."


async def test_a_redis_that_is_too_old_is_named() -> None:
    """Redis 6 has no functions, and takes the first line of our scripts for Lua."""
    compiling = "ERR Error compiling script (new function): user_script:1: unexpected symbol"
    no_function = "ERR unknown command `FCALL`, with args beginning with: `sharq`"
    async with (
        answering(service(FCALL=no_function, EVAL=compiling)) as port,
        open_store("redis", {"port": port}) as store,
    ):
        with pytest.raises(StoreUnavailable, match="too old: Redis 7 or later, or Valkey, is"):
            await store.health()


@asynccontextmanager
async def store_without(folder: Path, *names: str) -> AsyncIterator[QueueStore]:
    """Open a store on a Redis that lacks some commands."""
    arguments = [word for name in names for word in ("--rename-command", name, "")]
    with RedisServer(folder, *arguments) as server:
        async with open_store("redis", {"port": server.port}) as store:
            yield store


async def test_a_redis_without_functions_works(tmp_path: Path) -> None:
    async with store_without(tmp_path, "FCALL", "FUNCTION") as store:
        await store.enqueue("sms", [NewJob("q", "j", b"{}", 0)])
        [taken] = (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
        assert taken.job_id == "j"


async def test_a_redis_without_sharded_channels_works_and_workers_are_said_to_wait(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with store_without(tmp_path, "SPUBLISH", "SSUBSCRIBE") as store:
        [said] = [one for one in await store.health(thorough=True) if "late" in one]
        assert said.endswith("may not use wake-ups: ERR unknown command 'SPUBLISH'")
        async with store.watching("sms", Ear().wake):
            await store.enqueue("sms", [NewJob("q", "j", b"{}", 0)])
            assert (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
    [record] = caplog.records
    assert "workers that wait get jobs late, wake-ups are refused" in record.getMessage()
