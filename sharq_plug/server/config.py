"""From sharq.conf, environment variables and flags to checked settings.

A key is looked up in four places, and the first that has it wins: flag, environment, file, default.
An empty value counts as absent. Unless a backend is chosen, a server uses the installed one whose
section is in the file. Section [sharq] is `SHARQ_<KEY>` in the environment, section
[sharq-server] is `SHARQ_SERVER_<KEY>`, and the section [x] of a backend x is `SHARQ_X_<KEY>`.
"""

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from sharq_plug.errors import ConfigError
from sharq_plug.plugins import (
    address_of,
    installed_authenticators,
    installed_backends,
    load_authenticator,
    load_backend,
)
from sharq_plug.server.config_file import read_file
from sharq_plug.server.config_names import (
    QUEUE_SECTION,
    SERVER_SECTION,
    check_sections,
    strange_variables,
    variable,
)
from sharq_plug.server.sections import QueueSection, ServerSection

ANONYMOUS_NO_MORE = "allow_anonymous has no effect: only callers with a key may call"
DEFAULT = "default"
"""The source of a value that nobody set."""
NO_PASSES = (
    "this server runs no reclaim passes (enable_requeue_script is false): another server on the "
    "same store must, or jobs whose leases expire do not come back"
)

Options = TypeVar("Options", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings come from, in words for people, without secrets.

    `store` says where the store is, and which setting says so; '' if the backend does not tell.
    `warnings` are sentences about settings that look wrong but are not errors.
    """

    file: str = "no file"
    backend: str = DEFAULT
    store: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration.

    `options` are those of the backend `server.backend`, `authenticator_options` those of
    `server.authenticator`; None if everybody may call.
    """

    queue: QueueSection
    server: ServerSection
    options: msgspec.Struct
    authenticator_options: msgspec.Struct | None = None
    origin: Origin = field(default=Origin(), compare=False)


@dataclass(frozen=True, slots=True)
class Sources:
    """The three places that a value can come from; else it has its default.

    `path_source` is the flag or variable that names the file. `flags` are keys of [sharq-server]
    as they were given on the command line.
    """

    path: Path | None = None
    path_source: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value as it was written, its place including the key, and what that place is in."""

    text: str
    place: str
    source: str


def load_settings(sources: Sources) -> Settings:
    """Read and check the two sections of the server and the one of the chosen backend.

    Raises ConfigError that names the file, variable or flag that is wrong, and its key.
    """
    installed = installed_backends()
    reader = _Reader(sources, {**installed, **installed_authenticators()})
    server = reader.section(SERVER_SECTION, ServerSection)
    name, chosen_by = reader.backend(server, installed)
    server = msgspec.structs.replace(server, backend=name)
    try:
        backend = load_backend(name)
    except ConfigError as error:
        raise ConfigError(
            str(error) if chosen_by == DEFAULT else f"{chosen_by}: {error}"
        ) from error
    if server.workers > 1 and not backend.shared:
        raise ConfigError(
            f"{reader.place(SERVER_SECTION, 'workers')}: {server.workers} processes cannot share "
            f"a store of the backend {name!r}: use 1, or another backend"
        )
    settings = Settings(
        authenticator_options=_authenticator_options(reader, server),
        queue=reader.section(QUEUE_SECTION, QueueSection),
        server=server,
        options=reader.section(name, backend.options),
    )
    address = address_of(name, backend, settings.options)
    origin = Origin(
        file=_shown_file(sources),
        backend=chosen_by,
        store=f"{address.text} ({reader.sources_of(name, address.keys)})" if address else "",
        warnings=(*_strange_variables(sources, settings, installed), *_weak_choices(settings)),
    )
    return replace(settings, origin=origin)


def _authenticator_options(reader: "_Reader", server: ServerSection) -> msgspec.Struct | None:
    """Return the options of the authenticator; None if there is none. Raises ConfigError."""
    if not server.needs_keys:
        return None
    try:
        options = load_authenticator(server.authenticator).options
    except ConfigError as error:
        place = reader.place(SERVER_SECTION, "authenticator")
        raise ConfigError(f"{place}: {error}" if place else str(error)) from error
    return reader.section(server.authenticator, options)


def _strange_variables(sources: Sources, settings: Settings, installed: Iterable[str]) -> list[str]:
    name = settings.server.backend
    keys = {
        QUEUE_SECTION: _fields(QueueSection),
        SERVER_SECTION: _fields(ServerSection),
        name: _fields(type(settings.options)),
    }
    if settings.authenticator_options is not None:
        keys[settings.server.authenticator] = _fields(type(settings.authenticator_options))
    others = {*installed, *installed_authenticators()} - keys.keys()
    return strange_variables(sources.environ, keys, others=others)


def _weak_choices(settings: Settings) -> list[str]:
    choices = [] if settings.queue.enable_requeue_script else [NO_PASSES]
    if settings.server.needs_keys and settings.server.allow_anonymous:
        choices.append(ANONYMOUS_NO_MORE)
    return choices


def _shown_file(sources: Sources) -> str:
    if sources.path is None:
        return "no file"
    return f"{sources.path} ({sources.path_source})" if sources.path_source else str(sources.path)


def _fields(options: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    return {known.encode_name: known for known in msgspec.structs.fields(options)}


class _Reader:
    """Find and check values, by the precedence of their places."""

    def __init__(self, sources: Sources, backends: Iterable[str]) -> None:
        self._sources = sources
        self._file: Mapping[str, Mapping[str, str]] = {}
        if sources.path is not None:
            self._file = read_file(sources.path)
            check_sections(sources.path, self._file, [QUEUE_SECTION, SERVER_SECTION, *backends])

    def backend(self, server: ServerSection, installed: Iterable[str]) -> tuple[str, str]:
        """Return the backend's name, and what chose it. Raises ConfigError.

        Without the key, the installed one whose section the file has; else the default.
        """
        entry = self._find(SERVER_SECTION, "backend")
        if entry is not None:
            return server.backend, entry.place
        match [name for name in installed if name in self._file]:
            case []:
                return server.backend, DEFAULT
            case [name]:
                return name, f"section [{name}] of the file"
            case several:
                sections = " and ".join(f"[{name}]" for name in several)
                raise ConfigError(
                    f"{self._sources.path}: has the sections {sections}, each of a backend: "
                    f"say in [{SERVER_SECTION}] backend which one is to be used"
                )

    def section(self, section: str, options: type[Options]) -> Options:
        """Return the values of a section, with the types of `options`. Raises ConfigError."""
        fields = _fields(options)
        for key in self._file.get(section, {}):
            if key not in fields:
                known_keys = ", ".join(fields) or "none"
                raise ConfigError(
                    f"{self._in_file(section, key)}: unknown key; known: {known_keys}"
                )
        values = {}
        for key, known in fields.items():
            entry = self._find(section, key)
            if entry is not None:
                values[key] = _typed(entry, known.type)
        try:
            return msgspec.convert(values, options)
        except msgspec.ValidationError as error:  # from the options' own check: `key: reason`
            key, _, reason = str(error).partition(": ")
            place = self.place(section, key) or f"[{section}] {key}"
            raise ConfigError(f"{place}: {reason}") from error

    def place(self, section: str, key: str) -> str | None:
        """Return where the value of a key comes from; None for its default."""
        entry = self._find(section, key)
        return entry.place if entry else None

    def sources_of(self, section: str, keys: Iterable[str]) -> str:
        """Return where the values of some keys come from."""
        entries = [self._find(section, key) for key in keys]
        sources = dict.fromkeys(entry.source if entry else DEFAULT for entry in entries)
        return ", ".join(sorted(sources, key=DEFAULT.__eq__))

    def _find(self, section: str, key: str) -> _Entry | None:
        sources = self._sources
        if section == SERVER_SECTION and sources.flags.get(key):
            return _Entry(sources.flags[key], f"--{key}", f"--{key}")
        name = variable(section, key)
        text = sources.environ.get(name)
        # Container platforms set <NAME>_PORT=tcp://... for each service that they know of.
        if text and not (key == "port" and text.startswith("tcp://")):
            return _Entry(text, name, name)
        text = self._file.get(section, {}).get(key)
        if not text:
            return None
        return _Entry(text, self._in_file(section, key), f"[{section}] of the file")

    def _in_file(self, section: str, key: str) -> str:
        return f"{self._sources.path}: [{section}] {key}"


def _typed(entry: _Entry, kind: Any) -> object:
    """Return a text as a value of a field's type. No message shows the text: it may be secret."""
    states = configparser.RawConfigParser.BOOLEAN_STATES
    if bool in (kind, *get_args(kind)) and entry.text.lower() in states:
        return states[entry.text.lower()]
    try:
        return msgspec.convert(entry.text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{entry.place}: must be {_expectation(kind, error)}") from error


def _expectation(kind: Any, error: msgspec.ValidationError) -> str:
    if kind is bool:
        return "true or false"
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    match = re.match(r"Expected `(.*?)`(?:, got.*)?(.*)", str(error))
    if match is None:
        return f"something else ({error})"
    return " ".join(match.groups()).replace("int", "an integer").strip().replace("  ", " ")
