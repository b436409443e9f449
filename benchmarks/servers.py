"""The processes of the HTTP benchmarks, each on its core."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, TypeAlias

from benchmarks import machine
from benchmarks.remote import ROOT, Remote
from support.cores import on_core
from support.redis_server import free_port
from support.server import TIMEOUT, ServerProcess

Answers: TypeAlias = Mapping[str, tuple[int, str]]


@contextmanager
def sharq_server(environ: Mapping[str, str]) -> Iterator[ServerProcess]:
    """Start a sharq-server on the core of what is measured."""
    with on_core(machine.MEASURED):
        server = ServerProcess(environ=environ)
        server.__enter__()
    try:
        yield server
    finally:
        server.__exit__()


@contextmanager
def bare_server(kind: Literal["sanic", "canned"], answers: Answers) -> Iterator[int]:
    """Start a server of bare.py on the same core, and return its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", kind, str(port), json.dumps(answers)]
    with on_core(machine.MEASURED):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def load(module: str = "benchmarks.load") -> Iterator[Remote]:
    """Start the load on the other core."""
    with on_core(machine.OTHER):
        remote = Remote(module)
        remote.__enter__()
    try:
        yield remote
    finally:
        remote.__exit__()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
