"""The processes of the HTTP benchmarks, each on its own core."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Literal, TypeAlias

from benchmarks import machine
from benchmarks.remote import ROOT, Remote
from support.cores import on_core
from support.redis_server import free_port
from support.server import ServerProcess
from support.waiting import until

Answers: TypeAlias = Mapping[str, tuple[int, str]]


@contextmanager
def sharq_server(environ: Mapping[str, str]) -> Iterator[ServerProcess]:
    """Start a sharq-server on the measured core."""
    with on_core(machine.MEASURED):
        server = ServerProcess(environ=environ)
        server.__enter__()
    try:
        yield server
    finally:
        server.__exit__()


@contextmanager
def bare_server(kind: Literal["sanic", "canned"], answers: Answers) -> Iterator[int]:
    """Start a server of bare.py on the measured core, and return its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", kind, str(port), json.dumps(answers)]
    with on_core(machine.MEASURED):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        until(partial(_is_open, port))
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


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
