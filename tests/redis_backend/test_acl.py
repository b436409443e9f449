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
from sharq_redis.scripts import Scripts
from support.readme import ROOT, acl_rule
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

LUA = ROOT / "backends" / "sharq_redis" / "lua"
ALWAYS_ALLOWED = {"auth"}
OF_THE_TEST = {"config|resetstat", "client|list"}
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
    return {name.lower() for name in re.findall(r"\bp?call\('([A-Z]+)'", text)}


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
    monkeypatch.setattr("sharq_redis.wakeups.PING_INTERVAL", 0.01)
    options = {"port": server.port, "username": "sharq", "password": "secret", "db": 1}
    async with open_store("redis", options) as store:
        await store.ping()
        await store.weaknesses()
        await store.maintain()
        async with store.watching("sms", lambda _: None):
            await store.enqueue("sms", [NewJob("q", "j", b"{}", 0)])
            [job] = (await store.dequeue("sms", count=1, lease=1000)).jobs
            ref = LeaseRef("q", job.job_id, job.token)
            await store.finish("sms", [ref], receipt_time=1000)
            while not is_pinging(server):
                await store.counts()


async def test_the_backend_sends_what_the_rule_allows_and_all_of_it(
    own_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = acl_rule("secret")
    own_server.command("ACL", "SETUSER", "sharq", *rule)
    client = admin(own_server)
    client.config_resetstat()
    kit = tmp_path / "test_kit.py"
    kit.write_text(KIT.format(url=f"redis://sharq:secret@127.0.0.1:{own_server.port}/0"))
    run = subprocess.run(  # noqa: ASYNC221  # nothing else runs here
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(kit)],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert " skipped" not in run.stdout
    await use_the_rest(own_server, monkeypatch)
    allowed = {word.removeprefix("+") for word in rule if word.startswith("+")}
    assert sent(client) == allowed


def test_a_check_sends_every_command_of_a_dequeue_and_a_finish() -> None:
    scripts = Scripts.load()
    needed = commands_in(scripts.dequeue.text) | commands_in(scripts.finish.text)
    tried = commands_in((LUA / "check.lua").read_text()) | {"time"}  # for which every script asks
    assert tried == needed - {"publish"}, "nobody has to be able to publish"


def test_no_script_sends_a_command_that_the_rule_lacks() -> None:
    allowed = {word.removeprefix("+") for word in acl_rule("secret")}
    for path in LUA.glob("*.lua"):
        assert commands_in(path.read_text()) <= allowed, path.name
