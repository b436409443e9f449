"""Log outages of the store: one line when an outage begins, one when it is over."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sharq_plug.errors import BrokenQueue, StoreUnavailable

logger = logging.getLogger(__name__)

QUIET = 2.0
"""Seconds without a failure after which a call that works ends an outage."""
MAX_REASONS = 100
"""Reasons that are logged at the same time, at most."""


@dataclass(slots=True)
class Outage:
    """Calls that fail for one reason. Instants are seconds."""

    began: float
    latest: float
    calls: int = 0
    verbs: set[str] = field(default_factory=set)


class Outages:
    """Log why the store fails, once for each reason, however many calls fail.

    Clients are not told why. `now` reads a clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.current: dict[str, Outage] = {}

    def note_failure(self, verb: str, error: StoreUnavailable) -> None:
        """Note that a call failed. A damaged queue is no outage, and its store logs it."""
        if isinstance(error, BrokenQueue):
            return
        reason, now = str(error), self._now()
        outage = self.current.get(reason)
        if outage is None:
            if len(self.current) >= MAX_REASONS:
                return
            outage = self.current[reason] = Outage(now, now)
            logger.warning("%s is answered with 503: %s", verb, reason)
        outage.latest = now
        outage.calls += 1
        outage.verbs.add(verb)

    def note_success(self, verb: str) -> None:
        """Note that a call succeeded: an outage that it was part of may be over."""
        now = self._now()
        for reason, outage in list(self.current.items()):
            if verb in outage.verbs and now - outage.latest >= QUIET:
                del self.current[reason]
                lasted = outage.latest - outage.began
                message = "%s works again; %d requests failed within %.1f s: %s"
                logger.warning(message, verb, outage.calls, lasted, reason)
