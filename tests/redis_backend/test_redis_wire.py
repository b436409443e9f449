"""A wire that takes over a connection from redis-py."""

import asyncio

import pytest

from sharq_redis.connecting import connector
from sharq_redis.target import Target
from sharq_redis.wire import Wire
from support.redis_server import RedisServer
from support.waiting import comes_true

pytestmark = pytest.mark.anyio


async def test_a_connection_that_ended_before_the_wire_took_it_over_is_lost() -> None:
    """Else the calls on it wait for nothing until their time is up."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        target = Target(port=server.sockets[0].getsockname()[1])
        connection = await connector(target)()
        reader = connection._reader
        assert reader is not None
        await comes_true(reader.at_eof)
        assert Wire(connection, None).lost.is_set()


async def test_the_end_of_a_subscription_answers_no_other_command(
    own_server: RedisServer,
) -> None:
    """A server ends one, when a slot moves, with the words of its reply to SUNSUBSCRIBE."""
    heard: list[tuple[bytes, bytes | None]] = []
    wire = Wire(await connector(Target(port=own_server.port))(), lambda *said: heard.append(said))
    for channel in ("a", "b"):
        await wire.ask([("SSUBSCRIBE", channel)])
    asked = wire.ask([("PING",)])
    left = wire.ask([("SUNSUBSCRIBE", "b")], leaves=b"b")
    wire.data_received(b"*3\r\n$12\r\nsunsubscribe\r\n$1\r\na\r\n:1\r\n")
    assert heard == [(b"a", None)]
    assert await asked == [[b"pong", b""]]
    assert (await left)[0][:2] == [b"sunsubscribe", b"b"]
    assert heard == [(b"a", None)]
    wire.drop("done")
