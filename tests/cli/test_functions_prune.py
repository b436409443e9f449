"""`sharq-server functions prune`: old function libraries go, and nothing else."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from sharq_plug.model import NewJob, Take
from sharq_plug.plugins import open_store
from sharq_redis.library import Library
from support.redis_server import RedisServer
from support.server import assert_refused, run_command

CURRENT = Library.load().name
OLD = ["sharq_0123456789ab", "sharq_ba9876543210"]
OTHERS = ["sharq_theirs", "sharq_0123456789abc", "mysharq_0123456789ab", "sharq_ABCDEF012345"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


def load(client: Redis, name: str) -> None:
    register = f"redis.register_function('{name}_f', function() return 1 end)"
    client.function_load(f"#!lua name={name}\n{register}")


def libraries(client: Redis) -> set[str]:
    return {library[1].decode() for library in client.function_list()}


def prune(server: RedisServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    flags = ("--backend", "redis", "functions", "prune", *arguments)
    return run_command(*flags, environ={"SHARQ_REDIS_URL": server.url})


@pytest.mark.anyio
async def test_old_libraries_are_removed_and_no_others(server: RedisServer) -> None:
    client = server.client()
    for name in (*OLD, *OTHERS):
        load(client, name)
    async with open_store("redis", {"url": server.url}) as store:
        await store.health()
        assert libraries(client) == {CURRENT, *OLD, *OTHERS}

        done = prune(server, "--dry-run")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "".join(f"would remove {name}\n" for name in OLD)
        assert libraries(client) == {CURRENT, *OLD, *OTHERS}

        done = prune(server)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "".join(f"removed {name}\n" for name in OLD)
        assert libraries(client) == {CURRENT, *OTHERS}

        done = prune(server)
        assert (done.returncode, done.stdout) == (0, "no old function library\n")
        await store.enqueue("sms", [NewJob("q", "j", b"", 0)])
        [taken] = await store.dequeue("sms", [Take(1, 1000)])
        assert [job.job_id for job in taken.jobs] == ["j"]


def test_an_argument_that_it_does_not_know_is_refused(server: RedisServer) -> None:
    load(server.client(), OLD[0])
    assert_refused(prune(server, "--dryrun"), "functions prune", "--dryrun")
    assert libraries(server.client()) == {OLD[0]}


def test_a_redis_that_is_away_is_named(server: RedisServer) -> None:
    server.stop()
    assert_refused(prune(server), f"Redis at 127.0.0.1:{server.port}", "Connection refused")


@pytest.mark.parametrize("words", [["function"], ["functions"], ["prune"], ["functions", "list"]])
def test_a_command_that_there_is_not_lists_those_of_the_backend(words: list[str]) -> None:
    done = run_command("--backend", "redis", *words)
    assert_refused(done, f"unrecognized arguments: {' '.join(words)}", "functions prune: remove")
    assert_refused(run_command("--backend", "memory", *words), "'memory'", "it has none")
