"""Changes of settings. Patches are applied here: who knows the present settings replaces them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, assert_never

from msgspec import UnsetType

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import (
    ChangeOutcome,
    DropLimit,
    LimitRules,
    PatchLimit,
    PatchQueue,
    PatchType,
    QueueRules,
    Remaining,
    SetInterval,
    Setting,
    TypeRules,
    may_change,
)
from sharq_redis.arguments import packed, packed_all
from sharq_redis.replies import change_outcome
from sharq_redis.settings import settings_in, text_of
from sharq_redis.tending import Run

TELL = False
"""The value of a change that changes nothing: it only tells the settings."""
AS_IT_IS = -1
"""In place of a freeze."""
MAX_TRIES = 100
"""How often a patch is tried: as many patches of the same settings can come at once."""
CROWDED = "Too many others change the same settings."

Replacement: TypeAlias = tuple[str | int, ...]
"""The texts to be replaced, the new ones, and for how long to freeze."""


class Configuring:
    """Change settings of queues, in the order of the changes."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        """Change settings; intervals that come in a row go in one step."""
        outcomes: list[ChangeOutcome] = []
        intervals: list[SetInterval] = []
        for change in changes:
            if isinstance(change, SetInterval):
                intervals.append(change)
                continue
            outcomes += await self._set_intervals(queue_type, intervals)
            intervals = []
            match change:
                case PatchQueue():
                    outcomes.append(await self._patch_queue(queue_type, change))
                case PatchType():
                    outcomes.append(await self._patch_type(queue_type, change))
                case PatchLimit():
                    outcomes.append(await self._patch_limit(queue_type, change))
                case DropLimit():
                    reply = await self._change(queue_type, change.name, "drop", True)
                    outcomes.append(change_outcome(change.name, reply))
                case _:
                    assert_never(change)
        return outcomes + await self._set_intervals(queue_type, intervals)

    async def _set_intervals(
        self, queue_type: str, changes: Sequence[SetInterval]
    ) -> list[ChangeOutcome]:
        if not changes:
            return []
        items = ((change.queue_id, "interval", change.interval) for change in changes)
        reply = await self._run("configure", queue_type, packed_all(items))
        pairs = zip(changes, reply, strict=True)
        return [change_outcome(change.queue_id, result) for change, result in pairs]

    async def _patch_queue(self, queue_type: str, change: PatchQueue) -> ChangeOutcome:
        """Change the settings of a queue."""

        def replacement(stored: bytes) -> Replacement | None:
            settings = settings_in(stored)
            if not may_change(change, QueueRules(settings)):
                return None
            return (stored.decode(), text_of(change.patch.applied_to(settings)), _freeze(change))

        return await self._replace(queue_type, change.queue_id, "settings", replacement)

    async def _patch_type(self, queue_type: str, change: PatchType) -> ChangeOutcome:
        """Change the settings of a type and its defaults, which stand together."""

        def replacement(gate: bytes, queues: bytes) -> Replacement | None:
            rules = TypeRules(settings_in(gate), settings_in(queues))
            if not may_change(change, rules):
                return None
            settings = change.patch.applied_to(rules.settings)
            defaults = change.defaults.applied_to(rules.defaults)
            before = (gate.decode(), queues.decode())
            return (*before, text_of(settings), text_of(defaults), _freeze(change))

        return await self._replace(queue_type, "", "type", replacement)

    async def _patch_limit(self, queue_type: str, change: PatchLimit) -> ChangeOutcome:
        """Change the settings of a shared limit, or create it."""

        def replacement(stored: bytes) -> Replacement | None:
            settings = settings_in(stored)
            if not may_change(change, LimitRules(settings)):
                return None
            after = text_of(change.patch.applied_to(settings))
            return (stored.decode(), after, _freeze(change), *_left(change.remaining))

        return await self._replace(queue_type, change.name, "limit", replacement)

    async def _replace(
        self,
        queue_type: str,
        queue_id: str,
        name: str,
        replacement: Callable[..., Replacement | None],
    ) -> ChangeOutcome:
        """Read what is set and replace it, again while others are faster.

        `replacement` returns what replaces the texts that it is given, None if nothing is to.
        """
        reply = await self._change(queue_type, queue_id, name, TELL)
        tries = 0
        while isinstance(reply, list):
            value = replacement(*reply)
            if value is None:
                return ChangeOutcome.MISMATCH
            if tries == MAX_TRIES:
                raise StoreUnavailable(f"{CROWDED} {queue_type}/{queue_id}", public=CROWDED)
            reply = await self._change(queue_type, queue_id, name, value)
            tries += 1
        return change_outcome(queue_id, reply)

    async def _change(self, queue_type: str, queue_id: str, name: str, value: object) -> Any:
        (reply,) = await self._run("configure", queue_type, packed((queue_id, name, value)))
        return reply


def _left(remaining: Remaining | UnsetType | None) -> tuple[str | int, ...]:
    """Return what the verb is told of how much is left."""
    if isinstance(remaining, UnsetType):
        return ()
    return ("",) if remaining is None else (remaining.count, remaining.until, remaining.unit)


def _freeze(change: PatchQueue | PatchType | PatchLimit) -> int:
    return AS_IT_IS if change.freeze is None else change.freeze
