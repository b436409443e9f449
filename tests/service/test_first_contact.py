"""A service whose store is out of reach at the start: what it says, and when it begins."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import ConfigError, StoreUnavailable
from sharq_plug.model import Retention, Tended
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.store import DEFAULT_RETENTION

pytestmark = pytest.mark.anyio

AWAY = StoreUnavailable("away")
UNFIT = ConfigError("too old")


class ComingStore(MemoryStore):
    """Fails pings with what is in `failures`, then answers; knows when passes come."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.failures = list(failures)
        self.pings = 0
        self.passes = 0
        self.pinged, self.passed = asyncio.Event(), asyncio.Event()
        self.weakness: Exception | None = None

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        if thorough:
            if self.weakness is not None:
                raise self.weakness
            return ["it forgets"]
        self.pings += 1
        self.pinged.set()
        if self.failures:
            raise self.failures.pop(0)
        return ()

    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        self.passes += 1
        self.passed.set()
        return await super().tend(limit=limit, retention=retention)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharq_plug.service.first_contact.FIRST_PAUSE", 0.001)


async def said(
    store: ComingStore, caplog: pytest.LogCaptureFixture, **options: Any
) -> list[tuple[str, str]]:
    """Return what is logged until the first pass came, and the store has been heard out."""
    with caplog.at_level(logging.INFO):
        async with asyncio.timeout(5), QueueService(store, ServiceOptions(**options)):
            await store.passed.wait()
            for _ in range(20):
                await asyncio.sleep(0)
    return [(record.levelname, record.getMessage()) for record in caplog.records]


async def test_a_store_that_is_away_is_said_once_and_so_is_its_coming(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = ComingStore(AWAY, StoreUnavailable("away, in other words"), AWAY, AWAY)
    assert await said(store, caplog, says_contact=True) == [
        (
            "WARNING",
            "the store does not answer, requests are answered with 503 until it does: away",
        ),
        ("INFO", "the store answers: requests are served"),
        ("WARNING", "it forgets"),
    ]
    assert store.pings == 5


async def test_no_pass_runs_before_the_store_has_answered() -> None:
    store = ComingStore(*[AWAY] * 1000)
    async with QueueService(store, ServiceOptions(tend_interval=1)):
        async with asyncio.timeout(5):
            while store.pings < 3:
                store.pinged.clear()
                await store.pinged.wait()
        assert store.passes == 0
        store.failures.clear()
        async with asyncio.timeout(5):
            await store.passed.wait()


async def test_a_store_that_is_there_is_told_nothing_of_but_its_weaknesses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await said(ComingStore(), caplog, says_contact=True) == [("WARNING", "it forgets")]


async def test_a_store_that_cannot_be_used_is_an_error_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = ComingStore(AWAY, UNFIT, UNFIT, AWAY, UNFIT)
    messages = await said(store, caplog, says_contact=True)
    assert messages[1] == (
        "ERROR",
        "the store cannot be used, requests are answered with 503 until it can: too old",
    )
    assert [level for level, _ in messages] == ["WARNING", "ERROR", "INFO", "WARNING"]


async def test_another_process_says_nothing_and_starts_its_passes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await said(ComingStore(AWAY, UNFIT), caplog, says_contact=False) == []


async def test_a_failure_that_nobody_thought_of_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = ComingStore(LookupError("unthought of"))
    store.weakness = LookupError("nor of this")
    first, second, third = await said(store, caplog, says_contact=True)
    assert first[1].endswith(": LookupError")
    assert second[1] == "the store answers: requests are served"
    assert third == ("WARNING", "the store does not say how it is weak: LookupError")
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, True]


async def test_a_service_ends_while_its_store_is_away() -> None:
    store = ComingStore(*[AWAY] * 1000)
    async with asyncio.timeout(5):
        async with QueueService(store, ServiceOptions()):
            await store.pinged.wait()
    assert store.passes == 0
    assert [task for task in asyncio.all_tasks() if task.get_name() == "first contact"] == []


async def test_a_service_that_runs_no_passes_says_what_there_is_to_say(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = ComingStore(AWAY)
    options = ServiceOptions(tends=False, says_contact=True)
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(5), QueueService(store, options):
            while "it forgets" not in caplog.text:  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0)
    assert store.passes == 0
