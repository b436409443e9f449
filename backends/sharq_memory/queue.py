"""One queue: its jobs, waiting and leased, and what it must remember of its rate."""

from collections.abc import Iterator

from sortedcontainers import SortedDict, SortedList

from sharq_memory.tally import Tally

RETURNED = 2**52
"""A job that came back stands at its number less this: before all that were never delivered."""


class Job:
    """A job that waits (`token` is None) or is leased."""

    __slots__ = ("attempt", "expires_at", "job_id", "payload", "place", "requeues", "token")

    def __init__(self, job_id: str, payload: bytes, requeues: int, number: int) -> None:
        self.job_id = job_id
        self.payload = payload
        self.requeues = requeues
        self.place = number
        self.attempt = 0
        self.token: str | None = None
        self.expires_at = 0

    @property
    def number(self) -> int:
        """The job's number, which it keeps for life."""
        return self.place % RETURNED


class Queue:
    """The jobs of a queue that exists, its rate, and its place in the line of its type.

    Most queues hold one waiting job at a time, so the first stands by itself and a sorted
    structure is made for a second.
    """

    __slots__ = (
        "expiring",
        "forgotten_from",
        "head",
        "interval",
        "jobs",
        "last",
        "leases",
        "place_number",
        "queue_id",
        "ready_since",
        "rest",
        "tally",
    )

    def __init__(self, queue_id: str) -> None:
        self.queue_id = queue_id
        self.interval = 0
        self.last: int | None = None
        self.tally = Tally()
        self.jobs: dict[str, Job] = {}
        self.head: Job | None = None
        self.rest: SortedDict | None = None  # place -> Job, all behind the head
        self.leases: SortedList | None = None  # (expires at, number, job id)
        self.ready_since: int | None = None  # its place in line, while a job waits
        self.place_number = 0
        self.expiring: int | None = None  # the expiry under which the type lists this queue
        self.forgotten_from = 0  # when an idle queue may be forgotten (ms)

    @property
    def allowed_at(self) -> int:
        """The instant (ms) from which on the rate allows a dequeue."""
        return 0 if self.last is None else self.last + self.interval

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
        if self.rest is not None:
            yield from self.rest.values()

    def add_waiting(self, job: Job) -> None:
        """Let `job` stand where its place is."""
        self.jobs[job.job_id] = job
        if self.head is None:
            self.head = job
            return
        if job.place < self.head.place:
            self.head, job = job, self.head
        if self.rest is None:
            self.rest = SortedDict()
        self.rest[job.place] = job

    def pop_waiting(self) -> Job:
        """Take the first waiting job out of the line."""
        job = self.head
        if job is None:
            raise LookupError(f"nothing waits in {self.queue_id}")
        if self.rest is None:
            self.head = None
        else:
            _, self.head = self.rest.popitem(0)
            if not self.rest:
                self.rest = None
        return job

    def add_lease(self, job: Job) -> None:
        """Count `job`, whose token and expiry are set, among the leased."""
        if self.leases is None:
            self.leases = SortedList()
        self.leases.add((job.expires_at, job.number, job.job_id))

    def end_lease(self, job: Job) -> None:
        """Take the lease from `job`."""
        if self.leases is not None:
            self.leases.discard((job.expires_at, job.number, job.job_id))
            if not self.leases:
                self.leases = None
        job.token = None

    def first_lease(self) -> Job | None:
        """Return the leased job that expires first, the lower number first among equals."""
        return None if self.leases is None else self.jobs[self.leases[0][2]]
