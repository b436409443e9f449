"""Serve requests from a store: fill in defaults, and turn outcomes into errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sharq_plug.errors import ConfigError, InvalidRequest, SharqError, StoreUnavailable
from sharq_plug.model import (
    Cancel,
    Deduplicate,
    Delivery,
    Dequeued,
    Discard,
    EnqueueResult,
    Extended,
    Finish,
    LeaseRef,
    NewJob,
    Redrive,
    Reschedule,
    Retention,
    Setting,
    Settlement,
    Take,
    check_integer,
    check_name,
    receipt_time,
)
from sharq_plug.service.admission import Admission
from sharq_plug.service.calls import StoreCalls
from sharq_plug.service.clearing import Clearing
from sharq_plug.service.deadlines import Deadlines
from sharq_plug.service.figures import TypeFigureReader
from sharq_plug.service.first_contact import FirstContact
from sharq_plug.service.letters import LetterVerb
from sharq_plug.service.lines import Lines
from sharq_plug.service.looking import Looking
from sharq_plug.service.outcomes import (
    amend_outcomes,
    change_outcomes,
    enqueue_outcomes,
    settle_outcomes,
)
from sharq_plug.service.passes import Passes
from sharq_plug.store import DEFAULT_RETENTION, QueueStore

MAX_WAIT = 60_000
"""ms that a dequeue may wait for a job."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Options that hold for every queue of a server. Times are in ms."""

    lease_time: int = 60_000
    """How long a worker may keep a job that it has dequeued, unless it asks for another time."""
    max_lease_time: int = 43_200_000
    """The longest time that it may ask for."""
    idempotency_time: int = 600_000
    """How long a job is remembered under an idempotency key."""
    tend_interval: int = 1000
    """The time between two passes of upkeep."""
    default_requeue_limit: int = -1
    """The requeue limit of jobs that are enqueued without one; -1 is no limit."""
    retention: Retention = DEFAULT_RETENTION
    """How long dead letters are kept, and how many."""
    tends: bool = True
    """Whether this process runs passes of upkeep."""
    max_in_flight: int = 1000
    """Store calls at a time. Further requests are refused with Overloaded."""
    metrics_types: int = 200
    """Types that a scrape shows one by one: the first by name."""
    says_contact: bool = False
    """Whether this process logs if the store answers, and its weaknesses. Of several processes
    that share a store, one should."""


