"""Callers: who asks, what they may do, and which types and queues they may use."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

__all__ = ["Caller", "Only", "Scope"]

REST = "*"
"""What ends a prefix, where a name or a prefix may stand."""


class Scope(StrEnum):
    """What a caller may do. No scope includes another."""

    __hash__ = str.__hash__  # that of Enum is written in Python, and runs for each request

    ENQUEUE = "enqueue"
    """Enqueue, batches too."""
    WORK = "work"
    """Dequeue, and end or extend leases."""
    READ = "read"
    """Look at everything but payloads."""
    READ_PAYLOADS = "read_payloads"
    """Look at payloads too; `admin` does as well. Both need `read`."""
    ADMIN = "admin"
    """Change settings and jobs, clear, redrive and discard."""


@dataclass(frozen=True, slots=True)
class Only:
    """Some names: those that are listed, and those that begin with one of the prefixes."""

    names: frozenset[str]
    prefixes: tuple[str, ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Self:
        """Return the names that patterns stand for: names, or prefixes that end in `*`."""
        given = tuple(patterns)
        return cls(
            frozenset(pattern for pattern in given if not pattern.endswith(REST)),
            tuple(pattern.removesuffix(REST) for pattern in given if pattern.endswith(REST)),
        )

    def __contains__(self, name: str) -> bool:
        return name in self.names or name.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class Caller:
    """One who may call. `id` names its key; it is no secret.

    `types` and `queues` are those that it may use; None is all. A session of the caller ends when
    its `seal` changes: it stands for the secret, and is shown nowhere.
    """

    id: str
    scopes: frozenset[Scope]
    types: Only | None = None
    queues: Only | None = None
    seal: bytes = field(default=b"", repr=False)

    def may_use_type(self, queue_type: str) -> bool:
        """Return whether the caller may use a type."""
        return self.types is None or queue_type in self.types

    def may_use_queue(self, queue_id: str) -> bool:
        """Return whether the caller may use a queue of the types that it may use."""
        return self.queues is None or queue_id in self.queues

    @property
    def may_read_payloads(self) -> bool:
        """Whether the caller may look at payloads."""
        return not self.scopes.isdisjoint((Scope.READ_PAYLOADS, Scope.ADMIN))
