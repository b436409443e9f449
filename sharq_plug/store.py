"""The seam: what a queue store must do. These docstrings are the contract.

Words. A *queue* is a queue type and a queue id. Its *waiting* jobs stand in line, its *leased*
jobs are with workers. A queue *exists* while it has a waiting or a leased job; queues come into
being and go by themselves.

Steps. Each item of a call is one atomic step, whatever else runs at the same time, in this
process or another. A call with many items answers exactly as its items one after the other at
that instant would have. Every call costs at most (items or limit) x log(everything).

Time. The store owns it: one reading of its clock for each call. All times are ms since the
epoch, all durations ms. A store that is opened with a clock goes by that clock alone. Nothing
that the contract promises may rest on an entry expiring by itself.

A clock that steps back holds a queue for one interval at most from when that is noticed. A verb
that changes a queue whose `last` lies ahead lets `last` be now. A place that lies further ahead
than `last + interval` is set anew, as by a new interval (see below): by `set_interval`, and by
`reclaim`. That looks at up to `limit` places that lie ahead in each call, in their order, and
says `more` until it has seen all. A lease stands until its `expires_at`, however far ahead that
lies; so do receipts and attempts. What had ended before the step stays ended, or begins to count
anew: a store may have forgotten it. A minute that lies ahead counts when it comes.

Rate. A queue remembers its interval and its latest dequeue, `last`. It may be dequeued from
`last + interval` on; at once if it was never dequeued. A queue that ceases to exist remembers
both until that instant has come (`now >= last + interval`); from then on it was never dequeued.
A new interval (by `enqueue`, a duplicate too, or by `set_interval`) holds at once, for the jobs
that wait already too. A job that comes back (released, reclaimed) gives nothing back to the rate.

Order within a queue. Each job gets a number when it is enqueued and keeps it for life. Jobs that
came back stand before those that were never delivered; within each group the numbers decide.

Order between queues. A queue with waiting jobs has a place in its type's line: (ready since,
place number). Place numbers rise; the lowest place that is ready goes first. A queue takes a new
place number, and is *ready since*

* when its first waiting job arrives (new, released or reclaimed):
  the later of that instant and `last + interval`;
* when it was dequeued and still has waiting jobs: the later of that instant and
  `last + interval`;
* when a new interval frees it, that is, when its ready since lay ahead and `last + interval` now
  does not: that instant.

When a new interval leaves `last + interval` ahead, that becomes its ready since and it keeps its
place number. A queue that is ready and stays so keeps its place.

Arguments are valid: the dataclasses of `sharq_plug.model` see to theirs, and `QueueService` to
queue ids and numbers. A store raises InvalidRequest for a queue type that is no name. Failures of
a driver or of the network are raised as StoreUnavailable, chained to their cause; nothing else
crosses the seam. A store may be out of reach at any time, also when it is opened. It serves again
by itself once it is within reach. A store that finds what it keeps of one queue damaged (by others:
no verb does it) answers BROKEN for the items of that queue, passes over it in `dequeue` and
`reclaim`, logs it, and serves all others. Listings leave out what is no name. The detail of
`StoreUnavailable(detail, public=...)` is logged, so it names the store's address and the driver's
own words. Clients are told `public` alone, which names neither.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from sharq_plug.model import (
    Cleared,
    Dequeued,
    EnqueueResult,
    LeaseOutcome,
    LeaseRef,
    MinuteCounts,
    NewJob,
    Page,
    QueueMetrics,
    Reclaimed,
)


class QueueStore(ABC):
    """Keep queues, jobs, leases and rates. Use it as an async context manager."""

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open the store, also if it is out of reach: `ping` tells whether it answers.

        So a server may start before its store does.
        """

    @abstractmethod
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the store: nothing of it runs on, and what it owes its server is written."""

    @abstractmethod
    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        """Put jobs into their queues; return one result each, in order.

        For each job: if its id waits or is leased in its queue, DUPLICATE: nothing changes but
        the queue's interval, which becomes the job's. Else, with `max_queued_length` and that
        many (or more) waiting, QUEUE_FULL: nothing changes at all. Else QUEUED: the queue's
        interval becomes the job's, and the job is the last to wait and is counted as an
        enqueue. The id of a finished, cleared or dead job is free.
        """

    @abstractmethod
    async def dequeue(
        self, queue_type: str, *, count: int, lease: int, attempt_id: str | None = None
    ) -> Dequeued:
        """Lease up to `count` (1 to 1000) ready jobs of a type for `lease` ms each.

        Each is the first waiting job of the first ready queue in line. It gets a fresh token of
        at least 96 random bits, `attempt` one higher than at its latest lease, and `expires_at`
        now + `lease`, and is counted as a dequeue. The batch ends early before a job with which
        its payloads would exceed 8 MiB, unless that is its first.

        With fewer jobs than asked for, the answer's `next_ready_at` is the earlier of the first
        place's ready since and the first lease's expiry (now, if that has passed), as they are
        after it; None if there is neither.

        With `attempt_id`, a name, the call may be repeated. If an earlier call on the type with
        this id got jobs, before their leases expire (`now < expires_at`), and some of those
        leases still stand, then these are the answer again, the same but for `queue_length`,
        and nothing else happens. Else the call is a new one.
        """

    @abstractmethod
    def watching(
        self, queue_type: str, wake: Callable[[int], None]
    ) -> AbstractAsyncContextManager[None]:
        """Have `wake` called when a job of a type may be ready earlier than was foreseen.

        While the context is entered, each enqueue, release, reclaim and set_interval, whoever
        makes it, that gives queues of the type new places in line is followed by
        `wake(delay)`: so many ms after that call the first of these places may be ready, 0 if it
        is. So a caller that enters, then dequeues, need not ask again before `next_ready_at`
        or a wake-up. Some may come in vain, several as one. After the store could not listen,
        it calls `wake(0)`, since it may have missed some; it does so too when it finds that it
        cannot. `wake` is called in the event loop's thread, and does not raise. Any number of
        watchers may watch a type. Entering raises StoreUnavailable. A store that is not permitted
        to listen lets watchers in and calls nothing: `weaknesses` says so, and callers ask anew
        every few seconds.
        """

    @abstractmethod
    async def finish(
        self, queue_type: str, leases: Sequence[LeaseRef], *, receipt_time: int
    ) -> list[LeaseOutcome]:
        """End leases, their jobs done; return one outcome each, in order.

        Without a token the job's current lease is meant: ENDED, or UNKNOWN if it has none.
        With one, the first that holds: the token is that of the job's current lease, though it
        may have expired: ENDED. It is that of a lease of this job that a finish with this token
        ended, no longer ago than that finish's `receipt_time` (ms), whatever other finishes
        said: ENDED. The job waits, is leased or is a dead letter: STALE. Else UNKNOWN. Only the
        first changes anything, and leaves a receipt. At least 100 000 receipts of a type are kept
        before any may go; then those go first that would be the first to end.
        """

    @abstractmethod
    async def release(self, queue_type: str, leases: Sequence[LeaseRef]) -> list[LeaseOutcome]:
        """Hand leased jobs back: they wait again; return one outcome each, in order.

        A job comes back with the requeues it has left; `attempt` stands. Without a token the
        current lease is meant. ENDED if the lease was there; with a token, STALE if the job
        waits, is under another lease or is a dead letter; else UNKNOWN.
        """

    @abstractmethod
    async def reclaim(self, queue_type: str, *, limit: int) -> Reclaimed:
        """End up to `limit` expired leases (`expires_at <= now`) of a type.

        In the order (expires_at, queue id, number), each job waits again with one requeue less,
        or, when none was left (0), becomes a dead letter of its queue, kept with the reason; -1
        stays -1. Also forgets, up to `limit` of each kind, what nobody will ask for again (rates
        that are paid off, receipts and attempts that are too old, counts), and sets places anew
        that lie too far ahead. `more` counts every kind of this.
        """

    @abstractmethod
    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> bool:
        """Change the interval (ms) of a queue; False, and nothing changes, if it does not exist.

        Raises BrokenQueue.
        """

    @abstractmethod
    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> Cleared:
        """Remove a queue's waiting and leased jobs; return how many.

        With `purge` also its dead letters and its minute counts. Receipts stay, and what is to
        be paid of its rate. A queue that is damaged is removed whole, with what is left of its
        rate; what of it can be counted is.
        """

    @abstractmethod
    async def queue_metrics(self, queue_type: str, queue_id: str) -> QueueMetrics:
        """Return what there is in one queue, and its own minute counts, exactly.

        Raises BrokenQueue.
        """

    @abstractmethod
    async def counts(self, queue_type: str | None = None) -> MinuteCounts:
        """Return the minute counts of a type, or of everything.

        A count of everything may lose what was in flight when a server died.
        """

    @abstractmethod
    async def queue_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types that have a queue, in steps of about `limit`, in no promised order."""

    @abstractmethod
    async def queue_ids(self, queue_type: str, *, cursor: str | None = None, limit: int) -> Page:
        """List the queues of a type that exist, in steps of about `limit`, in no promised order."""

    @abstractmethod
    async def known_types(self, *, cursor: str | None = None, limit: int) -> Page:
        """List the types on which `reclaim` may have something to do, in steps of about `limit`.

        At least those that `queue_types` lists.
        """

    @abstractmethod
    async def ping(self) -> None:
        """Make sure that a dequeue and a finish can run; raise StoreUnavailable if not.

        It does what they need where the data is: it reads, writes and uses every right that they
        use. It costs no more than a dequeue, changes nothing that shows, and may be called at any
        time. A store that only refuses enqueues, as a full one may, passes.

        Raise ConfigError if the store answers but cannot be used: it is too old, say. A server
        then logs the reason and asks again, since that can be put right where the data is.
        """

    @abstractmethod
    async def weaknesses(self) -> Sequence[str]:
        """Say, in a sentence each, how this store is weaker than its users may think.

        Among these are what it cannot do at present though `ping` passes, such as an enqueue, and
        what it could not find out. Raises StoreUnavailable.
        """

    async def maintain(self) -> None:
        """Do one bounded step of the store's own upkeep that belongs to no type, if it has any.

        The service calls this with every reclaim pass.
        """
        return
