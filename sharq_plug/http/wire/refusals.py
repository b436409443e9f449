"""Connections past the maximum number: they are answered 503 and closed."""

import asyncio

from sharq_plug.errors import Overloaded
from sharq_plug.http.api.failures import error_answer, failure_reply
from sharq_plug.http.wire.request_ids import new_request_id
from sharq_plug.http.wire.responses import response_bytes

MAX_REFUSED = 200
"""Refused connections that stay open for their clients to read, at most; others close at once."""


class _Refused(asyncio.Protocol):
    """Keep reading, so that the refusal reaches a client that is still sending."""

    def __init__(self, refused: set[asyncio.Protocol]) -> None:
        self._refused = refused
        refused.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio passes it
        self._refused.discard(self)


def refuse(
    transport: asyncio.Transport, refused: set[asyncio.Protocol], *, last_words: float
) -> None:
    """Answer 503, and close the connection after `last_words` seconds at the latest."""
    transport.write(_refusal())
    if len(refused) >= MAX_REFUSED:
        transport.close()
        return
    transport.set_protocol(_Refused(refused))
    transport.write_eof()
    asyncio.get_running_loop().call_later(last_words, transport.abort)


def _refusal() -> bytes:
    reply = failure_reply(error_answer(Overloaded()), {})
    return response_bytes(reply, request_id=new_request_id(), keep_alive=False)
