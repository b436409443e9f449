"""A batch of commands, and where to resend those that were refused."""

from collections.abc import Sequence
from typing import Any

from sharq_redis.routing.refusals import Refusal
from sharq_redis.target import Endpoint
from sharq_redis.wire import Command


class Asking:
    """Commands, the slots of their keys, and the replies to them.

    A refusal may redirect a command once (ASK) or for good (MOVED). A redirection counts more than
    the slot map: the server that the map came from may be the last to learn of a move.
    """

    __slots__ = ("_told", "commands", "detours", "replies", "slots")

    def __init__(self, commands: Sequence[Command], slots: Sequence[int]) -> None:
        self.commands = commands
        self.slots = slots
        self.replies: list[Any] = [None] * len(commands)
        self.detours: dict[int, Endpoint] = {}
        self._told: dict[int, Endpoint] = {}

    def server_of(self, at: int, owners: Sequence[Endpoint | None]) -> Endpoint | None:
        """Return which server a command goes to next."""
        return self.detours.get(at) or self._told.get(at) or owners[self.slots[at]]

    def note(self, at: int, refusal: Refusal | None) -> None:
        """Note the refusal of a command; None: it was not refused."""
        self.detours.pop(at, None)
        self._told.pop(at, None)
        if refusal is not None and refusal.server is not None:
            places = self.detours if refusal.word == "ASK" else self._told
            places[at] = refusal.server
