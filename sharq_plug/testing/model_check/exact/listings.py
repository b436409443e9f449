"""Listings, step by step: what must turn up in them, and what may."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from sharq_plug.model import Page
from sharq_plug.testing.model_check.operations import ListNames


@dataclass(slots=True)
class _Progress:
    always: Set[str]
    ever: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Listings:
    """Follow listings from their first step, the one without a cursor, to their last."""

    _steps: dict[str | None, _Progress] = field(default_factory=dict)

    def wrong(
        self, queue_type: str | None, step: ListNames, page: Page, existing: Set[str]
    ) -> Iterator[str]:
        """Yield what is wrong about a step at which the names `existing` were there."""
        if step.cursor is None:
            self._steps[queue_type] = _Progress(existing)
        progress = self._steps[queue_type]
        progress.always &= existing
        progress.ever |= existing
        progress.seen.update(page.names)
        alien = progress.seen - progress.ever
        if alien:
            yield f"lists {sorted(alien)}, which did not exist"
        missing = progress.always - progress.seen
        if missing and page.cursor is None:
            yield f"leaves out {sorted(missing)}"
