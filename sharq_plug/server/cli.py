"""The command `sharq-server`."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sharq_plug import __version__
from sharq_plug.errors import ConfigError, SharqError
from sharq_plug.plugins import installed_backends
from sharq_plug.server.config import Settings, Sources, load_settings
from sharq_plug.server.config_names import CONFIG_VARIABLE
from sharq_plug.server.key_commands import COMMAND as KEYS_COMMAND
from sharq_plug.server.key_commands import run_keys
from sharq_plug.server.listening import address_of, open_listener
from sharq_plug.server.logs import configure_logging, say
from sharq_plug.server.open_binds import check_host
from sharq_plug.server.operator_commands import run_command
from sharq_plug.server.serving import hold_signals, open_authenticator, open_store, serve
from sharq_plug.server.tls import Certificate, read_certificate
from sharq_plug.store import QueueStore

logger = logging.getLogger(__name__)

PROGRAM = "sharq-server"
FAILED = 2
"""The exit status when the server cannot start."""
INTERRUPTED = 130
"""The exit status that shells use for Ctrl-C, here before serving began."""
SERVER_KEYS = ("backend", "host", "port", "workers")
"""Keys of [sharq-server] that are flags too."""
FLAGS_WITH_VALUE = frozenset(
    {"-c", "--config", "-gc", "--gunicorn-config", *(f"--{key}" for key in SERVER_KEYS)}
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 2 after one line that says what is wrong."""
    flags, command = _without_keys(sys.argv[1:] if arguments is None else arguments)
    try:
        parsed, words = _parser().parse_known_args(flags)
        return _run(parsed, [*words, *command])
    except SharqError as error:
        message = " ".join(str(error).split())
        say(f"{PROGRAM}: error: {message}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: argparse.Namespace, words: Sequence[str]) -> int:
    if words and words[0].startswith("-"):
        raise ConfigError(f"unrecognized arguments: {' '.join(words)} (see {PROGRAM} --help)")
    if arguments.list_backends:
        for name, distribution in installed_backends().items():
            sys.stdout.write(f"{name} ({distribution})\n")
        return 0
    settings = load_settings(_sources(arguments))
    configure_logging(settings.server.accesslog, log_format=settings.server.log_format)
    if arguments.gunicorn_config is not None:
        logger.warning("--gunicorn-config has no effect: this server does not run on gunicorn")
    _warn(settings.origin.warnings)
    if words[:1] == [KEYS_COMMAND]:
        return run_keys(settings.server.keys_file, words[1:])
    if words:
        return run_command(settings.server.backend, settings.options, words)
    check_host(settings.server)
    open_authenticator(settings)
    store = open_store(settings)
    certificate = read_certificate(settings.server)
    if certificate is not None:
        _warn(certificate.weaknesses)
    if arguments.check:
        for line in _summary(settings, certificate):
            sys.stdout.write(f"{line}\n")
        _warn(asyncio.run(_reach(store)))
        backend = settings.server.backend
        sys.stdout.write(f"The configuration is valid, and the backend {backend!r} answers.\n")
        return 0
    with open_listener(settings.server.host, settings.server.port) as listener:
        hold_signals(settings)  # whoever reads the announcement may send one
        scheme = "http" if certificate is None else "https"
        _announce(settings, certificate, address_of(listener, scheme=scheme))
        return serve(settings, listener)


def _without_keys(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return what stands before the command `keys`, and the command with its own flags."""
    for at, word in enumerate(arguments):
        if word == KEYS_COMMAND and (at == 0 or arguments[at - 1] not in FLAGS_WITH_VALUE):
            return arguments[:at], arguments[at:]
    return arguments, ()


class _Parser(argparse.ArgumentParser):
    """Report a wrong argument like any other mistake: in one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        usage="%(prog)s [flags] [COMMAND ...]",
        description="A rate-limited, multi-tenant job queue server. With a COMMAND it runs that "
        "command of the backend instead; an unknown one lists them. `keys --help` tells how to "
        "make keys.",
        epilog="A flag goes before an environment variable, and that before the file. "
        "sharq.conf, as it is shipped, explains each key.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help=f"read this configuration file (default: what {CONFIG_VARIABLE} names, else none)",
    )
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help="keep the jobs in this backend (default: the one whose section the file has, "
        "else memory)",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="listen at this address, or at unix:PATH, a socket (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--port", metavar="NUMBER", help="listen at this port, 0 = any free one (default: 8080)"
    )
    parser.add_argument(
        "--workers",
        metavar="NUMBER",
        help="run so many processes (default: 1; more need a backend that they can share)",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.add_argument(
        "--list-backends", action="store_true", help="list the installed backends, and exit"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="check the configuration, try out the store, and exit: 0 if it can be used, else 2",
    )
    parser.add_argument(
        "-gc",
        "--gunicorn-config",
        metavar="FILE",
        help="accepted for the sake of SharQ's users; has no effect",
    )
    return parser


def _sources(arguments: argparse.Namespace) -> Sources:
    given = {key: getattr(arguments, key) for key in SERVER_KEYS}
    path = arguments.config or os.environ.get(CONFIG_VARIABLE)
    return Sources(
        path=Path(path) if path else None,
        path_source="--config" if arguments.config else CONFIG_VARIABLE,
        environ=os.environ,
        flags={key: text for key, text in given.items() if text is not None},
    )


async def _reach(store: QueueStore) -> Sequence[str]:
    async with store:
        return await store.health(thorough=True)


def _announce(settings: Settings, certificate: Certificate | None, address: str) -> None:
    logger.info(
        "%s %s serves the backend %r at %s%s (%s)",
        PROGRAM,
        __version__,
        settings.server.backend,
        address,
        f" with {settings.server.workers} processes" if settings.server.workers > 1 else "",
        "; ".join(_summary(settings, certificate)),
    )


def _summary(settings: Settings, certificate: Certificate | None) -> list[str]:
    """Return which file was read, what chose the backend and the store, and the certificate."""
    origin = settings.origin
    store = [f"store: {origin.store}"] if origin.store else []
    tls = [f"certificate: {certificate}"] if certificate is not None else []
    return [
        f"configuration: {origin.file}",
        f"backend: {settings.server.backend} ({origin.backend})",
        *store,
        *tls,
    ]


def _warn(weaknesses: Sequence[str]) -> None:
    for sentence in weaknesses:
        logger.warning("%s", sentence)
