"""From sharq.conf, environment variables and flags to checked settings.

A key is looked for in four places, the first that has it wins: flag, environment, file, default.
An empty value counts as absent. Section [sharq] is `SHARQ_<KEY>` in the environment, section
[sharq-server] is `SHARQ_SERVER_<KEY>`, and the section [x] of a backend x is `SHARQ_X_<KEY>`.
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from sharq_plug.errors import ConfigError
from sharq_plug.model import MAX_INTEGER, MAX_INTERVAL
from sharq_plug.plugins import load_backend

CONFIG_VARIABLE = "SHARQ_CONFIG"
"""The environment variable that names the file when no flag does."""
QUEUE_SECTION = "sharq"
SERVER_SECTION = "sharq-server"

Options = TypeVar("Options", bound=msgspec.Struct)
Duration = Annotated[int, Meta(ge=1, le=MAX_INTERVAL)]
MAX_TIMEOUT = 24 * 60 * 60 * 1000
Timeout = Annotated[int, Meta(ge=1, le=MAX_TIMEOUT)]


class QueueSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section [sharq]: what holds for every queue. Durations are ms."""

    job_expire_interval: Duration = 60_000
    job_requeue_interval: Duration = 1000
    default_job_requeue_limit: Annotated[int, Meta(ge=-1, le=MAX_INTEGER)] = -1
    enable_requeue_script: bool = True


class ServerSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section [sharq-server]: where and how to serve.

    `accesslog` is a file, or `-` for standard error; None: no access log. `max_body_size`
    and `max_batch_body_size` are bytes. Port 0 is any free port. The other bounds are those of
    one process. Time-outs are ms.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    workers: Annotated[int, Meta(ge=1)] = 1
    accesslog: str | None = None
    backend: str = "memory"
    max_body_size: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 1024 * 1024
    max_batch_body_size: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 16 * 1024 * 1024
    max_connections: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 4000
    max_in_flight: Annotated[int, Meta(ge=1, le=MAX_INTEGER)] = 1000
    keep_alive_timeout: Timeout = 120_000
    request_timeout: Timeout = 60_000
    drain_time: Annotated[int, Meta(ge=0, le=MAX_TIMEOUT)] = 2000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that was configured; `options` are those of the backend `server.backend`."""

    queue: QueueSection
    server: ServerSection
    options: msgspec.Struct


@dataclass(frozen=True, slots=True)
class Sources:
    """The three places that a value can come from, before it is its default.

    `flags` are keys of [sharq-server] as they were given on the command line.
    """

    path: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value as it was written, and where."""

    text: str
    place: str


def load_settings(sources: Sources) -> Settings:
    """Read and check the two sections of the server and the one of the chosen backend.

    Raises ConfigError that names the file, variable or flag that is wrong, and its key.
    """
    reader = _Reader(sources)
    server = reader.section(SERVER_SECTION, ServerSection)
    try:
        backend = load_backend(server.backend)
    except ConfigError as error:
        place = reader.place(SERVER_SECTION, "backend")
        raise ConfigError(f"{place}: {error}" if place else str(error)) from error
    if server.workers > 1 and not backend.shared:
        raise ConfigError(
            f"{reader.place(SERVER_SECTION, 'workers')}: {server.workers} processes cannot share "
            f"a store of the backend {server.backend!r}: use 1, or another backend"
        )
    return Settings(
        queue=reader.section(QUEUE_SECTION, QueueSection),
        server=server,
        options=reader.section(server.backend, backend.options),
    )


class _Reader:
    """Find and check values, each by the precedence of its places."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._file = {} if sources.path is None else _read_file(sources.path)

    def section(self, section: str, options: type[Options]) -> Options:
        """Return the values of a section as `options` types them; raises ConfigError."""
        fields = {known.encode_name: known for known in msgspec.structs.fields(options)}
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
        """Say where the value of a key comes from; None for its default."""
        entry = self._find(section, key)
        return entry.place if entry else None

    def _find(self, section: str, key: str) -> _Entry | None:
        sources = self._sources
        if section == SERVER_SECTION and sources.flags.get(key):
            return _Entry(sources.flags[key], f"--{key}")
        variable = _variable(section, key)
        text = sources.environ.get(variable)
        # Container platforms set <NAME>_PORT=tcp://... for each service that they know of.
        if text and not (key == "port" and text.startswith("tcp://")):
            return _Entry(text, variable)
        text = self._file.get(section, {}).get(key)
        return _Entry(text, self._in_file(section, key)) if text else None

    def _in_file(self, section: str, key: str) -> str:
        return f"{self._sources.path}: [{section}] {key}"


def _variable(section: str, key: str) -> str:
    prefix = {QUEUE_SECTION: "sharq", SERVER_SECTION: "sharq_server"}.get(
        section, f"sharq_{section}"
    )
    return re.sub(r"\W", "_", f"{prefix}_{key}", flags=re.ASCII).upper()


def _read_file(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Return a file's sections. Nothing is interpolated: a `%` is a `%`."""
    parser = configparser.RawConfigParser(
        delimiters=(":", "="),
        comment_prefixes=(";", "#"),
        inline_comment_prefixes=(";",),
        empty_lines_in_values=False,
        default_section="",
    )
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), source=str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    except configparser.Error as error:
        raise ConfigError(f"{path}: {_fault(error)}") from error
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    for name, values in sections.items():
        for key, value in values.items():
            if "\n" in value:
                raise ConfigError(
                    f"{path}: [{name}] {key}: goes on in the next line, which must not be indented"
                )
    return sections


def _fault(error: configparser.Error) -> str:
    """Say what is wrong without the line itself, which may hold a password."""
    match error:
        case configparser.MissingSectionHeaderError(lineno=line):
            return f"line {line} stands before the first [section]"
        case configparser.ParsingError(errors=[(line, _), *_]):
            return f"line {line} is neither a [section], nor `key : value`, nor a comment"
        case configparser.DuplicateSectionError(lineno=line, section=section):
            return f"line {line} repeats the section [{section}]"
        case configparser.DuplicateOptionError(lineno=line, section=section, option=key):
            return f"line {line} repeats the key {key} of [{section}]"
        case _:
            return " ".join(error.message.split())


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
