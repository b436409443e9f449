"""One load: its own queue type, what it knows of its jobs, and how it ends."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from locust.contrib.fasthttp import FastHttpSession

from loadtests.calls import Calls, ask
from loadtests.ledger import DONE, Ledger, Rule
from loadtests.queues import Queue
from support import wire_schema

logger = logging.getLogger(__name__)

INTERVALS = (0, 5, 20, 50, 100, 500, 2000, 10_000)
"""ms; every queue begins with one of them, in turn."""
PROBE = "probe"
PROBE_INTERVAL = 1000
MOST = 1000
"""Jobs in a request, at most."""
AT_ONCE = 16
"""Requests under way while the load is being settled."""
TRY = 0.001
"""Seconds between two tries to find a fit queue."""
PATIENCE = 60.0
"""Seconds after which the jobs left are counted, not taken."""
SHOWN = 10
"""Violations of a rule that are reported one by one."""
UNCOUNTED = "The server does not answer, so the jobs cannot be counted."

T = TypeVar("T")


class Requests(Protocol):
    """Locust's event for requests; its statistics come from it."""

    def fire(self, **fields: Any) -> None:
        """Tell of a request."""


class FailuresOnly:
    """Report only failed requests: setting up and settling is no part of the load."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def fire(self, **fields: Any) -> None:
        """Tell of a request."""
        if fields["exception"] is not None:
            self._requests.fire(**fields)


class CannotLoad(Exception):
    """The server does not answer, or the checks cannot use its answers."""


class Violation(Exception):
    """A rule was broken."""


class Verdict:
    """Show what the checks found as requests that succeed or fail, among locust's results."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._broken: Counter[Rule] = Counter()

    def report(self, rule: Rule, what: str) -> None:
        """Count a violation, and log it unless there were many."""
        self._broken[rule] += 1
        if self._broken[rule] > SHOWN:
            what = "and more like these"
        else:
            logger.error("Not true that %s: %s", rule.value, what)
        self._fire(rule, Violation(what))

    def conclude(self) -> bool:
        """Report each kept rule as a success; return whether all were kept."""
        for rule in Rule:
            if rule not in self._broken:
                self._fire(rule, None)
        return not self._broken

    def _fire(self, rule: Rule, exception: Violation | None) -> None:
        self._requests.fire(
            request_type="CHECK",
            name=rule.value,
            response_time=None,
            response_length=0,
            exception=exception,
            context={},
        )


class Load:
    """Put load on the server at `host`, on so many queues of a type that nobody else uses.

    `requests` is locust's event, to which everything is reported. Raises CannotLoad.
    """

    def __init__(self, host: str, requests: Requests, *, queues: int) -> None:
        self.queue_type = f"load-{uuid4().hex}"
        self._session = FastHttpSession(
            host, FailuresOnly(requests), user=None, concurrency=AT_ONCE
        )
        self.verdict = Verdict(requests)
        self.lease_time = self._find_lease_time()
        self._queues = [Queue.made(f"q{n}", INTERVALS[n % len(INTERVALS)]) for n in range(queues)]
        self.ledger = Ledger(self._queues, lease_time=self.lease_time, report=self.verdict.report)
        self._calls = self.calls(self._session)
        self._began = time.monotonic()

    def calls(self, session: FastHttpSession) -> Calls:
        """Return the calls of a client of this load."""
        return Calls(session, self.queue_type, self.ledger)

    def pick(self, is_fit: Callable[[Queue], bool]) -> Queue:
        """Return a random queue that fits."""
        while not is_fit(queue := random.choice(self._queues)):
            time.sleep(TRY)
        return queue

    def __str__(self) -> str:
        """Return the progress of the load."""
        tally = self.ledger.tally
        rate = tally.delivered / (time.monotonic() - self._began)
        return (
            f"{tally.acknowledged} jobs acknowledged, {tally.refused} refused as their queue was "
            f"full; {tally.delivered} delivered ({rate:.0f} a second), {tally.redelivered} of them "
            f"again; {tally.changes} changes of an interval; leases of {self.lease_time} ms"
        )

    def settle(self) -> bool:
        """Finish every job, count those that cannot be dequeued, and clear all queues.

        Return whether every rule was kept. Raises CannotLoad.
        """
        self._existing_queues()
        self._lift_the_rates()
        self._finish_all()
        _for_each(self.ledger.outstanding().items(), self._count)
        _for_each(self._existing_queues(), self._calls.clear)
        return self.verdict.conclude()

    def _existing_queues(self) -> list[str]:
        found = self._calls.queue_ids()
        if found is None:
            raise CannotLoad(UNCOUNTED)
        return found

    def _count(self, outstanding: tuple[str, list[str]]) -> None:
        queue_id, jobs = outstanding
        there = self._calls.jobs_in(queue_id)
        if there is None:
            raise CannotLoad(UNCOUNTED)
        self.ledger.counted(queue_id, jobs, there)

    def _lift_the_rates(self) -> None:
        queues = map(self.ledger.queues.__getitem__, self.ledger.outstanding())
        limited = [queue for queue in queues if queue.interval or queue.is_changing]
        _for_each(limited, lambda queue: self._calls.change_interval(queue, 0))

    def _finish_all(self) -> None:
        held = self.ledger.held()
        for first in range(0, len(held), MOST):
            self._calls.finish_many(held[first : first + MOST])
        deadline = time.monotonic() + PATIENCE
        while self.ledger.outstanding() and time.monotonic() < deadline:
            leases = self._calls.dequeue_many(MOST)
            if not leases:
                return
            self._calls.finish_many(leases)

    def _find_lease_time(self) -> int:
        """Return how long leases last, in ms: a server does not say it, but its answers do.

        Of two jobs in a queue one is leased, until `expires_at`; the other is ready an interval
        after that dequeue, at `next_ready_at`.
        """
        fields = {"queue_id": PROBE, "interval": PROBE_INTERVAL, "payload": None}
        jobs = [fields | {"job_id": job_id} for job_id in ("1", "2")]
        self._need("POST", "enqueue", wire_schema.ENQUEUE_MANY, {"jobs": jobs})
        first, leased = self._need("GET", "dequeue", wire_schema.DEQUEUE_ONE)
        second, empty = self._need("GET", "dequeue", wire_schema.DEQUEUE_ONE)
        self._need(
            "DELETE", "deletequeue", wire_schema.CLEAR, {"purge_all": True}, queue=f"{PROBE}/"
        )
        if first != DONE or second == DONE or empty.next_ready_at is None:
            raise CannotLoad("Of two jobs one must be ready, one not: is the server far away?")
        dequeued_at = empty.next_ready_at - PROBE_INTERVAL
        lease_time: int = leased.expires_at - dequeued_at
        if lease_time <= PROBE_INTERVAL:
            raise CannotLoad(f"Leases must last longer than {PROBE_INTERVAL} ms.")
        return lease_time

    def _need(
        self,
        method: str,
        verb: str,
        answers: wire_schema.Answers,
        body: object = None,
        queue: str = "",
    ) -> tuple[int, Any]:
        path = f"/{verb}/{self.queue_type}/{queue}"
        answer = ask(self._session, method, path, answers, body, name=f"{verb}, to begin with")
        if answer is None:
            raise CannotLoad(f"The server does not answer {method} {path} as it should.")
        return answer


def _for_each(items: Iterable[T], do: Callable[[T], None]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:  # locust has made greenlets of all threads
        for _ in pool.map(do, items):
            pass
