"""Serve requests from a listening socket until an orderly end, in one process or in several.

Sanic runs the application; signals and processes are handled here. Sanic 25.12 would cut off
requests in flight at a second signal, or at one sent to the whole process group, as a terminal
sends Ctrl-C. When all its worker processes are dead, its main process keeps listening.
"""

import asyncio
import gc
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from sharq_plug import __version__
from sharq_plug.authenticator import Authenticator
from sharq_plug.errors import SharqError
from sharq_plug.figures import DIRECTORY_VARIABLE
from sharq_plug.http.wire.app import GRACEFUL_SHUTDOWN_TIMEOUT, App, AppOptions, create_app
from sharq_plug.http.wire.server import HttpServer, open_server
from sharq_plug.model import Retention
from sharq_plug.plugins import create_authenticator, create_store, load_backend
from sharq_plug.server.config import Settings
from sharq_plug.server.listening import BACKLOG
from sharq_plug.server.logs import configure_logging, log_unhandled, reopen_logs
from sharq_plug.server.tls import Certificate, read_certificate
from sharq_plug.service import ServiceOptions
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
WATCHED_SIGNALS = STOP_SIGNALS | {signal.SIGCHLD, signal.SIGHUP}
OTHER_FILES = 300
"""Open files beside the connections: for refused connections, the store, and logs."""
COLLECTOR_THRESHOLDS = (10_000, 10, 10)
"""Objects that are allocated before Python's garbage collector runs: see gc.set_threshold.

A request leaves no cycles for it to find; a closed connection leaves about twenty objects.
"""
DRAIN_STEP = 0.02
"""Seconds between two checks for connections that are still open."""
ONE_SIGNAL = 1.0
"""Seconds within which signals count as one: several senders may send the same signal."""


def open_store(settings: Settings) -> QueueStore:
    """Return the configured store, not opened yet. Raises ConfigError."""
    name = settings.server.backend
    return create_store(name, load_backend(name), settings.options)


def open_authenticator(settings: Settings) -> Authenticator | None:
    """Return what decides who may call, not entered yet; None: everybody. Raises ConfigError."""
    server = settings.server
    if settings.authenticator_options is None:
        return None
    path = None if server.keys_file is None else Path(server.keys_file)
    return create_authenticator(server.authenticator, settings.authenticator_options, path)


def hold_signals(settings: Settings) -> None:
    """Hold SIGINT, SIGTERM and SIGHUP back until the server handles them."""
    if settings.server.workers > 1:
        resource_tracker.ensure_running()  # on Python 3.11 its start unblocks the signals
        for number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, lambda *_: None)  # an ignored signal cannot be waited for
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)


def serve(settings: Settings, listener: socket.socket) -> int:
    """Serve until SIGINT or SIGTERM, and then until requests in flight are done.

    Call `hold_signals` first. Return the exit status: 0, or 1 if one of several processes died.
    While the store is out of reach, requests are answered with 503.
    """
    if settings.server.workers > 1:
        return _serve_in_processes(settings, listener)
    _run(settings, listener, says_contact=True)
    return 0


def _serve_in_processes(settings: Settings, listener: socket.socket) -> int:
    """Run several processes on one socket; when one of them ends, stop them all.

    They also get each SIGHUP. What they count stands in files of a private directory, which is
    removed at the end.
    """
    with TemporaryDirectory(prefix="sharq-figures-") as directory:
        os.environ[DIRECTORY_VARIABLE] = directory  # the processes inherit it
        return _serve_in_children(settings, listener)


def _serve_in_children(settings: Settings, listener: socket.socket) -> int:
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=_run_child, args=(settings, listener, number == 0), daemon=True)
        for number in range(settings.server.workers)
    ]
    for process in processes:
        process.start()
    listener.close()
    while all(process.exitcode is None for process in processes):
        number = signal.sigwait(WATCHED_SIGNALS)
        if number in STOP_SIGNALS:
            break
        if number == signal.SIGHUP:
            reopen_logs()
            _send_to_all(processes, number)
    else:
        logger.error("one of the server's processes ended; the others are stopped")
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
    return 1 if any(process.exitcode for process in processes) else 0


def _send_to_all(processes: Sequence[BaseProcess], number: int) -> None:
    for process in processes:
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, number)


