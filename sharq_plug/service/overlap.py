"""Two store calls at a time, so that the server and the store work at once.

While the store works on one call, the server answers the callers of the other, and reads what they
ask for next. With one call for all callers, server and store would wait for each other.
"""

OVERLAPPING = 2
"""Calls at a time that need not be full."""
SMALLEST_SHARE = 4
"""A call takes this many callers, if they are there, however few are under way."""


class Overlap:
    """The callers of the calls under way, and how many the next call takes.

    It takes half of all that are there. Where the store answers at once, as one in memory does, no
    caller ever finds a call under way: there a call takes all.
    """

    __slots__ = ("_takes_time", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        """Callers whose calls are under way."""
        self._takes_time = False

    def note_caller(self) -> None:
        """Note that a caller comes."""
        if self.under_way:
            self._takes_time = True

    def may_begin(self, calls: int) -> bool:
        """Return whether a call may begin beside so many."""
        return not calls or (calls < OVERLAPPING and self.under_way > 0)

    def share(self, callers: int) -> int:
        """Return how many of these callers, who have no call yet, the next one takes at most."""
        if not self._takes_time:
            return callers
        return max(SMALLEST_SHARE, (callers + self.under_way + 1) // 2)
