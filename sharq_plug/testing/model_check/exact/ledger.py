"""The facts that a sequential history leaves behind, of one queue type, as the contract reads.

The ledger is told what happened, and never asks a store. It looks at everything to find anything.
"""

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import assert_never

from msgspec.structs import replace

from sharq_plug.model import (
    Delivery,
    EndedLease,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    SetInterval,
    Setting,
)


@dataclass(slots=True)
class Life:
    """A job from its enqueue until it is finished, dead or cleared."""

    new: NewJob
    number: int
    requeues: int
    attempt: int = 0
    returned: bool = False
    token: str | None = None
    expires_at: int = 0


@dataclass(slots=True)
class QueueFacts:
    """A queue, or what it left behind. `place` is (ready since, place number), if a job waits."""

    queue_id: str
    interval: int = 0
    last: int | None = None
    place: tuple[int, int] | None = None
    lives: dict[str, Life] = field(default_factory=dict)

    @property
    def allowed_at(self) -> int:
        """Return the instant (ms) from which on the rate allows a dequeue."""
        return 0 if self.last is None else self.last + self.interval

    @property
    def waiting(self) -> list[Life]:
        """Return the jobs that wait, the first one first."""
        lives = [life for life in self.lives.values() if life.token is None]
        return sorted(lives, key=lambda life: (not life.returned, life.number))

    @property
    def leased(self) -> list[Life]:
        """Return the jobs that are leased."""
        return [life for life in self.lives.values() if life.token is not None]


