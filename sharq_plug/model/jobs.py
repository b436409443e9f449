"""Jobs on their way in: what an enqueue brings, and what became of it."""

from enum import Enum

from msgspec import Struct

from sharq_plug.model.names import check_integer, check_interval, check_name

__all__ = [
    "EnqueueOutcome",
    "EnqueueResult",
    "NewJob",
]


class NewJob(Struct, frozen=True, gc=False):
    """A job to be put into a queue.

    `payload` is opaque. `interval` (ms, 0 = no limit) becomes the queue's. `requeue_limit` is
    how often the job may go back after a lease expired, -1 = for ever. With
    `max_queued_length` the job is refused where that many wait already.
    """

    queue_id: str
    job_id: str
    payload: bytes
    interval: int
    requeue_limit: int = -1
    max_queued_length: int | None = None

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        check_name("job_id", self.job_id)
        check_interval(self.interval)
        check_integer("requeue_limit", self.requeue_limit, -1)
        if self.max_queued_length is not None:
            check_integer("max_queued_length", self.max_queued_length, 0)


class EnqueueOutcome(Enum):
    """What became of a new job."""

    QUEUED = "queued"
    DUPLICATE = "duplicate"
    QUEUE_FULL = "queue_full"
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""


class EnqueueResult(Struct, frozen=True, gc=False):
    """The outcome for one new job.

    `queue_length` counts the jobs that waited before it; None unless the job named a
    `max_queued_length`.
    """

    outcome: EnqueueOutcome
    queue_length: int | None = None
