"""What few queues have: settings, and what these and costs lead to."""

from msgspec import Struct

from sharq_memory.limits import Limiter
from sharq_plug.model import NO_SETTINGS, Settings


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

    @property
    def have_limits(self) -> bool:
        """Whether settings give the queue its limits."""
        return self.settings.limits is not None or self.defaults.limits is not None

    def is_frozen(self, now: int) -> bool:
        """Return whether a freeze stands at `now` (ms)."""
        return self.limiter.frozen_until > now

    @property
    def weight(self) -> int:
        """How many deliveries its turn allows."""
        return self.limiter.rules.weight or 1
