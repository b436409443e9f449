"""What is kept of one queue type, and how each step on it ends."""

from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from math import inf

from msgspec.structs import replace
from sortedcontainers import SortedDict

from sharq_memory.agenda import Agenda
from sharq_memory.dead import NO_LETTERS, DeadLetter, DeadLetters
from sharq_memory.defaults import Defaults, take_up
from sharq_memory.expiring import Expiring
from sharq_memory.forgetting import Forgetting
from sharq_memory.garbage import Garbage
from sharq_memory.gate import Gate
from sharq_memory.holds import (
    become_plain,
    bring_to,
    bring_uses,
    forget_if_paid,
    terms_of,
    uses_of,
)
from sharq_memory.keys import Keys
from sharq_memory.line import Line, Step
from sharq_memory.queue import Job, Queue
from sharq_memory.repeatable import Attempts, Receipts
from sharq_memory.shared import SharedLimit
from sharq_memory.tally import Tally
from sharq_memory.terms import Names, Terms
from sharq_memory.totals import TOTALS_KEPT, Counters
from sharq_plug.model import Hold, HoldKind, LeaseRef

_OTHER, _SERVED = Step.OTHER, Step.SERVED


class Kept:
    """The queues of a type with their indexes, and what outlives its jobs.

    The verbs build on this, one in each module. Each step that changes a queue ends with
    `_changed`. A queue that ceases to exist stays among the `queues` until it can be forgotten, for
    its debts and its counts, or for as long as it has settings; mostly it is back before.
    """

    def __init__(self, queue_type: str) -> None:
        self.queue_type = queue_type
        self.tally = Tally()
        self.totals = Counters()
        self.queues = SortedDict()  # queue id -> Queue
        self.existing = 0  # how many of them exist
        self.line = Line()
        self.expiring = Expiring()
        self.forgetting = Forgetting()
        self.dead = NO_LETTERS
        self.receipts = Receipts()
        self.attempts = Attempts()
        self.keys = Keys()
        self.timers = Agenda()
        self.garbage = Garbage()
        self.gate: Gate | None = None  # None if it holds nothing
        self.defaults: Defaults | None = None  # None if there never were any
        self.due: float = inf  # from when on `tend` may have something to do
        self.noted_due: float = inf  # what the machine knows of that
        self.moved = 0  # the leases, jobs and letters that the latest `tend` moved

    @property
    def limits(self) -> SortedDict:
        """The shared limits by their names."""
        return self.line.benches.limits

    def _bring_into_being(self, queue_id: str, now: int) -> Queue:
        """Return a queue that does not exist yet; it is to get a job."""
        queue: Queue | None = self.queues.get(queue_id)
        if queue is None:
            queue = self.queues[queue_id] = Queue(queue_id)
        else:
            forget_if_paid(queue, now)
        self._take_up(queue)
        if self.totals.kept_until is not None:
            self.totals = self.totals.count_from(now)
        self.existing += 1
        return queue

    def _changed(self, queue: Queue, now: int, step: Step = _OTHER) -> None:
        """End a step that changed `queue`: list it where its jobs and its holds now put it."""
        if self.defaults is not None and take_up(queue, self.defaults) and step is _OTHER:
            step = Step.HELD
        terms = queue.terms
        if step is _SERVED:  # it has paid at `now`, and names what it named
            pass
        elif terms is not None:
            step = self._done_to(queue, terms, now, step)
        elif queue.last is not None and queue.last > now:
            bring_to(queue, now)
            step = Step.DOUBTED
        first = None if queue.leases is None else queue.leases[0][0]
        if first != queue.expiring:
            self.expiring.list(queue, first)
            if first is not None and first < self.due:
                self.due = first
        if queue.is_timed:
            self.note_times(queue)
            if step is not _SERVED:
                step = Step.DOUBTED
        if step is not _OTHER or queue.ready_since is None or queue.head is None:
            self.line.take_place(queue, now, step)
            if terms is not None and not terms.leases:
                become_plain(queue, now)
        if terms is not None and self.line.benches.limits:
            self.line.benches.settle(now)
        if not queue.jobs:
            self.existing -= 1
            self._leave_behind(queue, now)
            self._end_if_empty(now)

    def _done_to(self, queue: Queue, terms: Terms, now: int, step: Step) -> Step:
        """Return what a step did to a queue with terms; count what it names from now on."""
        if terms.counted or terms.limiter.rules.uses is not None:
            self._count_uses(queue, terms)
        if bring_to(queue, now):
            return Step.DOUBTED
        if step is _OTHER and (queue.is_ahead(now) or terms.is_frozen(now)):
            return Step.HELD
        return step

    def _take_up(self, queue: Queue) -> bool:
        """Let `queue` take up the defaults if they have changed; return whether they had."""
        return self.defaults is not None and take_up(queue, self.defaults)

    def _leave_behind(self, queue: Queue, now: int) -> None:
        """Keep of a queue without jobs what may still be asked for."""
        if queue.terms is not None:
            if queue.terms.brought:
                bring_uses(queue, ())
            self._count_uses(queue, queue.terms)
        forget_if_paid(queue, now)
        self.due = min(self.due, self.forgetting.add(queue))

    def _end_if_empty(self, now: int) -> None:
        """Keep the totals for one more day if no queue and no dead letter is left."""
        if not self.existing and not self.dead:
            self.totals.kept_until = now + TOTALS_KEPT
            self.due = min(self.due, self.totals.kept_until)

    def _count_uses(self, queue: Queue, terms: Terms) -> None:
        """Count `queue` among what uses the shared limits that it names."""
        named = terms.named(lives=bool(queue.jobs))
        if named != terms.counted:
            self.line.benches.count_uses(terms.counted, named)
            terms.counted = named

    def _end_lease(self, queue: Queue, job: Job) -> Names:
        """End the lease of `job`; return the names of the shared limits it was charged to.

        The step is to go on with `_changed`.
        """
        queue.end_lease(job)
        charged = job.charged
        if charged:
            job.charged = ()
            terms_of(queue).give_back(charged)
            self._give_back(charged, 1)
        return charged

    def _give_back(self, names: Names, leases: int) -> None:
        """Let so many leases be charged to these shared limits no more."""
        for name in names:
            self.line.benches.touch(name).leased -= leases

    def open_gate(self, gate: Gate, now: int) -> bool:
        """End a call on this type, which has this gate; return whether it was opened.

        If so, watchers are to hear of the first place in line, whichever queue has it.
        """
        line, is_opened = self.line, gate.has_been_opened(self.totals.leased, now)
        if is_opened:
            line.soonest = line.ready_at()
        line.soonest = max(line.soonest, gate.closed_until)
        if line.soonest == inf:
            line.placed = []
        if gate.needed_until() <= now:
            self.gate = None
        return is_opened

    def gated(self, instant: float, now: int, served: int = 0) -> float:
        """Return when (ms) a job can be ready that its queue lets go at `instant`.

        `served` jobs were leased in this call.
        """
        if self.gate is None:
            return instant
        leased = self.totals.leased + served
        return max(instant, self.gate.opens_at(leased, now, self.expiring.due()))

    def foreseen(self, queue: Queue, now: int) -> float:
        """Return when (ms) a job of `queue` can be ready, inf if that is not foreseen."""
        first_expiry, instant = self.expiring.due(), queue.foreseen()
        for limit in self._used_by(queue):
            instant = max(instant, limit.opens_at(limit.leased, now, first_expiry))
        return instant

    def gate_holds(self, now: int) -> tuple[Hold, ...]:
        """Return the holds of all queues together that stand at `now` (ms)."""
        held = () if self.gate is None else self.gate.holds(self.totals.leased, now)
        return tuple(replace(hold, of_type=True) for hold in held)

    def shared_holds(self, queue: Queue, now: int) -> tuple[Hold, ...]:
        """Return one hold for each shared limit that `queue` uses and that is closed."""
        return tuple(
            Hold(HoldKind.SHARED_LIMIT, None if until == inf else int(until), name=limit.name)
            for limit in self._used_by(queue)
            if (until := limit.held_until(now)) > now
        )

    def _used_by(self, queue: Queue) -> Iterator[SharedLimit]:
        """Iterate over the shared limits that `queue` uses.

        One that has no jobs may have taken up names that are gone.
        """
        return (self.limits[name] for name in uses_of(queue) if name in self.limits)

    def keep_letter(self, number: int, letter: DeadLetter, looked_at: int | None) -> None:
        """Keep a dead letter. At `looked_at` (ms) `tend` must look for letters to drop."""
        if self.dead is NO_LETTERS:
            self.dead = DeadLetters()
        self.dead.put(number, letter)
        self.dead.looked_at = looked_at

    def _drop_letter(self, number: int, now: int) -> None:
        """Drop a dead letter."""
        self.dead.remove(number)
        self._end_if_empty(now)

    def _names_from(self, start: str) -> Iterator[str]:
        """Iterate over the ids of queues that are kept or have letters. None may come or go."""
        names = merge(self.queues.irange(start), self.dead.of_queues.irange(start))
        return (name for name, _ in groupby(names))

    def _leased(self, ref: LeaseRef) -> tuple[Queue, Job] | None:
        """Return the leased job that `ref` means, and its queue."""
        queue: Queue | None = self.queues.get(ref.queue_id)
        job = None if queue is None else queue.jobs.get(ref.job_id)
        if queue is None or job is None or job.token is None:
            return None
        return (queue, job) if ref.token is None or ref.token == job.token else None

    def note_times(self, queue: Queue) -> None:
        """List when the first delayed job of `queue` is due, or the first ttl has passed."""
        first = queue.first_timer()
        self.timers.list(queue.queue_id, first)
        self.due = min(self.due, self.timers.due())
        queue.is_timed = first is not None
