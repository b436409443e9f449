"""Clients that have shut their sending side: some still read, and some are gone.

Both look the same until something is sent. Then the system of a client that is gone resets the
connection.
"""

import fcntl
import select
import termios
from typing import Any


def is_reset(transport: Any) -> bool:
    """Return whether the client's system has reset a connection that is open here."""
    poll = select.poll()
    poll.register(_descriptor(transport), 0)  # errors and hang-ups are always reported
    return bool(poll.poll(0))


def has_arrived(transport: Any) -> bool:
    """Return whether the client's system has acknowledged all that was sent."""
    if transport.get_write_buffer_size():
        return False
    unacknowledged = fcntl.ioctl(_descriptor(transport), termios.TIOCOUTQ, bytes(4))
    return not any(unacknowledged)


def _descriptor(transport: Any) -> int:
    number: int = transport.get_extra_info("socket").fileno()
    return number
