"""The bytes that are held for clients are bounded, and the slowest give way first."""

import asyncio

import pytest

from sharq_plug.errors import Overloaded
from sharq_plug.http.wire.memory import PACE, Memory

pytestmark = pytest.mark.anyio


class Client:
    """Holds bytes until they are read or it has to give way."""

    def __init__(self, memory: Memory, size: int) -> None:
        self._size = size
        self.has_given_way = False
        memory.wait(self, size)

    def held(self) -> int:
        return self._size

    def read(self, size: int) -> None:
        self._size -= size

    def give_way(self) -> None:
        self.has_given_way = True
        self._size = 0


def gave_way(*clients: Client) -> list[bool]:
    return [client.has_given_way for client in clients]


async def soon(task: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(5):
        await task


async def test_the_one_that_has_waited_longest_gives_way() -> None:
    memory = Memory(10 * PACE)
    clients = [Client(memory, 4 * PACE) for _ in range(3)]
    assert gave_way(*clients) == [True, False, False]


async def test_one_that_reads_does_not_give_way_to_one_that_does_not() -> None:
    memory = Memory(10 * PACE)
    first, second = Client(memory, 4 * PACE), Client(memory, 4 * PACE)
    first.read(3 * PACE)
    third = Client(memory, 6 * PACE)
    assert gave_way(first, second, third) == [False, True, False]


async def test_what_was_read_meanwhile_makes_room_without_anybody_giving_way() -> None:
    memory = Memory(10 * PACE)
    first, second = Client(memory, 4 * PACE), Client(memory, 4 * PACE)
    first.read(2 * PACE)
    second.read(2 * PACE)
    third = Client(memory, 6 * PACE)
    assert gave_way(first, second, third) == [False, False, False]


async def test_of_all_that_read_the_first_gives_way() -> None:
    memory = Memory(10 * PACE)
    clients = [Client(memory, 5 * PACE) for _ in range(2)]
    for client in clients:
        client.read(PACE)
    clients.append(Client(memory, 9 * PACE))
    assert gave_way(*clients) == [True, True, False]


async def test_room_comes_when_a_client_reads() -> None:
    memory = Memory(10 * PACE)
    client = Client(memory, 8 * PACE)
    waiting = asyncio.create_task(memory.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    client.read(3 * PACE)
    await soon(waiting)
    assert not client.has_given_way


async def test_a_client_that_stalls_gives_way_to_one_that_waits_for_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sharq_plug.http.wire.memory.STALL", 0.5)
    memory = Memory(10 * PACE)
    stalled, slow = Client(memory, 4 * PACE), Client(memory, 4 * PACE)
    waiting = asyncio.create_task(memory.room())
    while not waiting.done():
        slow.read(PACE if slow.held() > 2 * PACE else 0)
        await asyncio.sleep(0.02)
    assert gave_way(stalled, slow) == [True, False]


async def test_after_a_while_the_slowest_gives_way_though_all_of_them_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sharq_plug.http.wire.memory.PATIENCE", 0.1)
    memory = Memory(100 * PACE)
    clients = [Client(memory, 45 * PACE) for _ in range(2)]
    await soon(asyncio.create_task(memory.room()))
    assert gave_way(*clients) == [True, False]


async def test_large_answers_are_built_one_after_the_other() -> None:
    memory = Memory(10 * PACE)
    building = most = 0

    async def build() -> None:
        nonlocal building, most
        async with memory.building(PACE):
            building += 1
            most = max(most, building)
            await asyncio.sleep(0)
            building -= 1

    async with asyncio.timeout(5):
        await asyncio.gather(*(build() for _ in range(10)))
    assert most == 1


async def test_an_answer_is_not_built_before_there_is_room() -> None:
    memory = Memory(10 * PACE)
    client = Client(memory, 8 * PACE)
    built = asyncio.create_task(memory.building(PACE).__aenter__())
    await asyncio.sleep(0)
    assert not built.done()
    client.read(8 * PACE)
    await soon(built)


async def test_too_many_bytes_that_wait_to_be_built_are_refused_but_one_answer_never() -> None:
    memory = Memory(10 * PACE)
    async with memory.building(50 * PACE):
        with pytest.raises(Overloaded):
            async with memory.building(PACE):
                pass
    async with memory.building(PACE):
        pass
