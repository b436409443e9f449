"""The keys file on disk: reading it, and reading it again when it has changed."""

import logging
import os
import stat
from pathlib import Path
from typing import TypeAlias

from sharq_plug.keys.checks import BadKeys, parse_keys
from sharq_plug.keys.keyring import Keyring

logger = logging.getLogger(__name__)

_Signature: TypeAlias = tuple[int, int, int, int]


class KeysFile:
    """The keys of a file, as it was when it could last be used.

    `problem` says why the file as it is now cannot be used; None if it can. Raises BadKeys if it
    cannot be used from the start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self._seen: _Signature | None = None
        try:
            self.keys = self._read()
        except OSError as error:
            raise BadKeys([f"{path}: {_unreadable(error)}"]) from None
        if self._is_open_to_others():
            logger.warning("the keys file %s can be read by other users: chmod 600", path)

    def refresh(self) -> None:
        """Read the file again if it has changed. A bad one leaves the keys as they are."""
        try:
            if _signature(self.path) == self._seen:
                return
            keys = self._read()
        except (BadKeys, OSError) as error:
            problem = str(error)
            if isinstance(error, OSError):
                self._seen = None
                problem = f"{self.path}: {_unreadable(error)}"
            if problem != self.problem:
                logger.error("%s; the keys that were read before go on", problem)  # noqa: TRY400  # it is a message for people
            self.problem = problem
            return
        self.keys, self.problem = keys, None
        logger.info("the keys file %s was read again: it has %d keys", self.path, len(keys))

    def _read(self) -> Keyring:
        """Return what is in the file. Raises BadKeys, OSError."""
        # A change after this look changes the signature, so that the file is read once more.
        seen = _signature(self.path)
        try:
            text = self.path.read_text(encoding="utf-8")
            self._seen = seen
            return parse_keys(text)
        except UnicodeDecodeError:
            self._seen = seen
            raise BadKeys([f"{self.path}: is not UTF-8 text"]) from None
        except BadKeys as error:
            raise BadKeys([f"{self.path}: {error}"]) from None

    def _is_open_to_others(self) -> bool:
        try:
            return bool(self.path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
        except OSError:
            return False


def _signature(path: Path) -> _Signature:
    """Return what differs after a file has been changed or replaced."""
    found = os.stat(path)  # noqa: PTH116  # Path.stat is the slower one
    return found.st_mtime_ns, found.st_ino, found.st_size, found.st_dev


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror}"
