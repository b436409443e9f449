"""The documented ACL rule is what the backend needs: no more, no less."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from sharq_plug.model import LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.testing.calls import counts_of, dequeue_for_one, finish_all
from support.readme import ROOT, acl_rule
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

LUA = ROOT / "backends" / "sharq_redis" / "lua"
ALWAYS_ALLOWED = {"auth"}
OF_THE_TEST = {"config|resetstat", "client|list", "function|flush", "function|list"}
SCRIPTS = {"eval", "evalsha"}
NOT_NEEDED = {"spublish", "hsetnx", "hlen", "zrank", "sadd"}
"""What a dequeue and a finish do not need: wake-ups, and what only enqueues or looks send."""
KIT = """
from itertools import count
import pytest
from sharq_plug import plugins
from sharq_plug.testing import StoreConformance

prefixes = count()

class TestRedisStore(StoreConformance):
    @pytest.fixture
    def open_store(self):
        options = {{"url": {url!r}, "key_prefix": f"sharq_server:{{next(prefixes)}}"}}
        return lambda clock: plugins.open_store("redis", options, clock=clock)
"""


def commands_in(text: str) -> set[str]:
    """Return the commands that Lua sends."""
    sent_by = (
        r"\b(?:p?call|try)\('([A-Z]+)'"
        r"|Writes\.send\(\w+, '([A-Z]+)'|pcall\([\w.]+, (?:\w+, )?'([A-Z]+)'"
    )
    return {name.lower() for found in re.findall(sent_by, text) for name in found if name}


def admin(server: RedisServer) -> Redis:
    """Return a client that sends nothing but what it is told to."""
    return Redis(port=server.port, protocol=2, driver_info=None)


def sent(client: Redis) -> set[str]:
    """Return the commands that were sent since the last reset, refused ones too."""
    found = {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
    return found - ALWAYS_ALLOWED - OF_THE_TEST


def is_pinging(server: RedisServer) -> bool:
    """Say whether the latest command on the connection for wake-ups was a PING."""
    return any(client["cmd"] == "ping" for client in admin(server).client_list(_type="pubsub"))


async def use_the_rest(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use another database, checks, wake-ups, upkeep, and the clock of Redis."""
    monkeypatch.setattr("sharq_redis.ear.PING_INTERVAL", 0.01)
    options = {"port": server.port, "username": "sharq", "password": "secret", "db": 1}
    async with open_store("redis", options) as store:
        await store.health()
        await store.health()
        async with store.watching("sms", lambda _, __: None):
            await store.enqueue("sms", [NewJob("q", "j", b"{}", 0)])
            [job] = (await dequeue_for_one(store, "sms", count=1, lease_time=1000)).jobs
            ref = LeaseRef("q", job.job_id, job.token)
            await finish_all(store, "sms", [ref], receipt_time=1000)
            while not is_pinging(server):
                await counts_of(store)


def run_the_kit(server: RedisServer, folder: Path, rule: list[str]) -> set[str]:
    """Run the conformance kit as a user with these rights; return the commands that were sent."""
    server.command("FUNCTION", "FLUSH")
    server.command("ACL", "SETUSER", "sharq", "reset", *rule)
    admin(server).config_resetstat()
    folder.mkdir()
    kit = folder / "test_kit.py"
    kit.write_text(KIT.format(url=f"redis://sharq:secret@127.0.0.1:{server.port}/0"))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(kit)],
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert " skipped" not in run.stdout
    return sent(admin(server))


async def test_the_backend_sends_what_the_rule_allows_and_all_of_it(
    own_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = acl_rule("secret")
    allowed = {word.removeprefix("+") for word in rule if word.startswith("+")}
    run_the_kit(own_server, tmp_path / "functions", rule)
    await use_the_rest(own_server, monkeypatch)
    with_functions = sent(admin(own_server))
    assert with_functions == allowed - SCRIPTS


def test_a_user_without_functions_gets_by_with_scripts(
    own_server: RedisServer, tmp_path: Path
) -> None:
    rule = acl_rule("secret")
    allowed = {word.removeprefix("+") for word in rule if word.startswith("+")}
    without = [word for word in rule if word not in {"+fcall", "+function|load"}]
    used = run_the_kit(own_server, tmp_path / "scripts", without)
    assert used <= allowed
    assert used >= SCRIPTS
    assert admin(own_server).function_list() == []


def test_a_check_sends_every_command_of_a_dequeue_and_a_finish() -> None:
    shared = "".join(path.read_text() for path in (LUA / "lib").glob("*.lua"))
    verbs = "".join((LUA / "verbs" / f"{verb}.lua").read_text() for verb in ("dequeue", "settle"))
    tried = commands_in((LUA / "verbs" / "check.lua").read_text())
    assert tried | {"time"} == commands_in(shared + verbs) - NOT_NEEDED


def test_no_script_sends_a_command_that_the_rule_lacks() -> None:
    allowed = {word.removeprefix("+") for word in acl_rule("secret")}
    for path in LUA.rglob("*.lua"):
        assert commands_in(path.read_text()) <= allowed, path.name
