"""The seam: what a queue store must do. These docstrings and docs/contract.md are the contract.

That page says what the words mean and what holds for all calls: time, limits, settings, shared
limits, order, holds, the line.

Arguments are valid: the values of `sharq_plug.model` check their own, and `QueueService`
checks queue ids and numbers. A store raises InvalidRequest for a queue type that is not a name.
Failures of a driver or of the network are raised as StoreUnavailable, chained to their cause;
nothing else crosses the seam. A store may be out of reach at any time, also when it is opened. It
serves again by itself once it is within reach. A store that finds the data of one queue damaged (no
verb damages it) answers BROKEN for the items of that queue and changes nothing of it. `dequeue` and
`tend` pass over such a queue, log it, and serve all others; `clear` removes it whole. Listings
leave out what is not a name. The detail of `StoreUnavailable(detail, public=...)` is logged, so it
names the store's address and the driver's own words. Clients are told `public` alone, which names
neither.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Self, TypeAlias

from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    ChangeOutcome,
    Clear,
    Cleared,
    Dequeued,
    EnqueueResult,
    JobRef,
    JobView,
    LetterRange,
    LettersMoved,
    Listing,
    NewJob,
    Page,
    Retention,
    Setting,
    Settled,
    Settlement,
    Take,
    Tended,
    View,
)

DEFAULT_RETENTION: Final = Retention()

Wake: TypeAlias = Callable[[int, Collection[str] | None], None]
"""Called with a delay (ms) and the ids of queues, None for any."""


class QueueStore(ABC):
    """Keep queues, jobs, leases and rates. Use it as an async context manager."""

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open the store, also if it is out of reach: `health` tells whether it answers.

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

        For each job: without an interval, where neither the queue's settings nor its type's
        defaults have limits, NO_INTERVAL: nothing changes at all. Else if it names a shared limit
        that there is not, without limits for it, UNKNOWN_LIMIT: nothing changes at all. Else if its
        id waits, is delayed or is leased in its queue, or else if another is remembered under its
        key, DUPLICATE: nothing changes but that what it brings is brought to the queue. Else, if as
        many (or more) wait or are delayed as its `max_queued_length` or the queue's `max_length`
        allows, QUEUE_FULL: nothing changes at all. Else QUEUED: what it brings is brought to the
        queue, and the job waits or is delayed, and is counted as an enqueue. The id of a finished,
        cleared or dead job is free.

        It may bring an interval, and the shared limits that the queue uses; those that are missing
        are created with the limits that it brings. What is brought is kept also where settings
        say otherwise: it holds when they are taken back.
        """

    @abstractmethod
    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        """Lease ready jobs of a type; return for each take, in order, what it got.

        Each job is the first waiting job of the first ready queue in line. It gets a fresh token
        of at least 96 random bits, `attempt` one higher than at its latest lease, and
        `expires_at` now + `lease_time`, and is counted as a dequeue. The payloads of a call,
        repeated ones too, are bounded by 8 MiB: it ends early before a job with which they would
        exceed this, unless that is its first. What a take repeats comes whole. A take that comes
        after the end, or after the payloads have exceeded 8 MiB, gets nothing and changes nothing,
        with `next_ready_at` = now; what it would repeat can still be repeated.

        With `queues` only these are looked at, in the order of their places. With `together` all
        jobs come from the queue of the first, as many as it may give at this instant. The
        `next_ready_at` of a take is that of the queues that it takes from.

        A take that gets fewer jobs than it asked for ends expired leases of the type, as `tend`
        does, and looks again; at most 100 in a call. Then its `next_ready_at` says when to come
        back: the earliest instant at which, with no further call, a job of the type can be ready,
        with the gate open. A concurrency that is full counts as ending when the first lease
        expires. `next_ready_at` is never in the past, and None if nothing is foreseen: nothing
        lives, or all of it is paused. The end of a lease may be foreseen also where its queue is
        held then, or paused.

        A take with an `attempt_id` may be repeated. If an earlier one on the type with this id got
        jobs, before the `expires_at` of its answer, and some of those leases still stand, then
        these are the answer again, the same except for `queue_length` and for what an Extend
        changed, and nothing else happens. Otherwise it is a new one.
        """

    @abstractmethod
    def watching(self, queue_type: str, wake: Wake) -> AbstractAsyncContextManager[None]:
        """Have `wake` called when a job of a type may be ready earlier than was foreseen.

        While the context is entered, each call that gives queues of the type new places in line,
        whoever makes it, is followed by `wake(delay, queue_ids)`: that many ms after the call the
        first of these places may be ready, with the gate open, 0 if it is; they are places of these
        queues, or of any (None). A gate that opens by an event gives places, in this sense, to all
        queues of its type; so does a dequeue that MAX_JOINS, MAX_HEADS or MAX_MOVES ends early. No
        wake-up comes for what only an event can make ready, nor for a lease that will expire: that
        comes once a call has ended it. The place of a queue that a dequeue has just served does not
        count. So a caller that enters, then dequeues, need not ask again before `next_ready_at` or
        a wake-up. Some may come in vain, several as one. After the store could not listen, it calls
        `wake(0, None)`, since it may have missed some; it does so too when it finds that it cannot.
        `wake` is called in the event loop's thread, and does not raise. Any number of watchers may
        watch a type. Entering raises StoreUnavailable. A store that is not permitted to listen lets
        watchers in and calls nothing: a thorough `health` says so, and callers ask anew every few
        seconds.
        """

    @abstractmethod
    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        """Do what workers say of their leases; return what became of each item, in order.

        A `Finish` ends the lease, its job done, and corrects what it paid. A `Release` hands the
        job back, with the requeues that it has left. A `Fail` spends one requeue (-1 stays -1) and
        keeps its error; with `dead`, or when none was left, the job becomes a dead letter. What
        comes back waits, or is delayed, and its `attempt` stands. Release and Fail freeze the queue
        in the same step, or a shared limit that the lease is charged to (else NOT_CHARGED: nothing
        changes), and never shorten a freeze that stands. An `Extend` gives the lease
        another end; the answer is Extended.

        Without a token the job's current lease is meant: Ended, or UNKNOWN if it has none.
        With one, the first that holds: the token is that of the job's current lease, which may
        have expired: Ended. For a Finish: the token is that of a lease of this job which an
        earlier Finish ended, no longer ago than that one's `receipt_time`, whatever others said:
        ENDED. The job waits, is delayed, is leased or is a dead letter: STALE. Else UNKNOWN. Only
        the first changes anything; a Finish with a token then leaves a receipt. At least 100 000
        receipts of a type are kept before any may go; then those go first that would be the first
        to end.
        """

    @abstractmethod
    async def amend(self, queue_type: str, changes: Sequence[Amendment]) -> list[AmendOutcome]:
        """Change jobs by their ids, and dead letters by their numbers or job ids.

        Return one outcome each, in order. A `Cancel` removes a job that waits or is delayed; LEASED
        if it is leased, unless it says `leased`: then its lease ends too. If no job of this id
        lives, it removes the newest dead letter of the id. A `Reschedule` gives a job that waits or
        is delayed another priority or time; the job keeps its number and the end of its ttl. LEASED
        or DEAD if it is leased or dead. A `Redrive` lets a dead letter wait again; DUPLICATE if a
        job of its id lives. A `Discard` removes a dead letter.
        """

    @abstractmethod
    async def redrive(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Redrive up to `limit` dead letters of a range, the oldest first.

        It looks at no more than `limit` letters. Those that cannot be redriven stay, and count too.
        """

    @abstractmethod
    async def discard(self, queue_type: str, letters: LetterRange, *, limit: int) -> LettersMoved:
        """Remove up to `limit` dead letters of a range, the oldest first."""

    @abstractmethod
    async def find(
        self, queue_type: str, jobs: Sequence[JobRef], *, payloads: bool = False
    ) -> list[JobView | Absence]:
        """Return what is known of each job, in order; of a dead one, of its newest letter.

        `position` counts the jobs of its queue that would be delivered before it if no time passed:
        those that wait, then those that are delayed, by (at, highest priority, number).

        `held_by` are the holds of its queue and its type's gate, and its own delay. `earliest_at`
        is a lower bound: the job does not go before it unless a call changes the queue, or the
        queue takes up changed defaults. It is None if the queue is paused, or if the leases that
        stand and the jobs ahead fill the queue's `concurrency`. Else it is when the job goes if
        each job ahead goes as soon as the queue's holds allow, and pays its cost, nothing else goes
        before it, and the gate is open. The jobs ahead are those that wait now, stand before it in
        the order within the queue, and have no ttl. Of those that wait the store looks at the first
        1000 that have joined and the first 1000 that are due, and no further than to the one with
        which the payloads exceed MAX_DEQUEUE_BYTES.
        """

    @abstractmethod
    async def configure(self, queue_type: str, changes: Sequence[Setting]) -> list[ChangeOutcome]:
        """Change settings, shared limits and intervals; return one outcome each, in order.

        A `SetInterval` brings an interval to a queue that exists: UNKNOWN if it does not, and
        LIMITS_SET if it has limits from settings. A `PatchQueue` and a `PatchType` change settings,
        and freeze; MISMATCH if `if_match` does not have the present tag. A PatchQueue of a queue
        that exists counts as a change of it, even if it names nothing. Once all settings are taken
        back, nothing of them is left. UNKNOWN_LIMIT if it names shared limits that there are not.

        A `PatchLimit` creates the shared limit if it is missing. A `DropLimit` removes it: UNKNOWN
        if there is none, IN_USE while something uses it.
        """

    @abstractmethod
    async def tend(self, *, limit: int, retention: Retention = DEFAULT_RETENTION) -> Tended:
        """Do what is due, whatever its type; return the leases that this ended.

        Of each type it ends up to `limit` expired leases (`expires_at <= now`), in the order
        (expires_at, queue id, number): the job comes back with one requeue less, delayed by its
        `requeue_delay` from now, or, when none was left (0), becomes a dead letter of its queue,
        kept with the reason; -1 stays -1.

        Then up to `limit` due jobs join those that wait, and up to `limit` jobs whose ttl has
        passed die. This ends when either bound is reached. It goes queue by queue, in the order of
        (the first instant due there, queue id); in each queue first the due jobs, then the ended
        ones by (end, number).

        Then it drops up to `limit` dead letters, at most 5, the lowest numbers first: while there
        are more than `max_count`, or the first one died at least `max_age` ago. A retention that is
        shorter than in earlier calls may take effect an hour late.

        It also forgets, up to `limit` of each kind, what nobody will ask for again (rates that are
        paid off, receipts and attempts that are too old, counts), sets places anew that lie too far
        ahead, and has queues take up changed defaults. One call may leave out types; `more` says
        that there is more to do at once, of whatever kind. A type without anything due costs
        nothing.
        """

    @abstractmethod
    async def clear(
        self, queue_type: str, what: Clear, *, cursor: str | None = None, limit: int
    ) -> Cleared:
        """Remove jobs of a queue, or of a whole type, in bounded steps; return how many.

        A due job counts as waiting. If all living states are named, all jobs of a queue go in one
        step. Otherwise jobs go one by one, and so do dead letters, up to `limit` in a call. For a
        type, a call looks at about `limit` queues. Receipts, unpaid debts, freezes, settings and
        the totals stay. A damaged queue from which all living states are cleared is removed whole,
        with its debts and settings; what can be counted of it is. If only some states are cleared,
        a damaged queue raises BrokenQueue; a clearing of its type leaves it as it is.
        """

    @abstractmethod
    async def look(self, queue_type: str | None = None, queue_id: str | None = None) -> View:
        """Return what there is in a queue or (without a queue id) a type, and the minute counts.

        Its `rules` are the settings, and what follows from them; the defaults of a queue that does
        not exist are in effect as they are now. Without a type return the minute counts of
        everything. Raises BrokenQueue.
        """

    @abstractmethod
    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        """Return one page of a listing, of about `limit` items (at most twice as many).

        Only a listing that names an order promises one. Its pages have `limit` items, except the
        last page and pages that payloads end early. The type is None for listings of types. Raises
        InvalidRequest for a cursor that is not from this listing, and BrokenQueue if jobs or
        letters of a damaged queue are asked for.
        """

    @abstractmethod
    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        """Make sure that a dequeue and a finish can run; raise StoreUnavailable if not.

        It does what they need where the data is: it reads, writes and uses every right that they
        use. It costs no more than a dequeue, changes nothing that shows, and may be called at any
        time. A store that only refuses enqueues, as a full one may, passes.

        With `thorough`, also return, in a sentence each, how this store is weaker than its users
        may think; among these are what it cannot do at present, such as an enqueue, and what it
        could not find out. Without, return nothing.

        Raise ConfigError if the store answers but cannot be used: it is too old, say. A server
        then logs the reason and asks again, since that can be put right where the data is.
        """
