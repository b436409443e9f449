"""The machine that is measured on: what runs on which core, and what it is called."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from redis import Redis

LIBRARIES = {
    "Sanic": "sanic",
    "uvloop": "uvloop",
    "redis-py": "redis",
    "sortedcontainers": "sortedcontainers",
}

CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHER = CORES[0], CORES[-1]
"""The core of what is measured, and the one of what it talks to: Redis, and the load."""


def described() -> dict[str, str]:
    """Return what figures depend on: processor, system, versions."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    about = {
        "on": f"{models[0] if models else platform.machine()} with {len(CORES)} cores",
        platform.system(): platform.release().partition("-")[0],
        "Python": platform.python_version(),
    }
    return about | {name: version(library) for name, library in LIBRARIES.items()}


def redis_version(client: Redis) -> str:
    """Return what a Redis-protocol server calls itself."""
    about = client.info("server")
    if "valkey_version" in about:
        return f"Valkey {about['valkey_version']}"
    return f"Redis {about['redis_version']}"