class TypeLedger:
    """The jobs, leases, receipts and places of one queue type."""

    def __init__(self) -> None:
        self.queues: dict[str, QueueFacts] = {}
        self.dead: Counter[tuple[str, str]] = Counter()
        self._receipts: dict[LeaseRef, int] = {}
        self._attempts: dict[str, tuple[Delivery, ...]] = {}
        self._numbers = itertools.count(1)
        self._sooner: dict[str, int] = {}

    def queue(self, queue_id: str) -> QueueFacts:
        """Return the facts of a queue, empty ones if nothing is known of it."""
        return self.queues.get(queue_id) or QueueFacts(queue_id)

    def existing(self) -> set[str]:
        """Return the queues that exist."""
        return {queue_id for queue_id, queue in self.queues.items() if queue.lives}

    def first_ready(self, now: int) -> str | None:
        """Return the queue that the next dequeue at `now` (ms) must serve."""
        first = self._first_place()
        return first[1] if first is not None and first[0] <= now else None

    def next_ready_at(self) -> tuple[int | None, int | None]:
        """Return the earliest and the latest instant (ms) that a short dequeue may name.

        No job can be ready before a queue's place says so or a lease expires: that is the
        earliest. A job surely is ready when a place says so, or when a lease has expired, leaves
        a requeue and its queue's rate allows: that is the latest. None is never.
        """
        first = self._first_place()
        places = [] if first is None else [first[0]]
        leases = [(queue, life) for queue in self.queues.values() for life in queue.leased]
        earliest = [*places, *(life.expires_at for _, life in leases)]
        latest = [
            *places,
            *(max(life.expires_at, queue.allowed_at) for queue, life in leases if life.requeues),
        ]
        return min(earliest, default=None), min(latest, default=None)

    def expired(self, now: int) -> list[Life]:
        """Return the jobs whose leases have expired at `now` (ms), in the order of their ends."""
        leased = [life for queue in self.queues.values() for life in queue.leased]
        leased = [life for life in leased if life.expires_at <= now]
        return sorted(leased, key=lambda life: (life.expires_at, life.new.queue_id, life.number))

    def dead_letters(self, queue_id: str) -> int:
        """Return how many dead letters a queue has."""
        return sum(count for (of, _), count in self.dead.items() if of == queue_id)

    def outcome(self, ref: LeaseRef) -> LeaseOutcome:
        """Return what becomes of a claim, receipts aside."""
        life = self.queue(ref.queue_id).lives.get(ref.job_id)
        if life is not None and life.token is not None and ref.token in {None, life.token}:
            return LeaseOutcome.ENDED
        known = life is not None or self.dead[ref.queue_id, ref.job_id] > 0
        return LeaseOutcome.STALE if known and ref.token is not None else LeaseOutcome.UNKNOWN

    def has_receipt(self, ref: LeaseRef, now: int) -> bool:
        """Return whether the receipt of a finish still answers at `now` (ms)."""
        return self._receipts.get(ref, -1) >= now

    def repeated(self, attempt_id: str | None, now: int) -> tuple[Delivery, ...]:
        """Return what a dequeue with this id must give again; nothing if it is a new one."""
        jobs = self._attempts.get(attempt_id or "", ())
        standing = [
            replace(job, queue_length=len(self.queue(job.queue_id).waiting))
            for job in jobs
            if job.expires_at > now and self._is_current(job)
        ]
        return tuple(standing)

    def attempted(self, attempt_id: str, jobs: tuple[Delivery, ...]) -> None:
        """Note what a new dequeue with this id got."""
        self._attempts[attempt_id] = jobs

    def enqueued(self, new: NewJob, now: int) -> None:
        """Note a job that was queued."""
        queue = self.queues.setdefault(new.queue_id, QueueFacts(new.queue_id))
        if not queue.lives and queue.allowed_at <= now:
            queue.last = None
        queue.lives[new.job_id] = Life(new, next(self._numbers), new.requeue_limit)
        self.interval_set(queue, new.interval, now)

    def changed(self, change: Setting, now: int) -> None:
        """Note a change of settings of a queue that exists."""
        queue = self.queue(change.queue_id)
        match change:
            case SetInterval():
                self.interval_set(queue, change.interval, now)
            case _:
                assert_never(change)

    def interval_set(self, queue: QueueFacts, interval: int, now: int) -> None:
        """Note a new interval, and what it does to the queue's place."""
        queue.interval = interval
        self._take_place(queue, now)

    def served(self, life: Life, job: Delivery, now: int) -> None:
        """Note a lease that was given."""
        queue = self.queues[job.queue_id]
        life.token, life.expires_at, life.attempt = job.token, job.expires_at, job.attempt
        queue.last = now
        self._take_place(queue, now, is_served=True)

    def finished(self, ref: LeaseRef, until: int) -> None:
        """Note a lease that a finish ended; its receipt answers until then (ms)."""
        del self.queues[ref.queue_id].lives[ref.job_id]
        if ref.token is not None:
            self._receipts[ref] = until

    def came_back(self, life: Life, now: int) -> None:
        """Note a job that waits again."""
        life.token, life.returned = None, True
        self._take_place(self.queues[life.new.queue_id], now)

    def lease_ended(self, queue_type: str, life: Life, now: int) -> EndedLease:
        """Note an expired lease that was ended, and return what must be said of it."""
        queue_id, job_id = life.new.queue_id, life.new.job_id
        ended = EndedLease(queue_type, queue_id, job_id, life.token or "", life.requeues == 0)
        if ended.is_dead:
            del self.queues[queue_id].lives[job_id]
            self.dead[queue_id, job_id] += 1
        else:
            life.requeues -= life.requeues > 0
            self.came_back(life, now)
        return ended

    def cleared(self, queue_id: str, *, purge: bool) -> None:
        """Note a clearing."""
        queue = self.queue(queue_id)
        queue.lives.clear()
        queue.place = None
        if purge:
            for letter in [letter for letter in self.dead if letter[0] == queue_id]:
                del self.dead[letter]

    def made_sooner(self) -> list[int]:
        """Return the instants (ms) that watchers must be told of since this was last called.

        From each of them on a job may be ready, and that was not foreseen.
        """
        sooner, self._sooner = self._sooner, {}
        return list(sooner.values())

    def _is_current(self, job: Delivery) -> bool:
        life = self.queue(job.queue_id).lives.get(job.job_id)
        return life is not None and life.token == job.token

    def _first_place(self) -> tuple[int, str] | None:
        """Return the lowest place's ready since, and whose it is."""
        line = [(queue.place, queue_id) for queue_id, queue in self.queues.items() if queue.place]
        if not line:
            return None
        (ready_since, _), queue_id = min(line)
        return ready_since, queue_id

    def _take_place(self, queue: QueueFacts, now: int, *, is_served: bool = False) -> None:
        """Give a queue its place after a change, row by row as the contract has it."""
        before, allowed_at = queue.place, queue.allowed_at
        if not queue.waiting:
            queue.place = None
        elif is_served or before is None:
            queue.place = (max(now, allowed_at), next(self._numbers))
        elif allowed_at > now:
            queue.place = (allowed_at, before[1])
        elif before[0] > now:
            queue.place = (now, next(self._numbers))
        after = queue.place
        if is_served or after is None:
            self._sooner.pop(queue.queue_id, None)
        elif before is None or after[0] < before[0]:
            self._sooner[queue.queue_id] = after[0]
