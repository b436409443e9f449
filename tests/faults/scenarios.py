"""The faults. Each happens to a run while its crowd works."""

import asyncio
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from signal import SIGKILL
from typing import TypeAlias

from faults.asking import INTERVALS
from faults.client import BUSY
from faults.crowd import OK
from faults.house import SERVERS, House
from faults.limits import PROVIDER, shared
from faults.proxy import Wrong
from faults.run import PROBE_JOB, Run, Scenario, until_leased
from faults.settings import gated
from support.http_client import request
from support.standstill import standstill

Inflict: TypeAlias = Callable[[Run[House]], None]

REPLY_TIMEOUT = 4.5
"""Seconds that a server waits for a reply of Redis."""
RECOVERY = 2.0
"""Seconds after the end of a fault until everything must work again."""
UNSYNCED = 1.0
"""Seconds of writes that a power failure loses."""


def kill_a_server(run: Run[House]) -> None:
    for number in run.chance.sample(range(SERVERS), 2):
        run.pause(0, 0.4)
        with run.outage():
            run.house.servers[number].send(SIGKILL)
            run.pause(0, 0.3)
            run.house.restart_server(number)


def stop_a_server(run: Run[House]) -> None:
    for number in run.chance.sample(range(SERVERS), 2):
        run.pause(0, 0.4)
        with run.outage():
            assert run.house.servers[number].stop() == 0
            run.house.restart_server(number)


def kill_workers(run: Run[House]) -> None:
    for _ in range(3):
        run.pause(0.1, 0.5)
        run.kill_a_worker()


def kill_redis(run: Run[House]) -> None:
    for _ in range(2):
        run.pause(0, 0.4)
        with run.outage():
            run.house.redis.stop()
            run.pause(0, 0.4)
            run.house.redis.start()


def freeze_redis(run: Run[House]) -> None:
    run.pause(0, 0.4)
    with run.outage(), standstill(run.house.redis.pid):
        run.pause(0.1, 2 * REPLY_TIMEOUT)


def flush_scripts(run: Run[House]) -> None:
    for _ in range(2):
        run.pause(0.05, 0.3)
        with run.outage():
            run.house.client.script_flush()
            run.house.redis.command("FUNCTION", "FLUSH", "SYNC")


def let_the_proxy(wrong: Wrong, *, share: float, seconds: tuple[float, float]) -> Inflict:
    def inflict(run: Run[House]) -> None:
        run.pause(0, 0.4)
        with run.outage():
            run.house.proxy.share = share
            run.house.proxy.wrong = wrong
            try:
                run.pause(*seconds)
            finally:
                run.house.proxy.wrong = Wrong.NOTHING

    return inflict


def fill_memory(run: Run[House]) -> None:
    run.pause(0, 0.4)
    left = f"{run.queue_type}-left"
    with run.outage():
        asyncio.run(run.plant(left))
        run.house.client.config_set("maxmemory", 1)
        try:
            asyncio.run(_go_on_while_full(run, left))
        finally:
            run.house.client.config_set("maxmemory", 0)


async def _go_on_while_full(run: Run[House], left: str) -> None:
    """Check that only enqueues are refused: tending, dequeue and finish go on."""
    async with asyncio.timeout(10), run.caller(patience=6) as caller:
        refused = await caller.ask("POST", f"/enqueue/{left}/new/", PROBE_JOB)
        assert refused is not None
        assert refused.status == BUSY
        job = json.loads((await until_leased(caller, left)).body)
        finish = f"/finish/{left}/{job['queue_id']}/{job['job_id']}/"
        finished = await caller.ask("POST", finish, json.dumps({"lease": job["lease"]}).encode())
        assert finished is not None
        assert finished.status == OK


def hang_up(run: Run[House]) -> None:
    """Ask for jobs without an `attempt_id`, and leave before the answer."""
    ask = f"/dequeue/{run.queue_type}/"
    for _ in range(150):
        run.journal.asked(ask, b"")
        _send_and_leave(run, request("GET", ask))


