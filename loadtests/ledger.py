"""What a load knows of its jobs, and the rules that the answers must keep.

Bookkeeping alone: it sends nothing and reads no clock. A request without an answer may have been
done or not, and breaks no rule.

These rules overlap with those of `sharq_plug.testing.model_check`. That judges a whole history,
which takes 2.5 KB for each job until the end, and needs a clock that agrees with the store's. A
load may last for days, on a machine with another clock, and reports a broken rule at once. So the
ledger keeps only jobs that are not over, and compares instants of one clock at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from loadtests.queues import Delivery, Queue, Window
from support.wire_schema import DeliveryBody

QUEUED, DONE = 201, 200
"""Statuses of a job that was enqueued, and of one that was finished."""
NAMED = 5
"""Lost jobs of a queue that are named."""


class Rule(Enum):
    """The rules, as sentences that hold when all is well."""

    RATE = "no job is early"
    REDELIVERY = "no job comes twice while its lease stands"
    LOSS = "no acknowledged job is lost"
    DOUBLING = "no job comes that is over, or never was"
    FENCING = "the lease that stands can be finished, and no other"
    PAYLOAD = "payloads come out as they went in"


Report: TypeAlias = Callable[[Rule, str], None]


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that a worker holds. `sent` is when the worker asked for it, by the load's clock."""

    queue_id: str
    job_id: str
    token: str
    expires_at: int
    sent: float


@dataclass(slots=True)
class Job:
    """A job that is not known to be over; `finishes` counts finishes under way."""

    queue_id: str
    is_acknowledged: bool = False
    finishes: int = 0
    lease: Lease | None = None


@dataclass(slots=True)
class Tally:
    """How much was checked."""

    acknowledged: int = 0
    refused: int = 0
    delivered: int = 0
    redelivered: int = 0
    finished: int = 0
    changes: int = 0


def payload_of(job_id: str) -> bytes:
    """Return the payload of a job: about 100 bytes."""
    return b'{"job": "%b", "text": "%b"}' % (job_id.encode(), b"x" * 76)


class Ledger:
    """Follow every job of a load from its enqueue to its finish.

    `lease_time` is how long the server's leases last, in ms.
    """

    def __init__(self, queues: Sequence[Queue], *, lease_time: int, report: Report) -> None:
        self.queues = {queue.queue_id: queue for queue in queues}
        self.tally = Tally()
        self._lease_time = lease_time
        self._report = report
        self._jobs: dict[str, Job] = {}

    def enqueueing(self, queue_id: str, job_id: str) -> None:
        """Note that a job is being enqueued."""
        queue = self.queues[queue_id]
        queue.enqueues += 1
        queue.jobs += 1
        self._jobs[job_id] = Job(queue_id)

    def enqueued(self, queue_id: str, job_id: str, code: int) -> None:
        """Note how an enqueue was answered."""
        self.queues[queue_id].enqueues -= 1
        if code == QUEUED:
            self.tally.acknowledged += 1
            if job := self._jobs.get(job_id):
                job.is_acknowledged = True
        else:
            self.tally.refused += 1
            self._forget(job_id)

    def delivered(self, found: DeliveryBody, window: Window) -> Lease:
        """Check a job that came, and return its lease."""
        lease = Lease(found.queue_id, found.job_id, found.lease, found.expires_at, window.sent)
        self.tally.delivered += 1
        self._check_rate(lease, window)
        job = self._jobs.get(found.job_id)
        if job is None or job.queue_id != found.queue_id:
            self._report(Rule.DOUBLING, f"{_name(lease)} came, but it is over, or never was")
            return lease
        if bytes(found.payload) != payload_of(found.job_id):
            self._report(Rule.PAYLOAD, f"{_name(lease)} came with {bytes(found.payload)!r}")
        if job.lease is not None:
            self._check_redelivery(job.lease, lease)
        if job.lease is None or job.lease.expires_at < lease.expires_at:
            job.lease = lease
        return lease

    def finishing(self, lease: Lease) -> None:
        """Note that a lease is being finished."""
        if job := self._jobs.get(lease.job_id):
            job.finishes += 1

    def finished(self, lease: Lease, code: int, answered: float) -> None:
        """Check how a finish was answered."""
        job = self._jobs.get(lease.job_id)
        if job is not None:
            job.finishes -= 1
        if code == DONE:
            self.tally.finished += 1
            if job is None or job.lease is not lease:
                self._report(Rule.FENCING, f"{_name(lease)} was finished, but its lease was over")
            self._forget(lease.job_id)
        elif (answered - lease.sent) * 1000 < self._lease_time:
            self._report(
                Rule.FENCING,
                f"a finish of {_name(lease)} was answered {code}, though its lease stood",
            )

    def held(self) -> list[Lease]:
        """Return the latest lease of every job that was delivered and is not over."""
        return [job.lease for job in self._jobs.values() if job.lease is not None]

    def outstanding(self) -> dict[str, list[str]]:
        """Return the ids of the acknowledged jobs that cannot be over, by queue."""
        found: dict[str, list[str]] = {}
        for job_id, job in self._jobs.items():
            if job.is_acknowledged and not job.finishes:
                found.setdefault(job.queue_id, []).append(job_id)
        return found

    def counted(self, queue_id: str, jobs: Sequence[str], there: int) -> None:
        """Check that the outstanding jobs of a queue are there, as many as it says it has."""
        if len(jobs) > there:
            names = ", ".join(jobs[:NAMED]) + (", ..." if len(jobs) > NAMED else "")
            self._report(
                Rule.LOSS,
                f"queue {queue_id} must still have {len(jobs)} jobs ({names}), and has {there}",
            )

    def _forget(self, job_id: str) -> None:
        if job := self._jobs.pop(job_id, None):
            self.queues[job.queue_id].jobs -= 1

    def _check_rate(self, lease: Lease, window: Window) -> None:
        queue = self.queues.get(lease.queue_id)
        if queue is None:
            return
        instant = lease.expires_at - self._lease_time
        interval = queue.shortest_interval(window)
        for earlier, later in queue.deliver(Delivery(instant, interval, lease.job_id)):
            self._report(
                Rule.RATE,
                f"queue {queue.queue_id}, interval {later.interval} ms, gave {earlier.job_id} and "
                f"{later.job_id} within {later.instant - earlier.instant} ms, at {later.instant}",
            )

    def _check_redelivery(self, one: Lease, other: Lease) -> None:
        self.tally.redelivered += 1
        gap = abs(other.expires_at - one.expires_at)
        if gap < self._lease_time:
            self._report(
                Rule.REDELIVERY,
                f"{_name(one)} came twice within {gap} ms, with leases of {self._lease_time} ms",
            )


def _name(lease: Lease) -> str:
    return f"job {lease.job_id} of queue {lease.queue_id}"
