"""How often and for how long to resend a call that was refused before it ran."""

import asyncio

from sharq_redis import link

FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.2
"""Seconds between two tries."""
AT_ONCE = 3
"""Tries without a pause after redirections."""


class Tries:
    """The tries of one call. `since` is when the first began, on the event loop's clock."""

    __slots__ = ("_at_once", "_loop", "_pause", "since")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.since = self._loop.time()
        self._pause = FIRST_PAUSE
        self._at_once = AT_ONCE

    async def another(self, *, is_told_where: bool = False) -> bool:
        """Pause before the next try; return whether there is time for one."""
        if self._loop.time() + self._pause > self.since + link.DEADLINE:
            return False
        if is_told_where and self._at_once > 0:
            self._at_once -= 1
            return True
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return True
