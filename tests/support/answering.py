"""A server that answers each command of Redis's protocol as a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import hiredis

Answer = Callable[[list[str]], bytes]
"""From the words of a command to a reply in Redis's protocol."""


def error(text: str) -> bytes:
    """Return an error reply."""
    return f"-{text}\r\n".encode()


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[int]:
    """Serve on a port, which is yielded, until everybody who connected has left."""
    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append(task)
        parser = hiredis.Reader()
        with contextlib.suppress(ConnectionError):
            while received := await reader.read(65536):
                parser.feed(received)
                while (words := parser.gets()) is not False:
                    writer.write(answer([word.decode() for word in words]))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]
        if served:
            await asyncio.wait(served)
