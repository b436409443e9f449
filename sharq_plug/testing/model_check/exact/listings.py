"""Listings, step by step: what must turn up in them, and what may."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from sharq_plug.model import Page
from sharq_plug.testing.model_check.history import ListKnownTypes, ListQueues, ListTypes

Listing: TypeAlias = ListQueues | ListTypes | ListKnownTypes


@dataclass(slots=True)
class _Progress:
    always: Set[str]
    ever: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)


class Listings:
    """Follow listings from their first step, the one without a cursor, to their last."""

    def __init__(self) -> None:
        self._steps: dict[tuple[type, str | None], _Progress] = {}

    def wrong(self, asked: Listing, page: Page, existing: Set[str]) -> Iterator[str]:
        """Yield what is wrong about a step at which the names `existing` were there."""
        listing = (type(asked), asked.queue_type if isinstance(asked, ListQueues) else None)
        if asked.cursor is None:
            self._steps[listing] = _Progress(existing)
        progress = self._steps[listing]
        progress.always &= existing
        progress.ever |= existing
        progress.seen.update(page.names)
        alien = progress.seen - progress.ever
        if alien and not isinstance(asked, ListKnownTypes):
            yield f"lists {sorted(alien)}, which did not exist"
        missing = progress.always - progress.seen
        if missing and page.cursor is None:
            yield f"leaves out {sorted(missing)}"
