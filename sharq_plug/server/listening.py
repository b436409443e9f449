"""The listening socket: at an address and port, or in a file for proxies on this machine."""

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sharq_plug.errors import ConfigError

BACKLOG = 1024
UNIX = "unix:"
"""The beginning of a `host` whose rest is the path of a socket."""
LOCK_ATTEMPTS = 50
LOCK_PAUSE = 0.02
"""Seconds between two attempts."""


@contextmanager
def open_listener(host: str, port: int) -> Iterator[socket.socket]:
    """Listen at an address, or at `unix:` and a path; remove the socket's file at the end.

    Raises ConfigError that says why not.
    """
    if not host.startswith(UNIX):
        with _listen_at(host, port) as listener:
            yield listener
        return
    path = Path(host.removeprefix(UNIX))
    with _listen_in(path) as listener:
        made = _identity(path)
        try:
            yield listener
        finally:
            listener.close()
            with suppress(OSError):
                _tidy_up(path, made)


def address_of(listener: socket.socket, *, scheme: str = "http") -> str:
    """Return where a socket listens, as an address that people can use."""
    if listener.family == socket.AF_UNIX:
        return f"{UNIX}{listener.getsockname()}"
    host, port, *_ = listener.getsockname()
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _listen_at(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family = min(info[0] for info in found)  # IPv4 for a name that has both
        dual = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        return socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no host name"
        raise ConfigError(f"cannot listen at {host} port {port}: {reason}") from error


def _listen_in(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _lock(path.parent):
            _make_room(path)
            listener.bind(str(path))
            listener.listen(BACKLOG)
    except (OSError, ValueError) as error:
        listener.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigError(f"cannot listen at {UNIX}{path}: {reason}") from error
    except ConfigError:
        listener.close()
        raise
    return listener


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Keep other servers from checking a folder until this one listens in it.

    Give up waiting for the lock after about as long as a server needs it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(LOCK_ATTEMPTS):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(LOCK_PAUSE)
        yield
    finally:
        os.close(descriptor)


def _make_room(path: Path) -> None:
    """Remove a socket that nobody listens on. Raises ConfigError if the path is taken otherwise."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"cannot listen at {UNIX}{path}: a file is there that is no socket")
    refusal = _refusal(path)
    if refusal == errno.ECONNREFUSED:
        path.unlink(missing_ok=True)
    elif refusal is None:
        raise ConfigError(f"cannot listen at {UNIX}{path}: another server listens there")
    elif refusal != errno.ENOENT:
        raise ConfigError(f"cannot listen at {UNIX}{path}: {os.strerror(refusal)}")


def _tidy_up(path: Path, made: tuple[int, int] | None) -> None:
    """Remove the file that was made, unless another server has taken its place."""
    with _lock(path.parent):
        if made is not None and _identity(path) == made and _refusal(path) == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)


def _refusal(path: Path) -> int | None:
    """Return the error that a caller of a socket gets, None if somebody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.setblocking(False)
        error = caller.connect_ex(str(path))
    return None if error in (0, errno.EAGAIN, errno.EINPROGRESS) else error


def _identity(path: Path) -> tuple[int, int] | None:
    """Return a file's identity, which tells it from another file at the same path."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
