"""What few queues have: settings, and what these and costs lead to."""

from typing import TypeAlias

from msgspec import Struct

from sharq_memory.limits import Limiter
from sharq_plug.model import NO_SETTINGS, Settings

Names: TypeAlias = tuple[str, ...]
"""Names of shared limits, in their order."""


class Terms(Struct, gc=False, eq=False):
    """What a queue has that is not plain.

    A plain queue has an interval at most, and owes one unit as of its latest dequeue.
    """

    limiter: Limiter
    settings: Settings = NO_SETTINGS
    """Its own settings. What is in effect are the rules of the limiter."""
    defaults: Settings = NO_SETTINGS
    """The defaults of its type that it has taken up."""
    version: int = 0
    """The version of these."""
    turn: int = 0
    """Deliveries since it got its place."""
    was_held: bool = True
    """Whether it was held when it got its place; true if that is not known."""
    brought: Names = ()
    """The shared limits that an enqueue brought."""
    row: Names = ()
    """The row in which it stands, () if it stands in the line itself."""
    counted: Names = ()
    """The shared limits that count it among what uses them."""
    charged: Names = ()
    """The shared limits to which its latest delivery was charged that was to any."""
    leases: int = 0
    """How many of its leases are charged to these."""
    earlier: tuple[tuple[Names, int], ...] = ()
    """How many are charged to others, if any are."""

    @property
    def have_limits(self) -> bool:
        """Whether settings give the queue its limits."""
        return self.settings.limits is not None or self.defaults.limits is not None

    def is_frozen(self, now: int) -> bool:
        """Return whether a freeze stands at `now` (ms)."""
        return self.limiter.frozen_until > now

    @property
    def uses(self) -> Names:
        """The shared limits that the queue uses."""
        return self.limiter.rules.uses or ()

    def named(self, *, lives: bool) -> Names:
        """Return the shared limits that it names, in effect or not.

        Only while a job lives in the queue, what it has taken up or was brought counts.
        """
        own = self.settings.uses or ()
        if not lives or not (self.version or self.brought):
            return own
        taken_up = self.defaults.uses or ()
        named = own or taken_up or self.brought
        if (taken_up and taken_up != named) or (self.brought and self.brought != named):
            return tuple(sorted({*own, *taken_up, *self.brought}))
        return named

    def charge(self, names: Names) -> None:
        """Count a lease that is charged to these shared limits."""
        if not self.leases and not self.earlier:
            self.charged = names
        elif names != self.charged:
            counts = dict(((self.charged, self.leases), *self.earlier))
            self.charged, self.leases = names, counts.pop(names, 0)
            self.earlier = _counted(counts)
        self.leases += 1

    def give_back(self, names: Names) -> None:
        """Count a lease no more that was charged to these shared limits."""
        if names == self.charged:
            self.leases -= 1
        else:
            counts = dict(self.earlier)
            counts[names] -= 1
            self.earlier = _counted(counts)

    def charges(self) -> tuple[tuple[Names, int], ...]:
        """Return how many of its leases are charged to which shared limits."""
        return _counted(dict(((self.charged, self.leases), *self.earlier)))

    def take_back(self) -> tuple[tuple[Names, int], ...]:
        """Return the same, and count all these leases no more."""
        charges = self.charges()
        self.charged, self.leases, self.earlier = (), 0, ()
        return charges


def _counted(counts: dict[Names, int]) -> tuple[tuple[Names, int], ...]:
    """Return what is counted, but for what none counts."""
    return tuple(count for count in counts.items() if count[1])
