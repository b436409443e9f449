"""An ear whose channels come, go and move while its subscriptions are under way."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from sharq_redis.connecting import connector
from sharq_redis.ear import Ear as Hearing
from sharq_redis.ear import Watched
from sharq_redis.target import Target
from support.ears import Ear
from support.redis_server import RedisServer
from support.waiting import comes_true

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hearing(own_server: RedisServer) -> AsyncIterator[Hearing]:
    """An ear that is connected already, since it hears a channel."""
    hearing = Hearing(connector(Target(port=own_server.port)), address="here")
    await hearing.hear(Watched("another"))
    yield hearing
    await hearing.close()


@pytest.fixture
def ear() -> Ear:
    return Ear()


async def hears(own_server: RedisServer, ear: Ear) -> None:
    """Publish until the ear hears of it."""
    ear.heard.clear()
    ear.queues.clear()

    def is_heard() -> bool:
        own_server.command("SPUBLISH", "channel", "0/q")
        return ["q"] in ear.queues

    await comes_true(is_heard)


async def test_the_reply_to_a_subscription_that_was_left_is_not_taken_for_that_of_the_next(
    own_server: RedisServer, hearing: Hearing, ear: Ear
) -> None:
    watched = Watched("channel", [ear.wake])
    first = asyncio.create_task(hearing.hear(watched))
    await asyncio.sleep(0)
    hearing.leave(watched)
    # The timer fires in the very step of the loop in which both replies come.
    asyncio.get_running_loop().call_later(0.01, hearing.adopt, watched)
    time.sleep(0.1)  # noqa: ASYNC251  # that makes it so
    await first
    await hears(own_server, ear)


async def test_an_end_that_comes_with_the_reply_to_the_subscription_counts(
    own_server: RedisServer, hearing: Hearing, ear: Ear
) -> None:
    """A slot may move in the moment after its channel was subscribed to."""
    strays: list[Watched] = []
    hearing._on_stray = lambda watched, _: strays.append(watched)
    watched = Watched("channel", [ear.wake])
    first = asyncio.create_task(hearing.hear(watched))
    await asyncio.sleep(0)
    wire = hearing._wire
    assert wire is not None
    wire.data_received(
        b"*3\r\n$10\r\nssubscribe\r\n$7\r\nchannel\r\n:2\r\n"
        b"*3\r\n$12\r\nsunsubscribe\r\n$7\r\nchannel\r\n:1\r\n"
    )
    await first
    assert strays == [watched]
    assert watched.wire is None
    hearing.hang_up("its replies are mixed up now")


async def test_a_channel_that_is_left_before_there_is_a_connection_is_not_subscribed_to(
    own_server: RedisServer, ear: Ear
) -> None:
    hearing = Hearing(connector(Target(port=own_server.port)), address="here")
    watched = Watched("channel", [ear.wake])
    first = asyncio.create_task(hearing.hear(watched))
    await asyncio.sleep(0)
    hearing.leave(watched)
    await first
    await hearing.hear(Watched("another"))
    assert own_server.client().pubsub_shardchannels() == [b"another"]
    await hearing.close()
