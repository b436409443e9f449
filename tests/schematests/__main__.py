"""Start a server on each backend, without keys and with them, and let schemathesis try it.

Arguments go to schemathesis: `python -m schematests --max-examples 100`.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sharq_plug.keys.writing import add_key
from sharq_plug.model import Scope
from support.redis_server import RedisServer
from support.server import ServerProcess

CONFIG = Path(__file__).with_name("schemathesis.toml")
PROGRAM = str(Path(sys.executable).with_name("schemathesis"))
PHASES = "examples,coverage,fuzzing"
EXAMPLES = "25"
"""Random requests to each operation, unless an argument says otherwise."""
LEASES = {"SHARQ_MAX_LEASE_TIME": str(10**12)}
"""The longest `lease_time` that the description can promise."""


@contextmanager
def address_of_store(backend: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """Yield the environment of a server on a backend; start what the backend needs."""
    if backend != "redis":
        yield {}
        return
    with RedisServer(folder) as redis:
        yield {"SHARQ_REDIS_URL": redis.url}


def tried(backend: str, *, asks_for_keys: bool, arguments: Sequence[str]) -> int:
    """Let schemathesis try a server; return its exit status."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = LEASES | dict(stack.enter_context(address_of_store(backend, folder)))
        headers = []
        if asks_for_keys:
            keys = folder / "keys.toml"
            token = add_key(keys, "schemathesis", scopes=list(Scope))
            environ["SHARQ_SERVER_KEYS_FILE"] = str(keys)
            headers = ["--header", f"Authorization: Bearer {token}"]
        server = stack.enter_context(ServerProcess("--backend", backend, environ=environ))
        command = [
            *(PROGRAM, "--config-file", str(CONFIG), "run", f"{server.url}/-/openapi.json"),
            *("--url", server.url, "--phases", PHASES, "--max-examples", EXAMPLES),
            *headers,
            *arguments,
        ]
        sys.stdout.write(f"\n{backend}, {'with keys' if asks_for_keys else 'without keys'}\n")
        sys.stdout.flush()
        finding = {**os.environ, "PYTHONPATH": str(CONFIG.parents[1])}
        status = subprocess.run(command, cwd=folder, env=finding, check=False).returncode
        if " ERROR " in server.log():
            sys.stdout.write(server.log())
            return status or 1
        return status


def main() -> int:
    """Try every server; return 1 if one of them was not clean."""
    arguments = sys.argv[1:]
    statuses = [
        tried(backend, asks_for_keys=asks_for_keys, arguments=arguments)
        for backend in ("memory", "redis")
        for asks_for_keys in (False, True)
    ]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
