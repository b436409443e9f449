"""Where a request's microseconds go: a profile of the server for each verb and backend.

Needs py-spy and the right to trace your own processes. Prints for each verb the microseconds of the
server's core that a request takes, and the layers that use them.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import machine
from benchmarks.servers import load, sharq_server
from support.cores import cpu_time, on_core
from support.redis_server import RedisServer
from support.server import ServerProcess

SAMPLES_A_SECOND = 400
ATTACHING = 1.0
"""Seconds until py-spy begins to sample."""
JOBS, CONNECTIONS = 60_000, 32
BATCH, BATCH_JOBS, BATCH_CONNECTIONS = 100, 200_000, 8
VERBS = ("enqueue", "dequeue", "finish")

LAYERS: Mapping[str, str] = {
    "the socket": r"^(send|Connection\.receive_more) ",
    "Sanic": r"/sanic|\((send|http1_request_header|handle_request|read|connection_task):",
    "sharq_plug.http": r"sharq_plug/http/|urllib/",
    "the service, shared calls": r"sharq_plug/",
    "the store": r"sharq_memory/|sharq_redis/|sortedcontainers|base64|secrets|random\.py",
    "redis-py": r"\(redis/",
    "making values": r"__create_fn__|<string>",
}
"""A layer, and what the innermost Python line of a sample looks like; the first that fits counts.

Sanic makes some of its functions anew when it starts; these have their own name for a file.
"""
REST = "the event loop, and the rest"


@contextmanager
def sampled(pid: int, into: Counter[str]) -> Iterator[None]:
    """Count the samples of a process by layer, in `into`."""
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        command = ["py-spy", "record", "--pid", str(pid), "--rate", str(SAMPLES_A_SECOND)]
        spy = subprocess.Popen(
            [*command, "--duration", "600", "--format", "raw", "--output", str(stacks)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(ATTACHING)
        yield
        spy.send_signal(signal.SIGINT)
        spy.wait()
        for line in stacks.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            into[layer(stack.rpartition(";")[2])] += int(count)


def layer(frame: str) -> str:
    """Return the layer of a frame, as py-spy writes it: `function (file:line)`."""
    return next((name for name, like in LAYERS.items() if re.search(like, frame)), REST)


def profile(server: ServerProcess, *, batch: int) -> None:
    """Print the cost of each verb's requests."""
    jobs = JOBS if batch == 1 else BATCH_JOBS
    requests = jobs // batch
    with load() as remote:
        connections = CONNECTIONS if batch == 1 else BATCH_CONNECTIONS
        remote.ask("connect", port=server.port, connections=connections)
        for verb in VERBS:
            remote.ask("prepare", verb=verb, jobs=jobs, batch=batch)
            samples: Counter[str] = Counter()
            with sampled(server.process.pid, samples):
                before = cpu_time(server.process.pid)
                remote.ask("send", port=server.port, keep=verb == "dequeue")
                spent = cpu_time(server.process.pid) - before
            show(f"{verb}, {batch} a request" if batch > 1 else verb, spent / requests, samples)


def show(what: str, seconds: float, samples: Counter[str]) -> None:
    """Print a profile."""
    say(f"  {what}: {seconds * 1e6:.0f} us a request")
    for name in (*LAYERS, REST):
        share = samples[name] / samples.total()
        say(f"    {share * seconds * 1e6:7.1f} us  {share:4.0%}  {name}")


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("backends", nargs="*", default=["memory", "redis"])
    for backend in parser.parse_args().backends:
        with ExitStack() as stack:
            environ = {"SHARQ_SERVER_BACKEND": backend}
            if backend == "redis":
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                with on_core(machine.OTHER):
                    environ["SHARQ_REDIS_URL"] = stack.enter_context(RedisServer(folder)).url
            for batch in (1, BATCH):
                with sharq_server(environ) as server:
                    say(f"{backend}:")
                    profile(server, batch=batch)


if __name__ == "__main__":
    main()
