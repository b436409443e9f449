"""What a queue, a type or a shared limit surely owes to its limits, however its calls overlapped.

This is the least that it owes. It is told in units, not in units times `per`: a limit that is
changed keeps its units, or more. What is unknown is taken as it owes the least. A delivery that
nobody saw would add to the debt, so it is left out, and so is one that may not have been charged.
What adds to a debt counts as if it were early, what takes from it as if late. Of the limits that
may be in effect between two deliveries, that counts which is earned back fastest.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sharq_plug.model import units_of
from sharq_plug.testing.model_check.history import Grant
from sharq_plug.testing.model_check.sound.corrections import Correction, corrections
from sharq_plug.testing.model_check.sound.holders import Holder, Slot, slots
from sharq_plug.testing.model_check.sound.moments import at_once
from sharq_plug.testing.model_check.sound.terms import Terms

NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a correction adds to debts, or what it takes from them, and when (ms) that counts."""

    correction: Correction
    adds: bool
    when: float

    def change(self, slot: Slot, terms: Terms) -> int:
        """Return by how many units this changes what is owed to a limit, at least."""
        change = self.correction.change(slot[0], terms.most(slot))
        return change if (change > 0) == self.adds else 0


def _parts(made: Sequence[Correction]) -> Iterator[_Part]:
    """Iterate over the parts of corrections.

    What is added counts when it surely is there. What is taken then waits for whatever may have
    been added before it: it might have found more.
    """
    for one in made:
        yield _Part(one, adds=True, when=one.latest)
        earlier = [other.latest for other in made if other.earliest <= one.latest]
        sure = [latest for latest in earlier if latest < math.inf]
        yield _Part(one, adds=False, when=max([one.latest, *sure]))


class Owed:
    """What is surely owed by a holder when it gives jobs.

    Deliveries of one instant come together: their order may be unknown.
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._units: dict[Slot, Fraction] = {}
        self._terms = Terms([])
        self._last: list[Grant] = []
        unsure = [replace(one, is_sure=False) for one in corrections(holder.unsure)]
        made = [*corrections(holder.leases), *unsure]
        self._pending = sorted(_parts(made), key=lambda one: (one.when, not one.adds))

    def deliveries(self) -> Iterator[list[Grant]]:
        """Iterate over the deliveries of each instant: none of them has paid yet."""
        for those in at_once(self._holder.grants):
            self._terms = Terms(self._holder.limits(those, since=self._last or those))
            self._change_limits(those)
            self._pass_time(those)
            yield those
            self._units = {slot: self._paid(slot, those) for slot in self._terms}
            self._last = those

    def allows(self, grant: Grant, paid: Sequence[Grant]) -> bool:
        """Return whether a delivery may be allowed after others of its instant have paid.

        Its call may have begun when there was a limit that was gone by the deliveries before it.
        """
        return any(
            all(
                self._owed(slot, grant, paid) <= limit.burst - 1
                for slot, limit in slots(limits)
                if self._terms.may_have(slot)
            )
            for limits in self._holder.limits([grant])
        )

    def _owed(self, slot: Slot, grant: Grant, paid: Sequence[Grant]) -> Fraction:
        """Return what is owed to a limit, at least, when a delivery is given."""
        always = self._terms.always_have(slot)
        owed = self._paid(slot, paid) if always else self._units[slot]
        pending = [one for one in self._pending if one.correction.may_be_before(grant)]
        return owed + sum(one.change(slot, self._terms) for one in pending if not one.adds)

    def _paid(self, slot: Slot, grants: Sequence[Grant]) -> Fraction:
        """Return what is owed to a limit once these deliveries have paid."""
        most, owed = self._terms.most(slot), self._units[slot]
        owed += sum(min(units_of(grant.job.cost, slot[0]), most) for grant in grants)
        return min(owed, self._terms.cap(slot))

    def _change_limits(self, those: list[Grant]) -> None:
        """Let limits change, as of the latest deliveries, that may have until these ones."""
        before = Terms(self._holder.limits(self._last)) if self._last else Terms([])
        new = Fraction(self._keeps_its_last(those))
        units, self._units = self._units, {}
        for slot in self._terms:
            owed = units.get(slot, NOTHING)
            if not before.may_have(slot):
                owed = new
            elif not self._terms.always_have(slot):
                owed = min(owed, new)
            self._units[slot] = owed

    def _keeps_its_last(self, those: list[Grant]) -> bool:
        """Return whether it surely is known, at these deliveries, when the latest ones were.

        A queue forgets that once it is empty, a type or a shared limit once it has no limits.
        """
        if not self._holder.is_queue or not self._last:
            return bool(self._last) and self._terms.never_end()
        return all(self._holder.was_there(grant, self._last) for grant in those)

    def _pass_time(self, those: list[Grant]) -> None:
        """Go on from the latest deliveries to these ones, by the corrections that are over."""
        now = those[0].instant
        at = self._last[0].instant if self._last else 0
        while self._pending and self._pending[0].when < now:
            part = self._pending.pop(0)
            done_at = int(part.when)
            self._earn(done_at - at)
            for slot, owed in self._units.items():
                changed = max(NOTHING, owed + self._change(part, slot, those))
                self._units[slot] = min(changed, self._terms.cap(slot))
            at = done_at
        self._earn(now - at)

    def _change(self, part: _Part, slot: Slot, those: list[Grant]) -> Fraction:
        """Return by how much a part of a correction changes what is owed when it counts."""
        change, correction = Fraction(part.change(slot, self._terms)), part.correction
        if change <= 0:
            return change
        since = Terms(self._holder.limits(those, since=correction.finishes))
        if not since.always_have(slot):
            return NOTHING
        span = int(correction.latest) - correction.earliest
        counted: Fraction = min(change, Fraction(since.most(slot)))
        return max(NOTHING, counted - span * since.fastest(slot))

    def _earn(self, elapsed: int) -> None:
        for slot, owed in self._units.items():
            self._units[slot] = max(NOTHING, owed - elapsed * self._terms.fastest(slot))
