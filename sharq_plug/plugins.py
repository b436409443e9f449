"""From the name of a backend or an authenticator to what it opens, by entry points and pluggy."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import pluggy

from sharq_plug import hookspecs
from sharq_plug.authenticator import Authenticator
from sharq_plug.clock import Clock
from sharq_plug.errors import ConfigError, SharqError
from sharq_plug.hookspecs import (
    AUTHENTICATOR_GROUP,
    ENTRY_POINT_GROUP,
    PROJECT,
    Address,
    Authentication,
    Backend,
)
from sharq_plug.store import QueueStore

Offer = TypeVar("Offer", Backend, Authentication)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of plugin: its word for people, its entry-point group, and its hook."""

    word: str
    group: str
    hook: str


_BACKEND: Final = _Kind("backend", ENTRY_POINT_GROUP, "sharq_backend")
_AUTHENTICATOR: Final = _Kind("authenticator", AUTHENTICATOR_GROUP, "sharq_authenticator")


def installed_backends() -> Mapping[str, str]:
    """Return the names of the installed backends, each with its distribution; imports none."""
    return _installed(_BACKEND)


def installed_authenticators() -> Mapping[str, str]:
    """Return the names of the installed authenticators, as `installed_backends` does."""
    return _installed(_AUTHENTICATOR)


def load_backend(name: str) -> Backend:
    """Import the backend `name`, and no other, and return what it offers.

    Raises ConfigError if there is none of that name or more than one, if it cannot be imported,
    or if it does not keep to `sharq_plug.hookspecs`.
    """
    return _load(_BACKEND, name, Backend)


def load_authenticator(name: str) -> Authentication:
    """Import the authenticator `name`, as `load_backend` does; raises ConfigError."""
    return _load(_AUTHENTICATOR, name, Authentication)


def create_authenticator(
    name: str, options: msgspec.Struct, keys_file: Path | None
) -> Authenticator:
    """Open the authenticator `name`, and make sure that it is one; raises ConfigError."""
    offered = load_authenticator(name)
    try:
        authenticator = offered.open(options, keys_file)
    except SharqError:
        raise
    except Exception as error:  # a stranger's code: anything may go wrong
        raise _broken(_AUTHENTICATOR, name, error) from error
    if not isinstance(authenticator, Authenticator):
        raise ConfigError(
            f"authenticator {name!r} is broken: it opened a {type(authenticator).__name__}, "
            "not a sharq_plug.authenticator.Authenticator"
        )
    return authenticator


def open_store(
    name: str, options: Mapping[str, object] | None = None, *, clock: Clock | None = None
) -> QueueStore:
    """Return the store of the backend `name`; enter it with `async with` to use it.

    `options` are the keys of the backend's configuration section. Raises ConfigError for
    whatever cannot work: the name, the backend, an option.
    """
    backend = load_backend(name)
    try:
        typed = msgspec.convert(dict(options or {}), backend.options)
    except msgspec.ValidationError as error:
        raise ConfigError(f"backend {name!r}: {error}") from error
    return create_store(name, backend, typed, clock)


def create_store(
    name: str, backend: Backend, options: msgspec.Struct, clock: Clock | None = None
) -> QueueStore:
    """Let `backend` make its store, and make sure that it is one; raises ConfigError."""
    try:
        store = backend.open(options, clock)
    except SharqError:
        raise
    except Exception as error:  # a stranger's code: a verb that is missing, a wrong signature
        raise _broken(_BACKEND, name, error) from error
    if not isinstance(store, QueueStore):
        raise ConfigError(
            f"backend {name!r} is broken: it opened a {type(store).__name__}, "
            "not a sharq_plug.store.QueueStore"
        )
    return store


def address_of(name: str, backend: Backend, options: msgspec.Struct) -> Address | None:
    """Return where the store of `backend` is, None if it does not tell; raises ConfigError."""
    if backend.address is None:
        return None
    try:
        address = backend.address(options)
    except Exception as error:  # a stranger's code: anything may go wrong
        raise _broken(_BACKEND, name, error) from error
    if not isinstance(address, Address):
        raise ConfigError(
            f"backend {name!r} is broken: its address is a {type(address).__name__}, "
            "not sharq_plug.hookspecs.Address"
        )
    return address


def _installed(kind: _Kind) -> Mapping[str, str]:
    return {
        name: " and ".join(_distribution(entry_point) for entry_point in claims)
        for name, claims in sorted(_claims(kind).items())
    }


def _claims(kind: _Kind) -> dict[str, list[EntryPoint]]:
    claims: dict[str, list[EntryPoint]] = {}
    for entry_point in entry_points(group=kind.group):
        claims.setdefault(entry_point.name, []).append(entry_point)
    return claims


def _distribution(entry_point: EntryPoint) -> str:
    return f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else "?"


def _load(kind: _Kind, name: str, offer: type[Offer]) -> Offer:
    offered = _call_hook(kind, name, _entry_point(kind, name))
    if offered is None:
        raise ConfigError(f"{kind.word} {name!r} is broken: it implements no hook {kind.hook}")
    if not isinstance(offered, offer):
        raise ConfigError(
            f"{kind.word} {name!r} is broken: its hook {kind.hook} returned "
            f"{type(offered).__name__}, not sharq_plug.hookspecs.{offer.__name__}"
        )
    return offered


def _entry_point(kind: _Kind, name: str) -> EntryPoint:
    claims = _claims(kind)
    match claims.get(name, []):
        case [entry_point]:
            return entry_point
        case []:
            known = ", ".join(sorted(claims)) or "none"
            raise ConfigError(f"there is no {kind.word} {name!r}; installed: {known}")
        case several:
            owners = " and ".join(_distribution(entry_point) for entry_point in several)
            raise ConfigError(
                f"{kind.word} {name!r} is claimed by {owners}: uninstall all but one of them"
            )


def _call_hook(kind: _Kind, name: str, entry_point: EntryPoint) -> object:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(entry_point.load(), name=name)
        manager.check_pending()
        return getattr(manager.hook, kind.hook)()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == entry_point.module.partition(".")[0]:
            raise _broken(kind, name, error) from error
        raise ConfigError(
            f"{kind.word} {name!r} needs the module {error.name!r}, which is not installed: "
            f"install what {_distribution(entry_point)} requires"
        ) from error
    except Exception as error:  # a stranger's code: anything may go wrong
        raise _broken(kind, name, error) from error


def _broken(kind: _Kind, name: str, error: Exception) -> ConfigError:
    return ConfigError(f"{kind.word} {name!r} is broken: {type(error).__name__}: {error}")
