"""What carries the calls of a store: a link to one server, or a cluster."""

from collections.abc import Sequence
from typing import Any, Protocol

from sharq_redis.link import Link
from sharq_redis.wire import Command


class Route(Protocol):
    """Carry commands and verbs to the server that has their keys. All raise StoreUnavailable.

    All keys of a verb have the same hash tag. The second word of a command is its key.
    """

    async def run(self, verb: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Return the reply to a verb."""

    async def attempt(self, verb: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Return the reply to a verb, even if it is an error."""

    async def call(self, *command: Any) -> Any:
        """Return the reply to one command."""

    async def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands together; return the replies."""

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies to commands; some may be errors.

        In a cluster, if a server does not answer, or refuses a command for too long,
        StoreUnavailable is the reply.
        """

    async def anywhere(self, *command: Any) -> Any:
        """Send a command without a key to any server; return the reply."""

    async def parts(self, keys: Sequence[str]) -> list[list[int]]:
        """Group the indices of keys by the server that has them."""

    async def primaries(self) -> Sequence[Link]:
        """Return a link to each primary."""

    async def close(self) -> None:
        """Close every connection. Calls under way fail."""
