"""A program of the documentation, run as a process."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from support.waiting import until


class Program:
    """Python code as a process; `said` is what it printed so far, on both channels."""

    def __init__(self, code: str, folder: Path) -> None:
        self._output = folder / "program.log"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-c", code], stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def until_said(self, holds: Callable[[str], bool]) -> None:
        """Wait until a condition holds for what it said, while it lives."""

        def has_said() -> bool:
            assert self.process.poll() is None, self.said
            return holds(self.said)

        until(has_said)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
