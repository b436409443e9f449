"""Large responses wait for their turn to be built."""

from sharq_plug.http.api.request import Server

LARGE = 1024 * 1024
"""A response with more bytes of payload than this waits for its turn to be built."""


async def may_build(server: Server, size: int) -> None:
    """Wait until a response with `size` bytes of payload may be built. Raises Overloaded."""
    if size > LARGE:
        async with server.memory.building(size):
            pass
