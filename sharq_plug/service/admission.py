"""Limit the requests, and the bytes of payload sent to the store, that are under way at a time."""

from sharq_plug.errors import Overloaded

MAX_BYTES_IN_FLIGHT = 64 * 1024 * 1024
"""Bytes of payload on their way into the store at a time. A single job may always go."""


class Admission:
    """Count what is under way. Refuse requests beyond the limits."""

    __slots__ = ("_bytes", "_max_requests", "_requests")

    def __init__(self, max_requests: int) -> None:
        self._max_requests = max_requests
        self._requests = 0
        self._bytes = 0

    def enter(self, size: int = 0) -> None:
        """Count a request with `size` bytes of payload; raise Overloaded if there are too many."""
        if self._requests >= self._max_requests:
            raise Overloaded
        if size:
            if self._bytes and self._bytes + size > MAX_BYTES_IN_FLIGHT:
                raise Overloaded
            self._bytes += size
        self._requests += 1

    def leave(self, size: int = 0) -> None:
        """Stop counting a request; `size` is the one that it entered with."""
        self._requests -= 1
        self._bytes -= size
