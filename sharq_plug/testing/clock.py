"""A clock that only moves when it is told to."""


class ManualClock:
    """Tell the time that was set (ms since the epoch)."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        """Return the milliseconds since the epoch."""
        return self._now

    def advance(self, duration: int) -> None:
        """Move on by `duration` ms."""
        self._now += duration

    def step_back(self, duration: int) -> None:
        """Go back by `duration` ms, as a clock does that is set right."""
        self._now -= duration
