"""TLS between a plain connection and the reader of its requests.

The TLS of uvloop and asyncio would not do. It makes a connection only after the handshake, so that
`max_connections` would not count those that never finish one. It hides how many bytes are unsent.
And it closes a connection whose client has shut its sending side and still reads.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

CHUNK = 256 * 1024
"""Bytes that are encrypted in one piece."""

ContextSource = Callable[[], ssl.SSLContext]
"""Returns the context for a new connection: certificates change while a server runs."""


class TlsFilter(asyncio.Protocol):
    """The protocol of a plain transport, and itself the transport of another protocol.

    It encrypts at once whatever is written, and the plain transport holds what is unsent. So its
    limits and its size are those of the plain one. What is written before the handshake is done
    waits for it.
    """

    def __init__(self, protocol: Any, context: ssl.SSLContext) -> None:
        self._protocol = protocol
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: Any = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._plain: Any = None
        self._early: list[bytes] = []
        self._is_open = self._is_shut = self._has_ended = self._shuts_early = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on before the handshake: the connection counts from now on."""
        self._plain = transport
        self._protocol.connection_made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on, and let go of the keys: the collector may come late."""
        self._tls = None
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Decrypt what came, and pass it on. Close a connection that breaks the rules of TLS."""
        if self._is_shut or self._plain.is_closing():
            return
        self._incoming.write(data)
        try:
            if self._is_open or self._shake_hands():
                self._read()
        except ssl.SSLError:
            self._flush()  # it says why
            self._plain.close()

    def eof_received(self) -> bool:
        """Pass on that the client sends no more. Return whether the connection stays open."""
        if self._has_ended:
            return True
        self._has_ended = True
        stays = self._is_open and bool(self._protocol.eof_received())
        if not stays:
            self.close()
        return stays

    def write(self, data: bytes) -> None:
        """Encrypt and send, or keep it until the handshake is done."""
        if self._is_shut or self._plain.is_closing():
            return
        if not self._is_open:
            self._early.append(data)
            return
        rest = memoryview(data)
        while rest:
            chunk, rest = rest[:CHUNK], rest[CHUNK:]
            while chunk:
                chunk = chunk[self._tls.write(chunk) :]
            self._flush()

    def write_eof(self) -> None:
        """Say that nothing more will be sent."""
        if not self._is_open:
            self._shuts_early = True
        elif not self._is_shut:
            self._shut()
            self._plain.write_eof()

    def close(self) -> None:
        """Close once the client has read everything."""
        if not self._plain.is_closing():
            self._shut()
            self._plain.close()

    def abort(self) -> None:
        """Close now."""
        self._plain.abort()

    def is_closing(self) -> bool:
        """Return whether the connection is being closed, or closed."""
        return bool(self._plain.is_closing())

    def pause_reading(self) -> None:
        """Let the client wait."""
        self._plain.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._plain.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set from how many unsent bytes on writing is paused."""
        self._plain.set_write_buffer_limits(high=high, low=low)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are unsent."""
        unsent: int = self._plain.get_write_buffer_size()
        return unsent + sum(map(len, self._early))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Pass everything on to another protocol."""
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the plain transport knows; `ssl_object` says that it is not plain."""
        return self._tls if name == "ssl_object" else self._plain.get_extra_info(name, default)

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        self._is_open = True
        self._flush()
        early, self._early = self._early, []
        self.write(b"".join(early))
        if self._shuts_early:
            self.write_eof()
        return True

    def _read(self) -> None:
        """Pass on all that came. The end of the client's messages may stand behind it."""
        parts = []
        has_ended = False
        with suppress(ssl.SSLWantReadError):
            while not self._is_shut:
                part = self._tls.read(CHUNK)
                if not part:
                    has_ended = True
                    break
                parts.append(part)
        self._flush()  # what TLS itself has to answer
        if parts:
            self._protocol.data_received(b"".join(parts))
        if has_ended and not self._plain.is_closing():
            self.eof_received()

    def _shut(self) -> None:
        """Say in TLS that nothing more will be sent."""
        if self._is_open and not self._is_shut:
            self._is_shut = True
            with suppress(ssl.SSLError):  # it would like to hear the same from the client
                self._tls.unwrap()
            self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._plain.is_closing():
            self._plain.write(data)
