"""What signals do to a process that does not serve yet.

This module imports almost nothing. The system drops signals to process 1 of a container until a
handler is set, and importing the rest of the server takes a while.
"""

import os
import signal

HARMLESS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""By default they would end the process. Child processes ignore them too."""


def watch_start() -> None:
    """End at once on SIGTERM and SIGINT; ignore the harmless signals."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    for number in HARMLESS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, _frame: object) -> None:
    """End as the signal's default action would; no connection has been accepted yet."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # process 1 is still here: the system lets no default end it
