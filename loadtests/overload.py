"""Show what a server does with more clients than it can serve.

Server and store run on one core, the load on another. Each client enqueues a job, dequeues one,
finishes it, and begins again. The script first finds the number of clients at which throughput
peaks. Then that many and three times as many take turns. Then a server with tight bounds meets
six times as many. In the end every acknowledged job must be finished or still there.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop

from loadtests.clients import Crowd, Record, drain, percentile
from support.cores import cpu_time, on_core
from support.redis_server import RedisServer, server_binary
from support.server import ServerProcess

LADDER = (4, 8, 16, 32, 64, 128)
ROUNDS = 3
LEASE = 20_000
"""ms, longer than any client waits with a job."""
LEAST_GOODPUT = 0.8
NEARLY = 0.95
CONNECTIONS, IN_FLIGHT, CLIENTS = 3, 0.5, 6
"""The tight bounds and the clients of the last part, in multiples of the peak's clients."""


@dataclass(frozen=True)
class Run:
    """The answers that some clients got within some seconds."""

    clients: int
    record: Record
    seconds: float

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return len(self.record.accepted) / self.seconds


def start_server(stack: ExitStack, backend: str, core: int, **bounds: int) -> ServerProcess:
    """Start a server with its own store."""
    environ = {
        "SHARQ_SERVER_BACKEND": backend,
        "SHARQ_JOB_EXPIRE_INTERVAL": str(LEASE),
        **{f"SHARQ_SERVER_{name.upper()}": str(value) for name, value in bounds.items()},
    }
    with on_core(core):
        if backend == "redis":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            environ["SHARQ_REDIS_URL"] = stack.enter_context(RedisServer(folder)).url
        return stack.enter_context(ServerProcess(environ=environ))


def resident(server: ServerProcess) -> int:
    """Return the memory of a server (MiB)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


class Show:
    """Run crowds of clients against one server, and print their figures."""

    def __init__(self, server: ServerProcess, seconds: float) -> None:
        self.crowd = Crowd(server.port)
        self._server = server
        self._seconds = seconds

    async def run(self, clients: int) -> Run:
        """Run a crowd of clients."""
        used, started = cpu_time(self._server.process.pid), time.monotonic()
        run = Run(clients, await self.crowd.run(clients, self._seconds), self._seconds)
        busy = (cpu_time(self._server.process.pid) - used) / (time.monotonic() - started)
        accepted, refused = run.record.accepted, run.record.refused
        line = (
            f"{clients:5} clients: {run.goodput:6.0f} requests/s, "
            f"p50 {percentile(accepted, 50):4.0f} ms, p99 {percentile(accepted, 99):4.0f} ms, "
            f"server {resident(self._server)} MiB, {busy:.0%} of its core"
        )
        if refused:
            line += f"; {len(refused)} x 503, p99 {percentile(refused, 99):.0f} ms"
        say(line)
        return run

    async def lost(self) -> int:
        """Return how many acknowledged jobs are lost, plus the number of unexpected answers."""
        crowd = self.crowd
        missing = await drain(self._server.port, crowd.acknowledged - crowd.finished, LEASE / 1000)
        say(
            f"{len(crowd.acknowledged)} jobs acknowledged, {len(crowd.finished)} finished by the "
            f"clients, {len(missing)} lost, {crowd.strange} answers out of order"
        )
        return len(missing) + crowd.strange


async def find_peak(show: Show) -> int:
    """Return the smallest crowd that reaches the peak of the throughput, or nearly."""
    runs = [await show.run(clients) for clients in LADDER]
    peak = max(run.goodput for run in runs)
    return next(run.clients for run in runs if run.goodput >= NEARLY * peak)


async def compare(show: Show, peak: int) -> float:
    """Return the goodput of three times as many clients over that of the peak."""
    pairs = [(await show.run(peak), await show.run(3 * peak)) for _ in range(ROUNDS)]
    at_peak = median(first.goodput for first, _ in pairs)
    beyond = median(second.goodput for _, second in pairs)
    say(f"goodput, the median of {ROUNDS}: {beyond:.0f} of {at_peak:.0f} requests/s at the peak")
    return beyond / at_peak


async def overload(backend: str, seconds: float, cores: Sequence[int]) -> bool:
    """Run everything; return whether all bars are met."""
    with ExitStack() as stack:
        show = Show(start_server(stack, backend, cores[0]), seconds)
        say("Looking for the peak:")
        peak = await find_peak(show)
        say(f"The peak, {peak} clients, and three times as many, in turns:")
        kept = await compare(show, peak)
        lost = await show.lost()
    with ExitStack() as stack:
        bounds = {
            "max_connections": CONNECTIONS * peak,
            "max_in_flight": max(1, int(IN_FLIGHT * peak)),
        }
        show = Show(start_server(stack, backend, cores[0], **bounds), seconds)
        told = ", ".join(f"{name} {value}" for name, value in bounds.items())
        say(f"A server with {told}; who gets a 503 comes back after a second:")
        await show.run(peak)
        await show.run(CLIENTS * peak)
        lost += await show.lost()
    return kept >= LEAST_GOODPUT and not lost


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the script; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="redis", choices=["memory", "redis"])
    parser.add_argument("--seconds", type=float, default=5, help="of each run (default: 5)")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    store = f", {Path(server_binary()).name}" if arguments.backend == "redis" else ""
    say(
        f"backend {arguments.backend}{store}, Python {platform.python_version()}, "
        f"{len(cores)} cores: server and store on {cores[0]}, load on {cores[-1]}"
    )
    os.sched_setaffinity(0, {cores[-1]})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        went_well = runner.run(overload(arguments.backend, arguments.seconds, cores))
    return 0 if went_well else 1


if __name__ == "__main__":
    sys.exit(main())
