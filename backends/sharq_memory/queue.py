"""One queue: its jobs, waiting and leased, and what it owes.

Neither jobs nor queues are ever part of a reference cycle. So they are kept from the cyclic
collector (`gc=False`), which would otherwise stop the process to visit each of millions.
"""

from collections.abc import Iterator

from msgspec import Struct, field

from sharq_memory.entries import Entries, with_entry, without_entry
from sharq_memory.tally import Tally
from sharq_plug.model import Delivery

RETURNED = 2**52
"""A job that came back stands at its number less this: before all that were never delivered."""


class Job(Struct, gc=False, eq=False):
    """A job that waits (`token` is None) or is leased."""

    job_id: str
    payload: bytes
    requeues: int
    place: int
    attempt: int = 0
    token: str | None = None
    expires_at: int = 0

    @property
    def number(self) -> int:
        """The job's number, which it keeps for life."""
        return self.place % RETURNED


class Queue(Struct, gc=False, eq=False):
    """The jobs of a queue, what it owes, and its place in the line of its type.

    Most queues hold one waiting job at a time, so the first stands by itself.
    """

    queue_id: str
    interval: int = 0
    last: int | None = None
    """Its latest dequeue, if anything may be owed for it (see `limits`)."""
    tally: Tally = field(default_factory=Tally)
    jobs: dict[str, Job] = field(default_factory=dict)
    head: Job | None = None
    rest: Entries | None = None
    """(place, job), all behind the head."""
    leases: Entries | None = None
    """(expires at, number, job)."""
    ready_since: int | None = None
    """Its place in line, while a job waits."""
    place_number: int = 0
    expiring: int | None = None
    """The expiry under which the type lists this queue."""
    looked_at: int | None = None
    """When the type looks whether this queue can be forgotten."""

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return (self.head is not None) + (0 if self.rest is None else len(self.rest))

    @property
    def leased(self) -> int:
        """How many jobs are leased."""
        return 0 if self.leases is None else len(self.leases)

    def waiting_jobs(self) -> Iterator[Job]:
        """Iterate over the waiting jobs, the first one first."""
        if self.head is not None:
            yield self.head
        for _, job in self.rest or ():
            yield job

    def add_waiting(self, job: Job) -> None:
        """Let `job` stand where its place is."""
        self.jobs[job.job_id] = job
        if self.head is None:
            self.head = job
            return
        if job.place < self.head.place:
            self.head, job = job, self.head
        self.rest = with_entry(self.rest, (job.place, job))

    def pop_waiting(self) -> Job:
        """Take the first waiting job out of the line."""
        job = self.head
        if job is None:
            raise LookupError(f"nothing waits in {self.queue_id}")
        if self.rest is None:
            self.head = None
        else:
            _, self.head = self.rest.pop(0)
            self.rest = self.rest or None
        return job

    def add_lease(self, job: Job) -> None:
        """Count `job`, whose token and expiry are set, among the leased."""
        entry = (job.expires_at, job.place % RETURNED, job)
        self.leases = [entry] if self.leases is None else with_entry(self.leases, entry)

    def end_lease(self, job: Job) -> None:
        """Take the lease from `job`."""
        if self.leases is not None and len(self.leases) > 1:
            self.leases = without_entry(self.leases, (job.expires_at, job.number, job))
        else:
            self.leases = None
        job.token = None

    def first_lease(self) -> Job:
        """Return the leased job that expires first, the lower number first among equals."""
        if self.leases is None:
            raise LookupError(f"nothing is leased in {self.queue_id}")
        job: Job = self.leases[0][2]
        return job

    def delivery(self, job: Job) -> Delivery:
        """Return `job`, which is leased, as a worker gets it."""
        return Delivery(
            self.queue_id,
            job.job_id,
            job.payload,
            job.token or "",
            job.attempt,
            job.expires_at,
            job.requeues,
            self.waiting,
        )
