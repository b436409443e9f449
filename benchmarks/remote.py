"""A process of its own that does what it is told, a line of JSON each way.

This module knows the standard library alone: it also runs beside SharQ, in SharQ's environment.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]


class Remote:
    """The caller's end. Use it as a context manager."""

    def __init__(self, module: str, *arguments: str, python: str = sys.executable) -> None:
        self._command: Sequence[str] = (python, "-m", module, *arguments)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, command: str, **arguments: object) -> Any:
        """Have a command carried out, and return what it returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._command[2]} ended during {command}")
        return json.loads(answer)


def obey(commands: Mapping[str, Callable[..., object]]) -> None:
    """Be the other end, until there is nobody any more."""
    for line in sys.stdin:
        command, arguments = json.loads(line)
        sys.stdout.write(json.dumps(commands[command](**arguments)) + "\n")
        sys.stdout.flush()
