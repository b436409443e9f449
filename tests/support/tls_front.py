"""A front that speaks TLS for a server that does not, and lets plain connections through too.

Servers of a cluster reach each other by the address that they announce. So the front looks at the
first byte of a connection: a TLS handshake begins with 22.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

HANDSHAKE = b"\x16"
CHUNK = 65536


class TlsFront:
    """Forward connections to a port on this machine. A context manager.

    `secured` counts the connections that came over TLS.
    """

    def __init__(self, target: int, context: ssl.SSLContext) -> None:
        self._target = target
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.secured = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._start(lambda client=client: self._serve(client))  # type: ignore[misc]

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if client.recv(1, socket.MSG_PEEK) == HANDSHAKE:
                client = self._context.wrap_socket(client, server_side=True)
                self.secured += 1
        with client, contextlib.suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self._target))
            with server:
                self._open |= {client, server}
                back = threading.Thread(target=_forward, args=(server, client), daemon=True)
                back.start()
                _forward(client, server)
                back.join()
                self._open -= {client, server}


def _forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
