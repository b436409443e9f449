"""Counts of everything, on their way to Redis."""

import asyncio
from collections.abc import Sequence

import pytest

from sharq_plug.errors import StoreUnavailable
from sharq_redis.link import Link
from sharq_redis.owed import OwedCounts
from sharq_redis.wire import Command

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000_000


class SlowLink(Link):
    """Keeps commands back until it is told to go on, or fails them."""

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.away = False

    async def call_all(self, commands: Sequence[Command]) -> list[object]:
        self.asked.set()
        if self.away:
            raise StoreUnavailable("away")
        await self.go_on.wait()
        self.sent += commands
        return []

    def counted(self, field: str) -> int:
        return sum(c[3] for c in self.sent if c[0] == "HINCRBY" and c[2] == field)


@pytest.fixture
def link() -> SlowLink:
    return SlowLink()


@pytest.fixture
def owed(link: SlowLink) -> OwedCounts:
    return OwedCounts(link, "prefix")


async def test_counts_that_come_while_a_trip_lasts_share_the_next(
    link: SlowLink, owed: OwedCounts
) -> None:
    owed.add(NOW, "e", 1)
    await link.asked.wait()
    for _ in range(10):
        owed.add(NOW, "e", 2)
    link.go_on.set()
    await owed.settle()
    assert link.counted("e") == 21
    assert len([command for command in link.sent if command[0] == "HINCRBY"]) == 2


async def test_counts_of_several_calls_share_a_trip(link: SlowLink, owed: OwedCounts) -> None:
    link.go_on.set()
    for _ in range(10):
        owed.add(NOW, "e", 1)
        await asyncio.sleep(0)
    await owed.settle()
    assert link.counted("e") == 10
    assert len([command for command in link.sent if command[0] == "HINCRBY"]) == 1


async def test_a_cancelled_settling_neither_loses_counts_nor_ends_the_sender(
    link: SlowLink, owed: OwedCounts
) -> None:
    owed.add(NOW, "e", 1)
    await link.asked.wait()
    settling = asyncio.create_task(owed.settle())
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.wait({settling})
    assert settling.cancelled()
    link.go_on.set()
    await owed.settle()
    assert link.counted("e") == 1


async def test_counts_that_could_not_be_sent_are_lost_and_not_sent_twice(
    link: SlowLink, owed: OwedCounts, caplog: pytest.LogCaptureFixture
) -> None:
    link.away = True
    owed.add(NOW, "d", 3)
    await owed.settle()
    owed.add(NOW, "d", 4)
    await owed.settle()
    assert caplog.messages == ["minute counts of everything get lost: away"]
    link.away = False
    link.go_on.set()
    owed.add(NOW, "d", 2)
    await owed.settle()
    assert link.counted("d") == 2
