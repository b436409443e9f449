"""Outages of the store in the log: a line when one begins, a line when it is over."""

import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from sharq_plug.errors import BrokenQueue, StoreUnavailable

logger = logging.getLogger(__name__)

QUIET = 2.0
"""Seconds without a failure after which a call that works ends an outage."""
MAX_REASONS = 100
"""Past so many reasons at once, the log has said enough."""


@dataclass(slots=True)
class Outage:
    """What fails for one reason. Instants are seconds."""

    began: float
    latest: float
    calls: int = 0
    verbs: set[str] = field(default_factory=set)


class Outages:
    """Log why the store fails, once for each reason, however many calls fail.

    Clients hear only that it does. `now` reads a clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.current: dict[str, Outage] = {}

    def failed(self, verb: str, error: StoreUnavailable) -> None:
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

    def worked(self, verb: str) -> None:
        """Note that a call succeeded: what has stopped it until now may be over."""
        now = self._now()
        for reason, outage in list(self.current.items()):
            if verb in outage.verbs and now - outage.latest >= QUIET:
                del self.current[reason]
                lasted = outage.latest - outage.began
                message = "%s works again; %d requests failed within %.1f s: %s"
                logger.warning(message, verb, outage.calls, lasted, reason)


def verb_of(path: str) -> str:
    """Return the verb that a path names; what clients may choose in it is not part of it."""
    return path.strip("/").partition("/")[0]


def watched(
    handler: Callable[..., Coroutine[Any, Any, Any]], path: str, outages: Outages
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a handler that notes its successes while there is an outage."""
    verb = verb_of(path)

    async def noted(answer: Coroutine[Any, Any, Any]) -> Any:
        response = await answer
        outages.worked(verb)
        return response

    def handle(*args: Any, **names: Any) -> Coroutine[Any, Any, Any]:
        answer = handler(*args, **names)
        return noted(answer) if outages.current else answer

    return handle
