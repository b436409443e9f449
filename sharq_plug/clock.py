"""The time that a store goes by, as milliseconds since the epoch."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tell the time. A store that is opened with a clock uses no other."""

    def now(self) -> int:
        """Return the milliseconds since the epoch."""


class SystemClock:
    """Follow the machine's clock from its value at construction, and never step back."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Return the milliseconds since the epoch."""
        return (self._offset_ns + time.monotonic_ns()) // 1_000_000
