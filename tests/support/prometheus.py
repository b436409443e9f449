"""The programs of Prometheus, where they are installed."""

import shutil

import pytest


def prometheus_program(name: str) -> str:
    """Return the path of one of its programs; skip without it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: prometheus)")
    return found
