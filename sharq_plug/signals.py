"""What signals do to a process that has not begun to serve.

This module imports next to nothing: the system drops a signal to process 1 of a container as long
as nobody listens to it, and importing the rest of the server takes a while.
"""

import os
import signal

HARMLESS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""They end a process that does not know them. Processes that this one starts ignore them too."""


def watch_start() -> None:
    """End at SIGTERM and SIGINT at once, and at none of those that are harmless."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    for number in HARMLESS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, _frame: object) -> None:
    """End as the signal itself would have it; nothing has been accepted yet."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # process 1 is still here: the system lets no default end it
