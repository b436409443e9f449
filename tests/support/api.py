"""A server in this process, on a real socket, and what the tests of its API share."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

import httpx
from sanic import Sanic

from sharq_plug.authenticator import Authenticator
from sharq_plug.http.api.request import Server
from sharq_plug.http.wire.app import AppOptions, create_app
from sharq_plug.http.wire.server import open_server
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.store import QueueStore
from support import settings_schema
from support.certificates import Authority
from support.description import hooks
from support.settings_schema import A_NAME

QUIET = AppOptions(service=ServiceOptions(tends=False))
"""Upkeep runs when a test says so: `await service.tend()`."""

Call: TypeAlias = tuple[str, str, Any]
"""A method, a path, a body to be sent as JSON."""

_app_numbers = count()


@dataclass(frozen=True)
class Served:
    client: httpx.AsyncClient
    server: Server
    port: int
    trust: ssl.SSLContext | None = None
    """What a client needs to connect, over TLS."""

    @property
    def service(self) -> QueueService:
        return self.server.service


@asynccontextmanager
async def serving(
    open_store: Callable[[], QueueStore],
    options: AppOptions = QUIET,
    *,
    authenticator: Authenticator | None = None,
    authority: Authority | None = None,
) -> AsyncIterator[Served]:
    """Serve a store, with an `authority` over TLS. Each answer is held against the description."""
    app = create_app(f"tests_{next(_app_numbers)}", open_store, options, authenticator)
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    trust = None if authority is None else authority.context()
    context = None if authority is None else authority.server_context()
    tls = None if context is None else (lambda: context)
    url = f"{'https' if trust else 'http'}://127.0.0.1:{port}"
    try:
        async with open_server(app, listener, tls=tls) as server:
            checks = hooks(asks_for_keys=authenticator is not None)
            async with httpx.AsyncClient(
                base_url=url, verify=trust or True, event_hooks=checks
            ) as client:
                yield Served(client, app.ctx.server, port, trust)
            await server.begin_draining()
    finally:
        Sanic.unregister_app(app)


Serve: TypeAlias = Callable[..., AbstractAsyncContextManager[Served]]

SECOND_SENTENCES = {
    **dict.fromkeys(("queue_type", "queue_id", "job_id", "attempt_id"), f"A name is {A_NAME}."),
    "interval": "It must be an integer from 0 to 1000000000000.",
    "requeue_limit": "It must be an integer from -1 to 9007199254740991.",
    "max_queued_length": "It must be an integer from 0 to 9007199254740991.",
}
A_COST = (
    "an integer from 1 to 1000000, or an object of at most 8 names with an integer from 0 to "
    "1000000 each (`job` from 1)"
)
MUST_BE = settings_schema.MUST_BE | {
    "actual": A_COST,
    "at": "an integer from 0 to 1000000000000000",
    "cost": A_COST,
    "count": "an integer from 1 to 1000",
    "cursor": "the `cursor` of an earlier answer to the same question",
    "dead": "true or false",
    "deduplicate": f"an object of a `key` ({A_NAME}) and an integer `for` from 1 to 604800000",
    "delay": "an integer from 0 to 1000000000000",
    "error": "text of at most 2000 characters",
    "for": "an integer from 1 to 1000000000000",
    "headers": "an object of at most 32 strings, and of at most 4096 bytes",
    "idempotency_key": A_NAME,
    "jobs": "a list of at most 1000 items",
    "lease": "text of 1 to 200 ASCII characters",
    "letters": "a list of at most 1000 integers from 1 to 9007199254740991",
    "limit": "an integer from 1 to 1000",
    "lease_time": "an integer from 1 to this server's `max_lease_time`",
    "prefix": "the beginning of a name: up to 100 of A-Z a-z 0-9 _ - . : @ + ~",
    "priority": "an integer from 0 to 9",
    "queues": f"a list of 1 to 100 names, each {A_NAME}",
    "together": "true or false",
    "requeue_delay": "an integer from 0 to 1000000000000, or an object of `first` (the same), "
    "`factor` (an integer from 1 to 10) and `most` (as `first`)",
    "sort": "overdue or waiting",
    "state": "waiting, delayed, leased or dead",
    "states": "names of states, with commas between them: waiting, delayed, leased, dead",
    "ttl": "an integer from 1 to 1000000000000",
    "wait": "an integer from 0 to 60000",
}


def invalid(field: str) -> str:
    """The message about a value that is not acceptable: it says what is allowed.

    It begins as SharQ's does where SharQ has the field.
    """
    if field in MUST_BE:
        return f"`{field}` must be {MUST_BE[field]}."
    return f"`{field}` has an invalid value. {SECOND_SENTENCES[field]}"


def mandatory(field: str) -> str:
    """The message about a field that is missing, as SharQ has it."""
    return f"`{field}` is a mandatory parameter"


NO_INTEGERS = [1.0, 1.5, True, "1", [], {}, 10**30]
"""What no field takes for an integer."""


@dataclass(frozen=True)
class Case:
    """A call, what was called before it, and its answer."""

    title: str
    call: Call
    status: int
    body: object
    before: list[Call] = field(default_factory=list)


def enqueue(job_id: str, queue: str = "sms/q", /, **fields: Any) -> Call:
    return "POST", f"/enqueue/{queue}", {"job_id": job_id, "interval": 0, "payload": {}} | fields


def with_slash(call: Call) -> Call:
    method, path, body = call
    path, *query = path.split("?", 1)
    return method, "?".join([path.rstrip("/") + "/", *query]), body


async def send(client: httpx.AsyncClient, call: Call) -> httpx.Response:
    method, path, body = call
    return await client.request(method, path, json=body)


async def check(client: httpx.AsyncClient, case: Case, *, slash: bool) -> None:
    for call in case.before:
        assert (await send(client, call)).status_code < 300
    response = await send(client, with_slash(case.call) if slash else case.call)
    assert (response.status_code, response.json()) == (case.status, case.body)
    assert response.headers["content-type"] == "application/json"
    assert response.headers.get("retry-after") == ("1" if case.status == 429 else None)


async def exchange(port: int, *, sent: bytes) -> bytes:
    """Send bytes over a connection of their own, and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(5):
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received
