"""Requests to a server: the answers are checked, and go into the ledger."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from locust.contrib.fasthttp import FastHttpSession

from loadtests.ledger import DONE, Lease, Ledger, payload_of
from loadtests.queues import Queue, Window
from support import wire_schema
from support.wire_schema import Answers, NothingReady, UnexpectedAnswer

MAX_QUEUED_LENGTH = 20
"""Jobs that a queue may hold, so that slow queues do not fill the server."""
FOR_EVER = -1
NO_ANSWER = 0
"""The status that locust gives a request without an answer."""
PAUSE = 1.0
"""Seconds that a client pauses after no answer or an unexpected one."""

_encode = msgspec.json.encode
_job_numbers = itertools.count()


def ask(
    session: FastHttpSession,
    method: str,
    path: str,
    answers: Answers,
    body: object = None,
    *,
    name: str,
    results: int | None = None,
) -> tuple[int, Any] | None:
    """Return status and body of an answer; None if there was none or an unexpected one.

    The request counts under its `name`; a dequeue that found nothing counts by itself.
    """
    data = "" if body is None else _encode(body).decode()
    found = None
    with session.request(method, path, name=name, data=data, catch_response=True) as response:
        status = response.status_code
        if status != NO_ANSWER:
            try:
                found = wire_schema.read(answers, status, response.content or b"", results=results)
            except UnexpectedAnswer as error:
                response.failure(f"an unexpected answer: {error}")
            else:
                response.success()
        if isinstance(found, NothingReady):
            response.request_meta["name"] = f"{name}: nothing ready"
    if found is None:
        time.sleep(PAUSE)
        return None
    return status, found


class Calls:
    """The requests of one client, all on one queue type."""

    def __init__(self, session: FastHttpSession, queue_type: str, ledger: Ledger) -> None:
        self._session = session
        self._type = queue_type
        self._ledger = ledger

    def enqueue_one(self, queue: Queue) -> None:
        """Put a job into a queue."""
        job_id = self._new_job(queue)
        job = _new_job_fields(queue, job_id)
        path = f"/enqueue/{self._type}/{queue.queue_id}/"
        answer = self._ask("POST", path, wire_schema.ENQUEUE_ONE, job, name="enqueue, one job")
        if answer is not None:
            self._ledger.enqueued(queue.queue_id, job_id, answer[0])

    def enqueue_many(self, queues: Sequence[Queue]) -> None:
        """Put a job into each of these queues; a queue may occur several times."""
        jobs = [(queue, self._new_job(queue)) for queue in queues]
        fields = [
            {"queue_id": queue.queue_id} | _new_job_fields(queue, job_id) for queue, job_id in jobs
        ]
        path = f"/enqueue/{self._type}/"
        answer = self._ask(
            "POST",
            path,
            wire_schema.ENQUEUE_MANY,
            {"jobs": fields},
            name="enqueue, a batch",
            results=len(jobs),
        )
        if answer is not None:
            for (queue, job_id), result in zip(jobs, answer[1].results, strict=True):
                self._ledger.enqueued(queue.queue_id, job_id, result.code)

    def dequeue_one(self, *, name: str, wait: int | None = None) -> Lease | None:
        """Lease a job; wait for it up to `wait` ms."""
        query = "" if wait is None else f"?wait={wait}"
        sent = time.monotonic()
        answer = self._ask(
            "GET", f"/dequeue/{self._type}/{query}", wire_schema.DEQUEUE_ONE, name=name
        )
        if answer is None or answer[0] != DONE:
            return None
        return self._ledger.delivered(answer[1], Window(sent, time.monotonic()))

    def dequeue_many(self, count: int) -> list[Lease]:
        """Lease up to `count` jobs."""
        sent = time.monotonic()
        path = f"/dequeue/{self._type}/?count={count}"
        answer = self._ask("GET", path, wire_schema.DEQUEUE_MANY, name="dequeue, a batch")
        if answer is None or answer[0] != DONE:
            return []
        window = Window(sent, time.monotonic())
        return [self._ledger.delivered(job, window) for job in answer[1].jobs]

    def finish_one(self, lease: Lease) -> None:
        """Finish a job."""
        self._ledger.finishing(lease)
        path = f"/finish/{self._type}/{lease.queue_id}/{lease.job_id}/"
        body = {"lease": lease.token}
        answer = self._ask("POST", path, wire_schema.FINISH_ONE, body, name="finish, one job")
        if answer is not None:
            self._ledger.finished(lease, answer[0], time.monotonic())

    def finish_many(self, leases: Sequence[Lease]) -> None:
        """Finish jobs."""
        for lease in leases:
            self._ledger.finishing(lease)
        jobs = [
            {"queue_id": lease.queue_id, "job_id": lease.job_id, "lease": lease.token}
            for lease in leases
        ]
        path = f"/finish/{self._type}/"
        answer = self._ask(
            "POST",
            path,
            wire_schema.FINISH_MANY,
            {"jobs": jobs},
            name="finish, a batch",
            results=len(jobs),
        )
        if answer is not None:
            now = time.monotonic()
            for lease, result in zip(leases, answer[1].results, strict=True):
                self._ledger.finished(lease, result.code, now)

    def change_interval(self, queue: Queue, interval: int) -> None:
        """Change the interval of a queue, if it exists."""
        queue.change(interval, time.monotonic())
        path = f"/interval/{self._type}/{queue.queue_id}/"
        answer = self._ask(
            "POST", path, wire_schema.INTERVAL, {"interval": interval}, name="interval"
        )
        if answer is None:
            return
        if answer[0] == DONE:
            queue.changed(time.monotonic())
            self._ledger.tally.changes += 1
        else:
            queue.kept()

    def queue_ids(self) -> list[str] | None:
        """Return the queues of the type that exist, or None without an answer."""
        answer = self._ask(
            "GET", f"/metrics/{self._type}/", wire_schema.TYPE_METRICS, name="metrics"
        )
        return None if answer is None else answer[1].queue_ids

    def jobs_in(self, queue_id: str) -> int | None:
        """Return how many jobs of a queue wait or are leased, or None without an answer."""
        path = f"/metrics/{self._type}/{queue_id}/"
        answer = self._ask("GET", path, wire_schema.QUEUE_METRICS, name="metrics of a queue")
        return None if answer is None else answer[1].queue_length + answer[1].leased

    def clear(self, queue_id: str) -> None:
        """Remove a queue with all it holds."""
        path = f"/deletequeue/{self._type}/{queue_id}/"
        self._ask("DELETE", path, wire_schema.CLEAR, {"purge_all": True}, name="deletequeue")

    def _ask(self, *arguments: Any, **options: Any) -> tuple[int, Any] | None:
        return ask(self._session, *arguments, **options)

    def _new_job(self, queue: Queue) -> str:
        job_id = f"{next(_job_numbers):x}"
        self._ledger.enqueueing(queue.queue_id, job_id)
        return job_id


def _new_job_fields(queue: Queue, job_id: str) -> dict[str, object]:
    return {
        "job_id": job_id,
        "interval": queue.interval,
        "payload": msgspec.Raw(payload_of(job_id)),
        "requeue_limit": FOR_EVER,
        "max_queued_length": MAX_QUEUED_LENGTH,
    }