def _run_child(settings: Settings, listener: socket.socket, says_contact: bool) -> None:  # noqa: FBT001  # multiprocessing passes it
    server = settings.server
    configure_logging(server.accesslog, log_format=server.log_format, is_child=True)
    try:
        _run(settings, listener, says_contact=says_contact)
    except SharqError as error:
        logger.error("%s", error)  # noqa: TRY400  # it is a message for people
        sys.exit(1)
    except Exception:
        logger.exception("a process of the server failed")
        sys.exit(1)
    finally:
        logging.shutdown()  # which nothing else calls in a child


def _run(settings: Settings, listener: socket.socket, *, says_contact: bool) -> None:
    _allow_files(settings.server.max_connections + OTHER_FILES)
    options = _app_options(settings, says_contact=says_contact)
    app = create_app(
        "sharq_plug", partial(open_store, settings), options, open_authenticator(settings)
    )
    certificate = read_certificate(settings.server)
    gc.freeze()  # what was made until now stays: the collector need not look at it again and again
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().set_exception_handler(log_unhandled)
        drain_time = settings.server.drain_time / 1000
        runner.run(_serve_until_stopped(app, listener, certificate, drain_time=drain_time))


def _allow_files(count: int) -> None:
    """Let this process open `count` files, or as many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if hard != unlimited and hard < count:
        logger.warning(
            "the system allows this process %d open files, and max_connections needs %d: "
            "connections past that are closed without an answer",
            hard,
            count,
        )
        count = hard
    if soft != unlimited and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _app_options(settings: Settings, *, says_contact: bool) -> AppOptions:
    queue, server = settings.queue, settings.server
    return AppOptions(
        service=ServiceOptions(
            lease_time=queue.job_expire_interval,
            max_lease_time=queue.max_lease_time,
            idempotency_time=queue.idempotency_time,
            tend_interval=queue.job_requeue_interval,
            default_requeue_limit=queue.default_job_requeue_limit,
            retention=Retention(queue.dead_letter_max_age, queue.dead_letter_max_count),
            tends=queue.enable_requeue_script,
            max_in_flight=server.max_in_flight,
            metrics_types=server.metrics_types,
            says_contact=says_contact,
        ),
        max_body_size=server.max_body_size,
        max_batch_body_size=server.max_batch_body_size,
        max_connections=server.max_connections,
        keep_alive_timeout=server.keep_alive_timeout / 1000,
        request_timeout=server.request_timeout / 1000,
        access_log=server.accesslog is not None,
        backend=server.backend,
        version=__version__,
    )


async def _serve_until_stopped(
    app: App, listener: socket.socket, certificate: Certificate | None, *, drain_time: float
) -> None:
    stop = _stop_event(certificate)
    context = None if certificate is None else partial(getattr, certificate, "context")
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED_SIGNALS)
    try:
        async with open_server(app, listener, backlog=BACKLOG, tls=context) as server:
            await stop.wait()
            await server.begin_draining()
            await _drain(server, stop, idle_for=drain_time, end=GRACEFUL_SHUTDOWN_TIMEOUT)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED_SIGNALS)


def _stop_event(certificate: Certificate | None) -> asyncio.Event:
    """Return an event that is set by the signals, and in a child by the end of its parent."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, certificate)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def parent_ended() -> None:
            loop.remove_reader(parent.sentinel)
            stop.set()

        loop.add_reader(parent.sentinel, parent_ended)
    return stop


def _reload(certificate: Certificate | None) -> None:
    reopen_logs()
    if certificate is not None:
        certificate.reload()


async def _drain(server: HttpServer, stop: asyncio.Event, *, idle_for: float, end: float) -> None:
    """Close each connection after one more request.

    A proxy may be sending a request over an idle connection, so idle ones stay open for `idle_for`
    seconds. A second signal closes them, unless it counts as one with the first. Requests in flight
    then have `end` seconds more.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    has_heard_all = False
    while server.connections and (time := loop.time() - began) < idle_for + end:
        if not has_heard_all and time >= ONE_SIGNAL:
            has_heard_all = True
            stop.clear()
        if has_heard_all and stop.is_set():
            idle_for = min(idle_for, time)
        if time >= idle_for:
            for connection in server.connections:
                connection.close_if_idle()
        await asyncio.sleep(DRAIN_STEP)
    for connection in server.connections:
        connection.abort()
