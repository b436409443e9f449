"""How much a line asks the store for at a time."""

MAX_JOBS = 128
"""Jobs that one store call asks for on behalf of several callers; fewer if jobs are large."""
MAX_CALLS = 8
"""Store calls for one type at a time; after a call in vain, one. All but two must be full."""
FIRST_CALLS = 2
"""Store calls at a time before any has ended."""
FIRST_WAITING = 4
"""Waiting callers that a call asks for, when it is not known how many jobs are ready."""
FASTER = 4
"""The factor by which `waiting` grows after each call that found jobs."""


class Pace:
    """The most that a line asks for: more while calls find jobs, little after a call in vain.

    `calls` is the number of store calls at a time, `waiting` the number of waiting callers that one
    asks for.
    """

    __slots__ = ("calls", "waiting")

    def __init__(self) -> None:
        self.calls = FIRST_CALLS
        self.waiting = FIRST_WAITING

    @property
    def has_found(self) -> bool:
        """Whether the latest call found jobs."""
        return self.calls == MAX_CALLS

    def grow(self) -> None:
        """Ask for more: a call has found jobs."""
        self.calls = MAX_CALLS
        if self.waiting < MAX_JOBS:
            self.waiting *= FASTER

    def reset(self) -> None:
        """Ask for little: a call has found that no job is ready."""
        self.calls = 1
        self.waiting = FIRST_WAITING
