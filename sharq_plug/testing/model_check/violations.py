"""What a checker returns: which rule was broken, how, and by which events."""

from dataclasses import dataclass
from enum import Enum

from sharq_plug.testing.model_check.history import Event


class Rule(Enum):
    """The rules that a history can break."""

    RATE = "rate"
    """A queue gave more than its limits allow."""
    CONCURRENCY = "concurrency"
    """A queue had more leases at a time than its concurrency allows."""
    PAUSE = "pause"
    """A queue gave a job while it was paused or frozen."""
    JOB_ORDER = "job order"
    """A job was served before one that stood ahead of it in its queue."""
    QUEUE_ORDER = "queue order"
    """A queue was served before one that stood ahead of it in its type."""
    READINESS = "readiness"
    """A ready job was not served, or `next_ready_at` was wrong."""
    FENCING = "fencing"
    """A claim to a lease had another outcome than it must have."""
    RECEIPTS = "receipts"
    """A finish that was repeated did not answer as its receipt says."""
    IDEMPOTENCE = "idempotence"
    """A job was queued twice, or called a duplicate of nothing."""
    DEDUPLICATION = "deduplication"
    """A second job of a key was queued, or one was refused for a key that nobody remembers."""
    DEPTH = "depth"
    """A limit on the length of a queue, or the length that was told, was wrong."""
    REPETITION = "repetition"
    """A dequeue that was repeated with its `attempt_id` did not give its jobs again."""
    ATTEMPTS = "attempts"
    """`attempt` or `requeues_remaining` did not move as promised."""
    REDELIVERY = "redelivery"
    """A job was leased again before its lease had expired or was handed back."""
    LOSS = "loss"
    """A job that was acknowledged is gone."""
    DOUBLING = "doubling"
    """There are more jobs than were enqueued, or one that was over came back."""
    PAYLOAD = "payload"
    """A job came with another payload, or other fields, than it was enqueued with."""
    AMENDING = "amending"
    """A change of a single job, or a look at one, had another outcome than it must have."""
    DELAY = "delay"
    """A job was served before its time."""
    TTL = "ttl"
    """A job was served though its ttl had passed."""
    RECLAIM = "reclaim"
    """Expired leases were not ended as they must be, or it was told wrongly."""
    COUNTS = "counts"
    """Lengths or minute counts were wrong."""
    WAKING = "waking"
    """A watcher was not woken in time for a job, or was woken after it had left."""
    LISTING = "listing"
    """A listing left something out, or showed what was not there, or in another order."""
    LETTERS = "letters"
    """Dead letters were redriven or discarded, numbered or dropped otherwise than they must be."""
    SETTINGS = "settings"
    """Settings, or what is in effect of them, were wrong, or a change of them went wrong."""
    HOLDS = "holds"
    """It was told wrongly what holds a queue or a job, or when a job can go."""
    LEASE_TIMES = "lease times"
    """It was told wrongly how long a lease was held."""
    TOTALS = "totals"
    """The totals of a type were wrong."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken, `what` in words, and the events that show it."""

    rule: Rule
    what: str
    events: tuple[Event, ...]

    def __str__(self) -> str:
        """Return the violation with its events, for a test's report."""
        return "\n    ".join([f"{self.rule.value}: {self.what}", *map(str, self.events)])
