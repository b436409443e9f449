"""Start a server and load it with all of loadtests/locustfile.py for a minute.

Ends with status 1 if a check failed. Locust's report goes to build/.
"""

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from support.redis_server import RedisServer
from support.server import ServerProcess

ROOT = Path(__file__).parents[1]
LEASE = 5000
"""ms; short, so that jobs of failed workers come again while the load runs."""


def start_server(stack: ExitStack, backend: str) -> ServerProcess:
    """Start a server with its own store."""
    environ = {"SHARQ_SERVER_BACKEND": backend, "SHARQ_JOB_EXPIRE_INTERVAL": str(LEASE)}
    if backend == "redis":
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ["SHARQ_REDIS_URL"] = stack.enter_context(RedisServer(folder)).url
    return stack.enter_context(ServerProcess(environ=environ))


def run_locust(url: str, report: Path, arguments: argparse.Namespace) -> int:
    """Run locust and return its exit status."""
    options = {
        "--locustfile": ROOT / "loadtests" / "locustfile.py",
        "--host": url,
        "--users": arguments.users,
        "--spawn-rate": arguments.users,
        "--run-time": f"{arguments.seconds}s",
        "--queues": arguments.queues,
        "--html": report,
    }
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary"]
    command += [str(part) for option in options.items() for part in option]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> int:
    """Run the script; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="redis", choices=["memory", "redis"])
    parser.add_argument("--seconds", type=int, default=60, help="of load (default: 60)")
    parser.add_argument("--users", type=int, default=100, help="of locust (default: 100)")
    parser.add_argument(
        "--queues", type=int, default=3000, help="to spread the jobs over (default: 3000)"
    )
    arguments = parser.parse_args()
    report = ROOT / "build" / f"load-{arguments.backend}.html"
    with ExitStack() as stack:
        server = start_server(stack, arguments.backend)
        status = run_locust(server.url, report, arguments)
        if status:
            sys.stderr.write(f"What the server wrote:\n{server.log()}")
    verdict = "A CHECK FAILED, see above" if status else "every check held"
    sys.stdout.write(f"Load on the backend {arguments.backend}: {verdict}. Report: {report}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
