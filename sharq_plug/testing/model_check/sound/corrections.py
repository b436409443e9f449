"""Corrections: what a finish that said what its job took surely did to a debt, at least.

Of several finishes of one lease only the first one counts, and any may have been the first.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sharq_plug.model import Finish, LeaseOutcome, units_of
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, latest, may_end, token_of
from sharq_plug.testing.model_check.sound.moments import before

Cost: TypeAlias = Mapping[str, int]
_OVER = {LeaseOutcome.ENDED, LeaseOutcome.STALE, LeaseOutcome.UNKNOWN}
"""Answers to a claim after which its lease does not stand any more."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A lease that cost `cost` was corrected to one of `actuals`, or may have been.

    It `is_sure` that one of the finishes did so. None of them is before `earliest` (ms). If one
    did, it was over by `latest` (ms).
    """

    cost: Cost | None
    actuals: Sequence[Cost]
    finishes: Sequence[Event]
    is_sure: bool
    earliest: int
    latest: float

    def change(self, unit: str, most: int) -> int:
        """Return by how many units a debt changed, at least.

        Of what a job paid and took, `most` units surely count, and more may.
        """
        paid = units_of(self.cost, unit)
        took = [actual.get(unit, paid) for actual in self.actuals]
        changes = [min(one - paid, max(0, min(one, most) - min(paid, most))) for one in took]
        return min(changes if self.is_sure else [0, *changes])

    def may_be_before(self, grant: Grant) -> bool:
        """Return whether this may have been done when another lease was given."""
        return not all(before(grant, finish) for finish in self.finishes)


def corrections(leases: Sequence[tuple[JobEvidence, Grant]]) -> Iterator[Correction]:
    """Iterate over what corrected leases, or may have."""
    for job, lease in leases:
        if any(_actual(finish) is not None for finish in job.finishes):
            named = [one for one in job.finishes if token_of(one) == lease.job.token]
            yield from _of_lease(lease, named, ends=_known_ends(job, lease))
            others = [one for one in job.finishes if token_of(one) is None and may_end(one, lease)]
            for finish in others:
                yield from _of_lease(lease, [finish], ends=[finish] if finish.outcome else [])


def _of_lease(lease: Grant, finishes: list[Event], ends: list[Event]) -> Iterator[Correction]:
    actuals = [_actual(finish) or {} for finish in finishes]
    if not any(actuals):
        return
    granted = [one for one in finishes if one.outcome is LeaseOutcome.ENDED and token_of(one)]
    yield Correction(
        cost=lease.job.cost,
        actuals=actuals,
        finishes=finishes,
        is_sure=bool(granted),
        earliest=min(one.invoked_at for one in finishes),
        latest=min(map(latest, [*granted, *ends]), default=math.inf),
    )


def _known_ends(job: JobEvidence, lease: Grant) -> list[Event]:
    """Return the claims of which the answer shows that the lease was over then."""
    claims = (*job.finishes, *job.returns, *job.refused)
    same = [one for one in claims if token_of(one) == lease.job.token]
    return [one for one in same if one.outcome in _OVER]


def _actual(finish: Event) -> Cost | None:
    item = finish.operation.item
    return item.actual if isinstance(item, Finish) else None
