"""An event loop in which nothing takes time: where it would wait, its clock jumps."""

import asyncio
import selectors


class _Selector(selectors.DefaultSelector):
    """Poll, and note for how long somebody would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not found and timeout:
            self.skipped += timeout
        return found


class HurriedLoop(asyncio.SelectorEventLoop):
    """For stores in memory: a test that waits in vain fails at once."""

    def __init__(self) -> None:
        self._hurrying = _Selector()
        super().__init__(self._hurrying)

    def time(self) -> float:
        return super().time() + self._hurrying.skipped

    def stand_still(self, seconds: float) -> None:
        """Let time pass while nothing runs, as if a callback had taken that long."""
        self._hurrying.skipped += seconds


HURRIED = ("asyncio", {"loop_factory": HurriedLoop})
"""A value of `anyio_backend`."""


class LoopClock:
    """The clock of a store that goes by the time of its event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now(self) -> int:
        return int(self._loop.time() * 1000)
