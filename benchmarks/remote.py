"""A process that takes commands: a line of JSON for each command and each result.

This module knows the standard library alone: it also runs beside SharQ, in SharQ's environment.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]
PATHS = [str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
"""Where the other process finds `support`."""


class Remote:
    """The caller's end. Use it as a context manager."""

    def __init__(self, module: str, *arguments: str, python: str = sys.executable) -> None:
        self._command: Sequence[str] = (python, "-m", module, *arguments)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, command: str, **arguments: object) -> Any:
        """Run a command, and return its result."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._command[2]} ended during {command}")
        return json.loads(answer)


def obey(commands: Mapping[str, Callable[..., object]]) -> None:
    """Take commands until the caller has gone."""
    for line in sys.stdin:
        command, arguments = json.loads(line)
        sys.stdout.write(json.dumps(commands[command](**arguments)) + "\n")
        sys.stdout.flush()
