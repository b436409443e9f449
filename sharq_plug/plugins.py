"""From a backend's name to an open store, by entry points and pluggy."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

import msgspec
import pluggy

from sharq_plug import hookspecs
from sharq_plug.clock import Clock
from sharq_plug.errors import ConfigError, SharqError
from sharq_plug.hookspecs import ENTRY_POINT_GROUP, PROJECT, Address, Backend
from sharq_plug.store import QueueStore


def installed_backends() -> Mapping[str, str]:
    """Return the names of the installed backends, each with its distribution; imports none."""
    return {
        name: " and ".join(_distribution(entry_point) for entry_point in claims)
        for name, claims in sorted(_claims().items())
    }


def load_backend(name: str) -> Backend:
    """Import the backend `name`, and no other, and return what it offers.

    Raises ConfigError if there is none of that name or more than one, if it cannot be imported,
    or if it does not keep to `sharq_plug.hookspecs`.
    """
    backend = _call_hook(name, _entry_point(name))
    if backend is None:
        raise ConfigError(f"backend {name!r} is broken: it implements no hook sharq_backend")
    if not isinstance(backend, Backend):
        raise ConfigError(
            f"backend {name!r} is broken: its hook sharq_backend returned "
            f"{type(backend).__name__}, not sharq_plug.hookspecs.Backend"
        )
    return backend


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
        raise _broken(name, error) from error
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
        raise _broken(name, error) from error
    if not isinstance(address, Address):
        raise ConfigError(
            f"backend {name!r} is broken: its address is a {type(address).__name__}, "
            "not sharq_plug.hookspecs.Address"
        )
    return address


def _claims() -> dict[str, list[EntryPoint]]:
    claims: dict[str, list[EntryPoint]] = {}
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        claims.setdefault(entry_point.name, []).append(entry_point)
    return claims


def _distribution(entry_point: EntryPoint) -> str:
    return f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else "?"


def _entry_point(name: str) -> EntryPoint:
    claims = _claims()
    match claims.get(name, []):
        case [entry_point]:
            return entry_point
        case []:
            known = ", ".join(sorted(claims)) or "none"
            raise ConfigError(f"there is no backend {name!r}; installed: {known}")
        case several:
            owners = " and ".join(_distribution(entry_point) for entry_point in several)
            raise ConfigError(
                f"backend {name!r} is claimed by {owners}: uninstall all but one of them"
            )


def _call_hook(name: str, entry_point: EntryPoint) -> object:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(entry_point.load(), name=name)
        manager.check_pending()
        return manager.hook.sharq_backend()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == entry_point.module.partition(".")[0]:
            raise _broken(name, error) from error
        raise ConfigError(
            f"backend {name!r} needs the module {error.name!r}, which is not installed: "
            f"install what {_distribution(entry_point)} requires"
        ) from error
    except Exception as error:  # a stranger's code: anything may go wrong
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> ConfigError:
    return ConfigError(f"backend {name!r} is broken: {type(error).__name__}: {error}")
