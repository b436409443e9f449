"""The verbs for one item at a time, at an instant `now` (ms), within a transaction."""

import secrets
from collections.abc import Sequence

from sharq_plug.model import (
    ChangeOutcome,
    Delivery,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Finish,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    Setting,
    Settlement,
)
from sharq_sqlite.queue import Queue
from sharq_sqlite.tables import Tables

THIS_JOB = "WHERE type = ? AND queue = ? AND id = ?"
NEXT_JOB = (
    "FROM job WHERE type = ? AND queue = ? AND token IS NULL ORDER BY returned DESC, number LIMIT 1"
)
EXPIRED = "SELECT type, queue, id, token, requeues FROM job WHERE expires_at <= ?"
FIRST_EXPIRED = "ORDER BY expires_at, type, queue, number LIMIT ?"


class Items:
    """What becomes of single jobs."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._soonest: dict[str, int] = {}

    def places_given(self) -> dict[str, int]:
        """Return for each type the first ready since of the places given since the last call."""
        soonest, self._soonest = self._soonest, {}
        return soonest

    def enqueue(self, queue_type: str, job: NewJob, now: int) -> EnqueueResult:
        """Put one job into its queue."""
        queue = self._tables.queue(queue_type, job.queue_id, now)
        length = None if job.max_queued_length is None else queue.waiting
        this_job = (queue_type, job.queue_id, job.job_id)
        is_known = self._tables.one(f"SELECT 1 FROM job {THIS_JOB}", *this_job) is not None
        is_full = job.max_queued_length is not None and queue.waiting >= job.max_queued_length
        if is_full and not is_known:
            return EnqueueResult(EnqueueOutcome.QUEUE_FULL, length)
        number = self._tables.next_number()
        place = queue.place_in_line
        queue.change_interval(job.interval, now=now, number=number)
        if not is_known:
            self._tables.run(
                "INSERT INTO job (type, queue, id, number, payload, requeues) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                *(*this_job, number, job.payload, job.requeue_limit),
            )
            queue.add_waiting(now=now, number=number)
            self._tables.count(queue, now, enqueues=1)
        self._tables.save(queue, now)
        self._note_place(queue, place)
        outcome = EnqueueOutcome.DUPLICATE if is_known else EnqueueOutcome.QUEUED
        return EnqueueResult(outcome, length)

    def configure(self, queue_type: str, change: Setting, now: int) -> ChangeOutcome:
        """Change the interval of one queue."""
        queue = self._tables.queue(queue_type, change.queue_id, now)
        if not queue.exists:
            return ChangeOutcome.UNKNOWN
        self._change_interval(queue, change.interval, now)
        return ChangeOutcome.CHANGED

    def set_places_anew(self, now: int, limit: int) -> int:
        """Move up to `limit` places that a clock that stepped back left too far ahead."""
        queues = self._tables.too_far_ahead(now, limit)
        for queue in queues:
            queue.bring_last_back(now)
            self._change_interval(queue, queue.interval, now)
        return len(queues)

    def first_ready(self, queue_type: str, now: int) -> Queue | None:
        """Return the first queue in line, if it is ready."""
        queue = self._tables.first_in_line(queue_type)
        return queue if queue and queue.ready_since <= now else None

    def next_size(self, queue: Queue) -> int:
        """Return how many bytes the next job of a queue in line has."""
        [size] = self._tables.the(f"SELECT length(payload) {NEXT_JOB}", queue.type, queue.id)
        return int(size)

    def serve(self, queue: Queue, lease_time: int, now: int) -> Delivery:
        """Lease the next job of a queue in line."""
        job_id, payload, attempts, requeues = self._tables.the(
            f"SELECT id, payload, attempts, requeues {NEXT_JOB}", queue.type, queue.id
        )
        job = Delivery(
            queue_id=queue.id,
            job_id=job_id,
            payload=payload,
            token=secrets.token_urlsafe(12),
            attempt=attempts + 1,
            expires_at=now + lease_time,
            requeues_remaining=requeues,
            queue_length=queue.waiting - 1,
        )
        self._tables.run(
            f"UPDATE job SET token = ?, attempts = ?, expires_at = ? {THIS_JOB}",
            *(job.token, job.attempt, job.expires_at, queue.type, queue.id, job_id),
        )
        queue.serve(now=now, number=self._tables.next_number())
        self._tables.count(queue, now, dequeues=1)
        self._tables.save(queue, now)
        return job

    def repeat(self, queue_type: str, attempt_id: str, now: int) -> list[Delivery]:
        """Return what an attempt got: those leases that still stand and have not expired."""
        rows = self._tables.run(
            "SELECT job.queue, job.id, payload, job.token, attempts, expires_at, requeues, waiting "
            "FROM attempt JOIN job ON job.type = attempt.type AND job.queue = attempt.queue "
            "AND job.id = attempt.job AND job.token = attempt.token "
            "JOIN queue ON queue.type = job.type AND queue.id = job.queue "
            "WHERE attempt.type = ? AND attempt.id = ? AND until > ? ORDER BY attempt.number",
            *(queue_type, attempt_id, now),
        )
        return [Delivery(*row) for row in rows]

    def remember(self, queue_type: str, attempt_id: str, jobs: Sequence[Delivery]) -> None:
        """Keep what an attempt got."""
        for job in jobs:
            self._tables.run(
                "INSERT INTO attempt (type, id, queue, job, token, until) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                *(queue_type, attempt_id, job.queue_id, job.job_id, job.token, job.expires_at),
            )

    def next_ready_at(self, queue_type: str, now: int) -> int | None:
        """Return when a job of the type could be ready, as things are."""
        queue = self._tables.first_in_line(queue_type)
        [expiry] = self._tables.the("SELECT min(expires_at) FROM job WHERE type = ?", queue_type)
        instants = [] if queue is None else [queue.ready_since]
        instants += [] if expiry is None else [expiry]
        return max(now, min(instants)) if instants else None

    def settle(self, queue_type: str, item: Settlement, now: int) -> LeaseOutcome:
        """Do what a worker says of one lease."""
        outcome = self._judge(queue_type, item.lease)
        if outcome is LeaseOutcome.ENDED:
            if isinstance(item, Finish):
                self._remove(queue_type, item.lease.queue_id, item.lease.job_id, now)
                self._keep_receipt(queue_type, item, now)
            else:
                self._come_back(queue_type, item.lease.queue_id, item.lease.job_id, now, cost=0)
        elif isinstance(item, Finish) and self._has_receipt(queue_type, item.lease, now):
            return LeaseOutcome.ENDED
        return outcome

    def end_leases(self, now: int, limit: int, of_type: str | None = None) -> list[EndedLease]:
        """End up to `limit` expired leases, of one type or of all; the first to expire first."""
        if of_type is None:
            expired = self._tables.run(f"{EXPIRED} {FIRST_EXPIRED}", now, limit)
        else:
            expired = self._tables.run(
                f"{EXPIRED} AND type = ? {FIRST_EXPIRED}", now, of_type, limit
            )
        ended = []
        for queue_type, queue_id, job_id, token, requeues in expired.fetchall():
            if requeues == 0:
                self._die(queue_type, queue_id, job_id, now)
            else:
                self._come_back(queue_type, queue_id, job_id, now, cost=int(requeues > 0))
            ended.append(EndedLease(queue_type, queue_id, job_id, token, requeues == 0))
        return ended

    def _change_interval(self, queue: Queue, interval: int, now: int) -> None:
        place = queue.place_in_line
        queue.change_interval(interval, now=now, number=self._tables.next_number())
        self._tables.save(queue, now)
        self._note_place(queue, place)

    def _come_back(
        self, queue_type: str, queue_id: str, job_id: str, now: int, *, cost: int
    ) -> None:
        """Let a leased job wait again; this costs it `cost` requeues."""
        self._tables.run(
            "UPDATE job SET token = NULL, expires_at = NULL, returned = 1, "
            f"requeues = requeues - ? {THIS_JOB}",
            *(cost, queue_type, queue_id, job_id),
        )
        queue = self._tables.queue(queue_type, queue_id, now)
        queue.leased -= 1
        place = queue.place_in_line
        queue.add_waiting(now=now, number=self._tables.next_number())
        self._tables.save(queue, now)
        self._note_place(queue, place)

    def _die(self, queue_type: str, queue_id: str, job_id: str, now: int) -> None:
        """Make a leased job a dead letter."""
        self._tables.run(
            "INSERT INTO dead (type, queue, id, payload, attempts, died_at, reason) "
            f"SELECT type, queue, id, payload, attempts, ?, ? FROM job {THIS_JOB}",
            *(now, "requeues_exhausted", queue_type, queue_id, job_id),
        )
        self._remove(queue_type, queue_id, job_id, now)

    def _keep_receipt(self, queue_type: str, finish: Finish, now: int) -> None:
        ref = finish.lease
        if ref.token is not None:
            self._tables.run(
                "INSERT INTO receipt VALUES (?, ?, ?, ?, ?)",
                *(queue_type, ref.queue_id, ref.job_id, ref.token, now + finish.receipt_time),
            )

    def _has_receipt(self, queue_type: str, ref: LeaseRef, now: int) -> bool:
        receipt = self._tables.one(
            f"SELECT 1 FROM receipt {THIS_JOB} AND token = ? AND until >= ?",
            *(queue_type, ref.queue_id, ref.job_id, ref.token, now),
        )
        return receipt is not None

    def _note_place(self, queue: Queue, before: tuple[int, int] | None) -> None:
        if queue.place_in_line not in (None, before):
            soonest = self._soonest.get(queue.type, queue.ready_since)
            self._soonest[queue.type] = min(soonest, queue.ready_since)

    def _remove(self, queue_type: str, queue_id: str, job_id: str, now: int) -> None:
        self._tables.run(f"DELETE FROM job {THIS_JOB}", queue_type, queue_id, job_id)
        queue = self._tables.queue(queue_type, queue_id, now)
        queue.leased -= 1
        self._tables.save(queue, now)

    def _judge(self, queue_type: str, ref: LeaseRef) -> LeaseOutcome:
        this_job = (queue_type, ref.queue_id, ref.job_id)
        job = self._tables.one(f"SELECT token FROM job {THIS_JOB}", *this_job)
        if job and job[0] is not None and ref.token in (None, job[0]):
            return LeaseOutcome.ENDED
        known = job or self._tables.one(f"SELECT 1 FROM dead {THIS_JOB}", *this_job)
        return LeaseOutcome.STALE if known and ref.token is not None else LeaseOutcome.UNKNOWN
