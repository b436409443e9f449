"""The documented ACL rule is what the backend needs: no more, no less."""

import re
from itertools import count

import pytest
from redis import Redis

from sharq_plug.model import LeaseRef, NewJob
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock, failures
from sharq_plug.testing.calls import counts_of, dequeue_for_one, finish_all
from sharq_plug.testing.conformance.batching import BatchConformance
from sharq_plug.testing.conformance.cancelling import CancelConformance
from sharq_plug.testing.conformance.clearing_states import StateClearConformance
from sharq_plug.testing.conformance.clocks import SteppingBackConformance
from sharq_plug.testing.conformance.counting import ViewConformance
from sharq_plug.testing.conformance.figures import FiguresConformance, KnownTypeConformance
from sharq_plug.testing.conformance.finding import FindConformance
from sharq_plug.testing.conformance.limit_views import LimitViewConformance
from sharq_plug.testing.conformance.listing_jobs import (
    JobListingConformance,
    LetterListingConformance,
)
from sharq_plug.testing.conformance.listing_queues import (
    OverdueConformance,
    QueueListingConformance,
)
from sharq_plug.testing.conformance.moving_letters import RedrivenRangeConformance
from sharq_plug.testing.conformance.opening import OpeningConformance
from sharq_plug.testing.conformance.reclaiming import ReclaimConformance
from sharq_plug.testing.conformance.repeating import RepeatedDequeueConformance
from sharq_plug.testing.conformance.shared_clocks import SharedClockConformance
from sharq_plug.testing.conformance.shared_deeds import SharedDeedConformance
from sharq_plug.testing.conformance.shared_next_ready import SharedReadyConformance
from sharq_plug.testing.conformance.tended_defaults import TendedDefaultsConformance
from sharq_plug.testing.conformance.watching import WatchingConformance
from sharq_redis.library import Library
from support.readme import ROOT, acl_rule
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

LUA = ROOT / "backends" / "sharq_redis" / "lua"
ALWAYS_ALLOWED = {"auth"}
OF_THE_TEST = {"config|resetstat", "client|list", "function|flush", "function|list"}
SCRIPTS = {"eval", "evalsha"}
NOT_NEEDED = {"spublish", "hsetnx", "hlen", "zrank", "sadd"}
"""What a dequeue and a finish do not need: wake-ups, and what only enqueues or looks send."""


class Part(
    WatchingConformance,
    SharedClockConformance,
    SharedDeedConformance,
    SharedReadyConformance,
    LimitViewConformance,
    TendedDefaultsConformance,
    BatchConformance,
    SteppingBackConformance,
    KnownTypeConformance,
    FiguresConformance,
    QueueListingConformance,
    OverdueConformance,
    JobListingConformance,
    LetterListingConformance,
    FindConformance,
    ViewConformance,
    StateClearConformance,
    RedrivenRangeConformance,
    CancelConformance,
    ReclaimConformance,
    RepeatedDequeueConformance,
    OpeningConformance,
):
    """A part of the conformance kit that needs every verb and every right.

    All of it runs as such a user in tests/conformance.
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


async def run_the_part(server: RedisServer, rule: list[str]) -> set[str]:
    """Run the part of the kit as a user with these rights; return the commands that were sent."""
    server.command("FUNCTION", "FLUSH")
    server.command("ACL", "SETUSER", "sharq", "reset", *rule)
    admin(server).config_resetstat()
    url, numbers = f"redis://sharq:secret@127.0.0.1:{server.port}/0", count()

    def open_one(clock: ManualClock) -> QueueStore:
        prefix = f"sharq_server:{next(numbers)}"
        return open_store("redis", {"url": url, "key_prefix": prefix}, clock=clock)

    assert [failure async for failure in failures(open_one, Part)] == []
    return sent(admin(server))


async def test_the_backend_sends_what_the_rule_allows_and_all_of_it(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = acl_rule("secret")
    allowed = {word.removeprefix("+") for word in rule if word.startswith("+")}
    await run_the_part(own_server, rule)
    await use_the_rest(own_server, monkeypatch)
    with_functions = sent(admin(own_server))
    assert with_functions == allowed - SCRIPTS


async def test_a_user_without_functions_gets_by_with_scripts(own_server: RedisServer) -> None:
    rule = acl_rule("secret")
    allowed = {word.removeprefix("+") for word in rule if word.startswith("+")}
    without = [word for word in rule if word not in {"+fcall", "+function|load"}]
    used = await run_the_part(own_server, without)
    assert used <= allowed
    assert used >= SCRIPTS
    verbs = Library.load().verbs
    sent_as = admin(own_server).script_exists(*(verb.sha for verb in verbs.values()))
    assert [verb for verb, is_sent in zip(verbs, sent_as, strict=True) if not is_sent] == []
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
