"""The built-in authenticator: callers are the keys of a file, reread when it changes."""

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sharq_plug.authenticator import Authenticator
from sharq_plug.keys.file import KeysFile
from sharq_plug.keys.keyring import Now
from sharq_plug.model import Caller

logger = logging.getLogger(__name__)

POLL = 1.0
"""Seconds between two looks whether the file has changed."""


class KeysAuthenticator(Authenticator):
    """Callers are the keys of a file. `now` reads a clock in seconds since the epoch.

    Raises BadKeys if the file cannot be used.
    """

    def __init__(self, path: Path, now: Now = time.time) -> None:
        self._file = KeysFile(path)
        self._now = now
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to look for changes of the file."""
        self._watch = asyncio.create_task(self._look_again_and_again(), name="keys file")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop looking."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    def recall(self, authorization: str) -> Caller | None:
        """Return the caller of a header that was right before."""
        return self._file.keys.recall(authorization, self._now)

    async def authenticate(self, authorization: str) -> Caller | None:
        """Return the caller of a Bearer token, or of an id and a secret as Basic; else None."""
        return self._file.keys.caller_of(authorization, self._now)

    def callers(self, key_id: str) -> Sequence[Caller]:
        """Return the callers of a key, one for each of its tokens; none once it has expired."""
        return self._file.keys.callers(key_id, self._now)

    @property
    def session_secret(self) -> bytes | None:
        """The secret in the file; None if it has none."""
        return self._file.keys.session_secret

    @property
    def problems(self) -> Sequence[str]:
        """Why the file as it is now cannot be used."""
        return () if self._file.problem is None else (self._file.problem,)

    def refresh(self) -> None:
        """Read the file again if it has changed."""
        self._file.refresh()

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            try:
                await asyncio.to_thread(self.refresh)  # a disk may be slow
            except Exception:  # whatever it is, the next look must come
                logger.exception("the keys file could not be looked at")
