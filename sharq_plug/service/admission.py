"""How much may be under way at a time: requests, and bytes of payload on their way to the store."""

from sharq_plug.errors import Overloaded

MAX_BYTES_IN_FLIGHT = 64 * 1024 * 1024
"""Bytes of payload that may be on their way into the store; one job may be, however large."""


class Admission:
    """Count what is under way, and refuse what exceeds the bounds."""

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
        """Count a request no longer; `size` is what it entered with."""
        self._requests -= 1
        self._bytes -= size
