"""One queue: its jobs, waiting and leased, and what it owes.

Neither jobs nor queues are ever part of a reference cycle. So they are kept from the cyclic
collector (`gc=False`), which would otherwise stop the process to visit each of millions.
"""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from math import inf
from typing import Any

from msgspec import Struct, field

from sharq_memory.entries import Entries, rank, starting_at, with_entry, without_entry
from sharq_memory.tally import Tally
from sharq_memory.terms import Names, Terms
from sharq_plug.model import Delivery, Extras

RETURNED = 2**48
"""A job that came back stands at its number less this: before all that were never delivered."""
PRIORITY = 2**49
"""How far each step of priority moves a job ahead."""


class Rare(Struct, gc=False, eq=False):
    """What few jobs have: what they brought (`Extras`), and what became of it."""

    extras: Extras
    at: int | None = None
    """When it is due (ms), while it is delayed."""
    ends_at: int | None = None
    """When its ttl has passed (ms)."""
    penalties: int = 0
    """How many of its leases expired, or were failed."""
    last_error: str | None = None
    requeue_limit: int | None = None
    """Its first number of requeues; set once one was spent."""
    due_at: int | None = None
    """When its latest delay was to end (ms)."""


NO_EXTRAS = Extras()


class Job(Struct, gc=False, eq=False):
    """A job that waits, is delayed (`rare.at` is set) or is leased (`token` is set)."""

    job_id: str
    payload: bytes
    requeues: int
    place: int
    enqueued_at: int
    attempt: int = 0
    token: str | None = None
    expires_at: int = 0
    leased_at: int = 0
    rare: Rare | None = None
    charged: Names = ()
    """The shared limits to which its lease is charged."""

    @property
    def number(self) -> int:
        """The job's number, which it keeps for life."""
        return self.place % RETURNED

    @property
    def priority(self) -> int:
        """The job's priority, from 0 to 9."""
        return -((self.place + RETURNED) // PRIORITY)

    @property
    def cost(self) -> Mapping[str, int] | None:
        """How many of each unit it takes, if it says so."""
        return None if self.rare is None else self.rare.extras.cost

    @property
    def requeue_limit(self) -> int:
        """Its first number of requeues."""
        limit = None if self.rare is None else self.rare.requeue_limit
        return self.requeues if limit is None else limit

    def penalize(self) -> int:
        """Spend a requeue; return for how long (ms) the job is to wait for that."""
        if self.requeues > 0:
            limit = self.requeue_limit
            self.rare = self.rare or Rare(NO_EXTRAS)
            self.rare.requeue_limit = limit
            self.requeues -= 1
        rare = self.rare
        if rare is None or rare.extras.requeue_delay is None:
            return 0
        rare.penalties += 1
        return rare.extras.requeue_delay.after(rare.penalties)

    def come_back(self) -> None:
        """Let the job stand before those of its priority that were never delivered."""
        self.place = self.number - RETURNED - self.priority * PRIORITY

    def prioritize(self, priority: int) -> None:
        """Give the job another priority."""
        self.place += (self.priority - priority) * PRIORITY


class Queue(Struct, gc=False, eq=False):
    """The jobs of a queue, what it owes, and its place in the line of its type.

    Most queues hold one waiting job at a time, so the first stands by itself.
    """

    queue_id: str
    interval: int = 0
    last: int | None = None
    """Its latest dequeue, if anything may be owed for it (see `holds`)."""
    tally: Tally = field(default_factory=Tally)
    jobs: dict[str, Job] = field(default_factory=dict)
    head: Job | None = None
    rest: Entries | None = None
    """(place, job), all behind the head."""
    leases: Entries | None = None
    """(expires at, number, job)."""
    delayed: Entries | None = None
    """(due at, less its priority, number, job)."""
    ending: Entries | None = None
    """(end of its ttl, number, job) of all that are not leased and have one."""
    terms: Terms | None = None
    """What it has that is not plain."""
    is_timed: bool = False
    """Whether the type lists when a job of this queue is due, or ends."""
    ready_since: float | None = None
    """Its place in line, while a job waits or is delayed; inf if only an event frees it."""
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
    def unleased(self) -> int:
        """How many jobs wait or are delayed."""
        return len(self.jobs) - self.leased

    def due_jobs(self, now: int) -> int:
        """Return how many delayed jobs are due at `now` (ms): they count as waiting."""
        return 0 if self.delayed is None else rank(self.delayed, (now + 1,))

    def waiting_at(self, now: int) -> int:
        """Return how many jobs wait at `now` (ms), those that are due included."""
        return self.waiting + self.due_jobs(now)

    @property
    def leased(self) -> int:
        """How many jobs are leased."""
        return 0 if self.leases is None else len(self.leases)

    def place(self) -> tuple[float, int]:
        """Return the place in line, which it has."""
        return self.ready_since or 0, self.place_number

    def is_ahead(self, now: int) -> bool:
        """Return whether its place in line lies ahead of `now` (ms)."""
        return self.ready_since is not None and self.ready_since > now

    def foreseen(self) -> float:
        """Return the instant (ms) from which on one of its jobs can be ready, inf if paused."""
        if self.terms is not None and self.terms.limiter.rules.paused:
            return inf
        ready_since = inf if self.ready_since is None else self.ready_since
        return min(ready_since, inf if self.expiring is None else self.expiring)

    def waiting_jobs(self, place: float = -inf) -> Iterator[Job]:
        """Iterate over the waiting jobs from a place on, the first one first."""
        if self.head is not None and self.head.place >= place:
            yield self.head
        for _, job in starting_at(self.rest, (place,)):
            yield job

    def due_from(self, start: tuple[int, ...], now: int) -> Iterator[tuple[Any, ...]]:
        """Iterate over the entries of the delayed jobs that are due at `now` (ms)."""
        return takewhile(lambda entry: entry[0] <= now, starting_at(self.delayed, start))

    def delayed_from(self, start: tuple[int, ...], now: int) -> Iterator[tuple[Any, ...]]:
        """Iterate over the entries of the delayed jobs that are not due at `now` (ms)."""
        return starting_at(self.delayed, max(start, (now + 1,)))

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

    def remove_waiting(self, job: Job) -> None:
        """Take a job that waits out of the line, wherever it stands."""
        if job is self.head:
            self.pop_waiting()
        elif self.rest is not None:
            self.rest = without_entry(self.rest, (job.place, job))

    def add_delayed(self, job: Job, rare: Rare, at: int) -> None:
        """Let `job` wait for its time."""
        self.jobs[job.job_id] = job
        rare.at = rare.due_at = at
        self.delayed = with_entry(self.delayed, (at, -job.priority, job.number, job))

    def position(self, job: Job) -> int:
        """Return how many jobs stand before `job`, which waits or is delayed."""
        if job.rare is not None and job.rare.at is not None and self.delayed is not None:
            entry = (job.rare.at, -job.priority, job.number)
            return self.waiting + rank(self.delayed, entry)
        if job is self.head or self.rest is None:
            return 0
        return 1 + rank(self.rest, (job.place,))

    def remove_delayed(self, job: Job, rare: Rare) -> None:
        """Take a job that is delayed away."""
        if self.delayed is not None:
            entry = (rare.at, -job.priority, job.number, job)
            self.delayed = without_entry(self.delayed, entry)
        rare.at = None

    def list_end(self, job: Job, ends_at: int) -> None:
        """List when the ttl of `job`, which is not leased, has passed (ms)."""
        self.ending = with_entry(self.ending, (ends_at, job.number, job))

    def unlist_end(self, job: Job, ends_at: int) -> None:
        """List that no more."""
        if self.ending is not None:
            self.ending = without_entry(self.ending, (ends_at, job.number, job))

    def first_timer(self) -> int | None:
        """Return when (ms) a delayed job is due or a ttl passes first."""
        firsts = (entries[0][0] for entries in (self.delayed, self.ending) if entries is not None)
        return min(firsts, default=None)

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

    def extend_lease(self, job: Job, expires_at: int) -> None:
        """Let the lease of `job` expire at another instant (ms)."""
        token = job.token
        self.end_lease(job)
        job.token, job.expires_at = token, expires_at
        self.add_lease(job)

    def first_lease(self) -> Job:
        """Return the leased job that expires first, the lower number first among equals."""
        if self.leases is None:
            raise LookupError(f"nothing is leased in {self.queue_id}")
        job: Job = self.leases[0][2]
        return job

    def delivery(self, job: Job, now: int) -> Delivery:
        """Return `job`, which is leased, as a worker gets it at `now` (ms)."""
        waiting = self.waiting if self.delayed is None else self.waiting_at(now)
        common = (
            self.queue_id,
            job.job_id,
            job.payload,
            job.token or "",
            job.attempt,
            job.expires_at,
            job.requeues,
            waiting,
            job.enqueued_at,
        )
        if job.rare is None:
            return Delivery(*common)
        extras = job.rare.extras
        return Delivery(*common, job.priority, extras.cost, extras.headers, job.rare.due_at)