class QueueService:
    """Serve single requests from an open store. Use it as an async context manager.

    A call runs to its end even if its caller is cancelled. Every caller is answered within 5 s,
    or within 5 s after its wait for a job. Jobs that come later are handed back. A call
    that takes many store calls (a whole listing, a clearing) has 5 s for each of them.
    """

    def __init__(self, store: QueueStore, options: ServiceOptions | None = None) -> None:
        self._store = store
        self._options = options or ServiceOptions()
        self._takes: dict[int, Take] = {}
        """Takes without an attempt id or a lease time of their own, by count. They are kept because
        each new one is checked."""
        self._receipt_time = receipt_time(self._options.lease_time)
        self._deadlines = Deadlines()
        admission = Admission(self._options.max_in_flight)
        self._calls = calls = StoreCalls(store, admission=admission, deadlines=self._deadlines)
        self.looking = Looking(store, calls)
        self.figures = TypeFigureReader(store, calls, most_types=self._options.metrics_types)
        self.clearing = Clearing(store, calls)
        self.redriving = LetterVerb(store, calls, change=Redrive, in_range=store.redrive)
        self.discarding = LetterVerb(store, calls, change=Discard, in_range=store.discard)
        self._lines = Lines(store, calls=calls, admission=admission, deadlines=self._deadlines)
        self._passes = Passes(store, self._options.tend_interval, retention=self._options.retention)
        self._first_contact = FirstContact(
            store, says=self._options.says_contact, then=self._start_passes
        )

    async def __aenter__(self) -> Self:
        """Start upkeep once the store answers, if this process runs it."""
        if self._options.tends or self._options.says_contact:
            self._first_contact.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop upkeep, and wait for the store calls under way."""
        await self._first_contact.stop()
        await self._passes.stop()
        await self._lines.close()
        await self._calls.close()
        self._deadlines.close()

    def new_job(self, queue_id: str, *, requeue_limit: int | None = None, **fields: Any) -> NewJob:
        """Return a job from the fields of NewJob; without a requeue limit it gets the default one.

        Raises InvalidRequest.
        """
        if requeue_limit is None:
            requeue_limit = self._options.default_requeue_limit
        return NewJob(queue_id, requeue_limit=requeue_limit, **fields)

    async def enqueue(
        self, queue_type: str, jobs: Sequence[NewJob]
    ) -> list[EnqueueResult | SharqError]:
        """Put up to 1000 jobs into their queues.

        Return for each, in order, its result, or NoInterval, UnknownLimit, QueueFull or
        BrokenQueue. Raises InvalidRequest, Overloaded, StoreUnavailable for all.
        """
        check_name("queue_type", queue_type)
        results = await self._calls.enqueue(queue_type, jobs)
        return enqueue_outcomes(jobs, results)

    async def dequeue(
        self,
        queue_type: str,
        *,
        count: int = 1,
        wait: int = 0,
        attempt_id: str | None = None,
        lease_time: int | None = None,
        queues: Sequence[str] | None = None,
        together: bool = False,
    ) -> Dequeued:
        """Lease up to `count` (1 to 1000) ready jobs of a type, for `lease_time` ms each.

        With `queues` (1 to 100) only jobs of these, with `together` only jobs of one queue.
        If none is ready, wait for the first, up to `wait` ms (at most 60 000). A call with an
        `attempt_id` may be repeated. Without one, the jobs are handed back if the caller is
        cancelled or not answered in time. Raises InvalidRequest, Overloaded,
        StoreUnavailable.
        """
        check_name("queue_type", queue_type)
        if wait:
            check_integer("wait", wait, 0, MAX_WAIT)
        take = None
        is_plain = attempt_id is None and lease_time is None and queues is None and not together
        if is_plain and type(count) is int:
            take = self._takes.get(count)
        if take is None:
            names = None if queues is None else tuple(queues)
            take = Take(count, self._lease_time(lease_time), attempt_id, names, together)
            if is_plain:
                self._takes[count] = take
        return await self._lines.dequeue(queue_type, take, wait=wait)

    async def settle(
        self, queue_type: str, items: Sequence[Settlement]
    ) -> list[bool | Extended | SharqError]:
        """Finish, release, fail or extend up to 1000 leases.

        Return for each, in order, True, or Extended for an Extend; False if there is no such job,
        or no lease of it; StaleLease, NotCharged or BrokenQueue. Raises InvalidRequest, Overloaded,
        StoreUnavailable for all.
        """
        check_name("queue_type", queue_type)
        outcomes = await self._calls.settle(queue_type, items)
        return settle_outcomes(items, outcomes)

    def deduplicate(self, key: str) -> Deduplicate:
        """Return how long this server remembers a job under an idempotency key.

        Raises InvalidRequest.
        """
        return Deduplicate(key, self._options.idempotency_time)

    def finish(self, lease: LeaseRef, actual: Mapping[str, int] | None = None) -> Finish:
        """Return the item of `settle` that ends a lease, with this server's time for receipts.

        `actual` says what the job took, if that is not its cost. Raises InvalidRequest.
        """
        return Finish(lease, self._receipt_time, actual)

    @property
    def waiting_callers(self) -> int:
        """The number of waiting callers for which the store had no job so far."""
        return self._lines.waiting_callers

    def end_waits(self) -> None:
        """Answer every waiting dequeue. Dequeues that still come do not wait."""
        self._lines.end()

    def hand_back(self, queue_type: str, jobs: Sequence[Delivery]) -> None:
        """Release jobs that never reached their worker; do not wait for it.

        If it fails, the jobs come back when their leases expire.
        """
        self._calls.hand_back(queue_type, jobs)

    async def amend(
        self, queue_type: str, changes: Sequence[Cancel | Reschedule]
    ) -> list[bool | SharqError]:
        """Change up to 1000 jobs by their ids.

        Return for each, in order, whether there is such a job, or LeasedJob, DeadJob or
        BrokenQueue. Raises InvalidRequest, Overloaded, StoreUnavailable for all.
        """
        check_name("queue_type", queue_type)
        outcomes = await self._calls.alone(self._store.amend(queue_type, changes))
        return amend_outcomes(changes, outcomes)

    async def configure(
        self, queue_type: str, changes: Sequence[Setting]
    ) -> list[bool | SharqError]:
        """Change settings of queues, of the type or of its shared limits, up to 1000 times.

        Return for each, in order, True, or False for a SetInterval of a queue that does not exist,
        or LimitsSet, UnknownLimit, NoSuchLimit, LimitInUse, SettingsChanged or BrokenQueue. Raises
        InvalidRequest, Overloaded, StoreUnavailable for all.
        """
        check_name("queue_type", queue_type)
        outcomes = await self._calls.alone(self._store.configure(queue_type, changes))
        return change_outcomes(changes, outcomes)

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Check that a dequeue and a finish can run. Raises StoreUnavailable if they cannot.

        With `thorough`, return how the store is weaker than its users may think.
        """
        try:
            return await self._calls.unbounded(self._store.health(thorough=thorough))
        except ConfigError as error:  # the reason was logged at the start
            raise StoreUnavailable(str(error), public="The store cannot be used.") from error

    async def tend(self) -> bool:
        """Do what is due, on every type. Return whether more work is due already.

        Raises what the store raises.
        """
        return await self._passes.once()

    def _lease_time(self, asked: int | None) -> int:
        if asked is None:
            return self._options.lease_time
        most = self._options.max_lease_time
        if type(asked) is not int or not 1 <= asked <= most:
            raise InvalidRequest(f"`lease_time` must be an integer from 1 to {most}.")
        return asked

    def _start_passes(self) -> None:
        if self._options.tends:
            self._passes.start()
