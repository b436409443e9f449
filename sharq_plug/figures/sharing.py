"""What several processes count: each writes a file of its own, and a scrape of any adds them up."""

import logging
import os
from pathlib import Path

import msgspec

from sharq_plug.figures.counted import Counted

DIRECTORY_VARIABLE = "_SHARQ_FIGURES"
"""The environment variable that names a private directory to the processes of a server."""

logger = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Counted).decode


class SharedCounts:
    """The files of a directory, one for each process."""

    def __init__(self, directory: str) -> None:
        self._own = Path(directory) / str(os.getpid())
        self._written = b""
        self._fails = False

    def write(self, counted: Counted) -> None:
        """Put what this process has counted in place of what it wrote before."""
        text = _encode(counted)
        if text == self._written:
            return
        new = self._own.with_suffix(".new")
        try:
            new.write_bytes(text)
            new.replace(self._own)  # so that nobody reads half of it
        except OSError as error:
            if not self._fails:
                logger.warning("the figures of this process are not shared: %s", error)
            self._fails = True
        else:
            self._written, self._fails = text, False

    def others(self) -> list[Counted]:
        """Return what the other processes have written."""
        files = [file for file in self._own.parent.iterdir() if not file.suffix]
        return [_decode(file.read_bytes()) for file in files if file != self._own]
