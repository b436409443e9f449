"""The defaults of a type, which its queues take up one by one."""

from msgspec import Struct

from sharq_memory.holds import terms_of, work_out
from sharq_memory.queue import Queue
from sharq_plug.model import NO_SETTINGS, Settings


class Defaults(Struct, gc=False, eq=False):
    """What is set for all queues of a type, with a version that is new with each change."""

    settings: Settings = NO_SETTINGS
    version: int = 0
    """0 while there are none."""
    latest: int = 0
    """The latest version that was given."""

    def change(self, settings: Settings, now: int) -> None:
        """Set other defaults at `now` (ms), under a version that no queue has taken up."""
        self.latest = max(self.latest + 1, now)
        self.settings = settings
        self.version = 0 if settings == NO_SETTINGS else self.latest


def version_of(queue: Queue) -> int:
    """Return the version of the defaults that `queue` has taken up."""
    return 0 if queue.terms is None else queue.terms.version


def take_up(queue: Queue, defaults: Defaults) -> bool:
    """Let `queue` take up the defaults if it has not; return whether it did."""
    if version_of(queue) == defaults.version:
        return False
    terms = terms_of(queue)
    terms.defaults, terms.version = defaults.settings, defaults.version
    work_out(queue, terms)
    return True
