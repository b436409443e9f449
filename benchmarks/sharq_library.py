"""The library SharQ 1.3.0 in its own environment, for comparison."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.remote import Remote

NAME = "SharQ 1.3.0"
REQUIREMENTS = Path(__file__).with_name("sharq-1.3.0-requirements.txt")
SUITS = "import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 11))"


class CannotRunError(Exception):
    """SharQ cannot be installed here."""


def sharq(port: int) -> Remote:
    """Return a process that runs SharQ on the Redis at a port; see sharq_worker.py.

    Raises CannotRunError.
    """
    return Remote("benchmarks.sharq_worker", str(port), python=str(_environment()))


def _environment() -> Path:
    """Return the Python of an environment with SharQ; create it if it does not exist."""
    parent = os.environ.get("TOX_ENV_DIR") or tempfile.gettempdir()
    folder = Path(parent) / "sharq-1.3.0"
    python, made_from = folder / "bin" / "python", folder / REQUIREMENTS.name
    if not made_from.exists() or made_from.read_text() != REQUIREMENTS.read_text():
        _run(_python_3_11(), "-m", "venv", "--clear", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "--requirement", str(REQUIREMENTS))
        shutil.copy(REQUIREMENTS, made_from)
    return python


def _python_3_11() -> str:
    for name in ("python3.11", "python3", "python"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", SUITS], check=False).returncode == 0:
            return found
    raise CannotRunError(f"{NAME} needs Python 3.11 with its venv module")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise CannotRunError(f"{NAME} could not be installed: {' '.join(last)}")