def cut_bodies(run: Run[House]) -> None:
    """Send enqueues and finishes whose bodies never end. None of them may take effect."""
    for number in range(150):
        queue = f"{run.queue_type}/q{run.chance.randrange(len(INTERVALS))}"
        job_id = f"job-{run.chance.randrange(number + 1)}"
        new = {"job_id": f"cut-{number}", "interval": 0, "payload": "x" * 100}
        enqueue = request("POST", f"/enqueue/{queue}/", json.dumps(new).encode())
        body = b"{}".ljust(100)  # no token: it would end any lease, also if it came to "{}" alone
        finish = request("POST", f"/finish/{queue}/{job_id}/", body)
        whole = run.chance.choice((enqueue, finish))
        _send_and_leave(run, whole[: run.chance.randrange(len(whole))])


def _send_and_leave(run: Run[House], message: bytes) -> None:
    """Send to a server and leave without an answer: close, reset, or close one half first."""
    port = run.chance.choice(run.house.ports)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(message)
        leave = run.chance.randrange(3)
        if leave == 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif leave == 1:
            connection.shutdown(socket.SHUT_WR)
        run.pause(0, 0.006)


def fail_power(run: Run[House]) -> None:
    """Kill Redis, and cut from its file what it wrote in the last second.

    So much may be in the system's memory alone with `appendfsync everysec`. A kill by itself takes
    away only what Redis has put off to write, while a sync takes long.
    """
    [file] = (run.house.redis.folder / "appendonlydir").glob("*.incr.aof")
    sizes: list[tuple[float, int]] = []
    with run.outage():
        end = time.monotonic() + run.chance.uniform(UNSYNCED + 0.2, UNSYNCED + 0.8)
        while (now := time.monotonic()) < end:
            sizes.append((now, file.stat().st_size))
            time.sleep(0.01)
        run.house.redis.stop()
        synced = max(size for at, size in sizes if at <= end - UNSYNCED)
        os.truncate(file, synced)
        run.house.redis.start()


def fail_over(link: Wrong = Wrong.NOTHING, seconds: float = 0, *, min_replicas: int = 0) -> Inflict:
    """Kill Redis and promote its replica, whose link has been wrong for `seconds`."""

    def inflict(run: Run[House]) -> None:
        house = run.house
        house.replicate()
        house.client.config_set("min-replicas-max-lag", 1)
        house.client.config_set("min-replicas-to-write", min_replicas)
        with run.outage():
            house.await_replica()
            run.pause(0.2, 0.6)
            house.link.wrong = link
            try:
                run.pause(seconds, seconds + 0.5)
                house.fail_over()
            finally:
                house.link.wrong = Wrong.NOTHING

    return inflict


SCENARIOS = (
    Scenario("server killed", kill_a_server),
    Scenario("server stopped (SIGTERM)", stop_a_server),
    Scenario("servers killed, 64 workers at a gate", kill_a_server, settings=gated, workers=32),
    Scenario(
        "servers killed, 64 workers at a shared limit",
        kill_a_server,
        settings=shared,
        workers=32,
        limit=PROVIDER,
    ),
    Scenario("workers killed", kill_workers),
    Scenario("clients hang up", hang_up),
    Scenario("bodies cut short", cut_bodies),
    Scenario("Redis killed", kill_redis),
    Scenario("Redis frozen", freeze_redis),
    Scenario("Redis's memory full", fill_memory),
    Scenario("scripts and functions flushed", flush_scripts),
    Scenario(
        "cut before the command",
        let_the_proxy(Wrong.CUT_COMMANDS, share=0.2, seconds=(0.5, 1.0)),
    ),
    Scenario(
        "cut before the reply",
        let_the_proxy(Wrong.CUT_REPLIES, share=0.2, seconds=(0.5, 1.0)),
    ),
    Scenario(
        "replies too late",
        let_the_proxy(Wrong.HOLD_REPLIES, share=0.2, seconds=(4.2, 4.8)),
    ),
    Scenario("power fails, everysec", fail_power, 2, fsync="everysec", may_lose=True),
    Scenario("Redis killed, everysec", kill_redis, fsync="everysec", may_lose=True),
    Scenario("failover", fail_over(), duration=2.5, may_lose=True),
    Scenario("failover, replica 0.1 s behind", fail_over(Wrong.LAG), duration=2.5, may_lose=True),
    Scenario("failover, replica cut off for 4 s", fail_over(Wrong.HOLD_ALL, 4), 5, may_lose=True),
    Scenario(
        "the same, min-replicas-to-write 1",
        fail_over(Wrong.HOLD_ALL, 4, min_replicas=1),
        duration=5,
        may_lose=True,
    ),
)
