"""Which server of a Redis Cluster has which slot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sharq_redis.routing.slots import SLOTS
from sharq_redis.target import Endpoint

UNKNOWN_HOSTS = (b"", b"?", None)
"""Hosts in a reply that stand for the one at which the server was asked."""


@dataclass(frozen=True, slots=True)
class SlotMap:
    """The primary of each slot (None: no server has it), and all servers named in the reply."""

    owners: tuple[Endpoint | None, ...]
    servers: tuple[Endpoint, ...]

    @classmethod
    def read(cls, reply: Sequence[Any], asked: Endpoint) -> Self:
        """Read a reply to CLUSTER SLOTS from the server `asked`. Raises ValueError.

        It is a list of (first slot, last slot, primary, replica, ...), each server a list that
        begins with its host and port. It is the TLS port if the command came over TLS.
        """
        owners: list[Endpoint | None] = [None] * SLOTS
        servers: dict[Endpoint, None] = {}
        for first, last, *nodes in reply:
            if not 0 <= first <= last < SLOTS:
                raise ValueError(f"not a range of slots: {first} to {last}")
            found = [_endpoint(node[0], node[1], asked) for node in nodes]
            servers.update(dict.fromkeys(found))
            owners[first : last + 1] = [found[0]] * (last - first + 1)
        return cls(tuple(owners), tuple(servers))

    @property
    def primaries(self) -> tuple[Endpoint, ...]:
        """The servers that have slots, in the order of their first slot."""
        return tuple(dict.fromkeys(owner for owner in self.owners if owner is not None))

    def with_owner(self, slot: int, owner: Endpoint) -> Self:
        """Return the map after a slot has moved."""
        owners = (*self.owners[:slot], owner, *self.owners[slot + 1 :])
        return type(self)(owners, tuple(dict.fromkeys((*self.servers, owner))))


def _endpoint(host: bytes | None, port: int, asked: Endpoint) -> Endpoint:
    return Endpoint(asked.host if host in UNKNOWN_HOSTS or host is None else host.decode(), port)
