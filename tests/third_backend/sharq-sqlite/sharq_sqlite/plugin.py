"""What the server asks this backend."""

import msgspec

from sharq_plug.clock import Clock, SystemClock
from sharq_plug.hookspecs import Address, Backend, hookimpl
from sharq_sqlite.store import SqliteStore


class SqliteOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section [sqlite]: the file that holds the queues, or `:memory:`."""

    path: str = ":memory:"


def open_sqlite_store(options: SqliteOptions, clock: Clock | None) -> SqliteStore:
    """Return a store on the file that `options` name."""
    return SqliteStore(options.path, clock or SystemClock())


def address(options: SqliteOptions) -> Address:
    """Return which file holds the queues, for the log and for --check."""
    return Address(f"sqlite in {options.path}", keys=("path",))


@hookimpl
def sharq_backend() -> Backend:
    """Offer SQLite, to one process at a time."""
    return Backend(options=SqliteOptions, open=open_sqlite_store, shared=False, address=address)
