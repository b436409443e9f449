"""The programs of Prometheus, where they are installed."""

import os
import shutil

import pytest


def prometheus_program(name: str) -> str:
    """Return the path of one of its programs; skip without it, but not where CI is set."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            raise FileNotFoundError(name)
        pytest.skip(f"{name} is not installed (Debian: prometheus)")
    return found
