"""The other sides of the HTTP benchmarks: servers without a store.

`sanic` is stock Sanic that answers each route with given bytes. `canned` is no web server: it
answers anything with the same bytes, which shows how fast the load can be.
"""

import asyncio
import json
import sys
from typing import Any

import uvloop
from sanic import HTTPResponse, Request, Sanic
from sanic.response import raw

ROUTES = {
    "greet": ("GET", "/"),
    "enqueue": ("POST", "/enqueue/<queue_type>/<queue_id>/"),
    "dequeue": ("GET", "/dequeue/<queue_type>/"),
    "finish": ("POST", "/finish/<queue_type>/<queue_id>/<job_id>/"),
}
CANNED = b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"status":"success"}'


def serve_sanic(port: int, answers: dict[str, tuple[int, str]]) -> None:
    """Answer each route with a status and a body, as Sanic does it out of the box."""
    app: Sanic[Any, Any] = Sanic("bare")

    def add(name: str, method: str, path: str) -> None:
        status, body = answers[name][0], answers[name][1].encode()

        async def answer(_request: Request, **_names: str) -> HTTPResponse:
            return raw(body, status, content_type="application/json")

        app.add_route(answer, path, methods=[method], name=name)

    for name, (method, path) in ROUTES.items():
        add(name, method, path)
    app.run("127.0.0.1", port, single_process=True, access_log=False, motd=False)


class Canned(asyncio.Protocol):
    """Answers each piece of a request without reading it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self._transport.write(CANNED)


async def serve_canned(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    kind, port, *more = sys.argv[1:]
    if kind == "sanic":
        serve_sanic(int(port), json.loads(more[0]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_canned(int(port)))
