"""How backends and authenticators make themselves known: a pluggy hook each, and what it returns.

A distribution names the module or object that implements the hook in the entry-point group
`sharq_plug.backends` or `sharq_plug.authenticators`. The entry point's name is the plugin's name.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pluggy

from sharq_plug.authenticator import Authenticator
from sharq_plug.clock import Clock
from sharq_plug.store import QueueStore

PROJECT = "sharq_plug"
ENTRY_POINT_GROUP = "sharq_plug.backends"
AUTHENTICATOR_GROUP = "sharq_plug.authenticators"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store keeps its data, for the log and for `--check`.

    `text` is for people, as in `redis at 127.0.0.1:6379, database 0`. It holds no secret: no
    password, and no user. `keys` are the options that say so; the server adds where those come
    from.
    """

    text: str
    keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command for operators. `help` says in one sentence what it does.

    `run(options, arguments)` does it and returns the exit status. `arguments` are the words that
    came after the command's name. It writes results to standard output, and raises ConfigError for
    arguments that it does not understand.
    """

    help: str
    run: Callable[[Any, Sequence[str]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Backend:
    """What a backend offers.

    `options` is a msgspec structure whose fields are the keys of the backend's section in the
    configuration, each with a default; its `__post_init__` may raise ValueError("key: reason").
    `open(options, clock)` returns a store that is not entered yet. With a clock the store
    goes by that one alone, with None by its own. `shared` says whether several processes
    may open the store at once and see the same queues. `address(options)` says where the store
    is; None where there is nothing to say. `commands` are for operators, each under its name, one
    word or several: `sharq-server functions prune` runs that of the name `functions prune`.
    """

    options: type[msgspec.Struct]
    open: Callable[[Any, Clock | None], QueueStore]
    shared: bool
    address: Callable[[Any], Address] | None = None
    commands: Mapping[str, Command] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Authentication:
    """What an authenticator's distribution offers.

    `options` is as that of a Backend: the section has the authenticator's name.
    `open(options, keys_file)` returns an authenticator that is not entered yet; each process of a
    server opens its own. `keys_file` is that of `[sharq-server]`, None without one. It raises
    ConfigError if that cannot work.
    """

    options: type[msgspec.Struct]
    open: Callable[[Any, Path | None], Authenticator]


@hookspec(firstresult=True)
def sharq_backend() -> Backend:  # type: ignore[empty-body]  # a specification has no body
    """Return what this backend offers."""


@hookspec(firstresult=True)
def sharq_authenticator() -> Authentication:  # type: ignore[empty-body]  # a specification has no body
    """Return what this authenticator offers."""
