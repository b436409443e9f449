"""What is kept of one queue type, and how each step on it ends."""

from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from math import inf

from sortedcontainers import SortedDict

from sharq_memory.agenda import Agenda
from sharq_memory.dead import NO_LETTERS, DeadLetter, DeadLetters
from sharq_memory.expiring import Expiring
from sharq_memory.forgetting import Forgetting
from sharq_memory.garbage import Garbage
from sharq_memory.keys import Keys
from sharq_memory.limits import forget_if_paid, paid_at, take_up
from sharq_memory.line import Line
from sharq_memory.queue import Job, Queue
from sharq_memory.repeatable import Attempts, Receipts
from sharq_memory.tally import Tally
from sharq_memory.totals import TOTALS_KEPT, Counters
from sharq_plug.model import LeaseRef


class Kept:
    """The queues of a type with their indexes, and what outlives its jobs.

    The verbs build on this, one in each module. Each step that changes a queue ends with
    `_changed`. A queue that ceases to exist stays among the `queues` until it can be forgotten, for
    its rate and its counts; mostly it is back before.
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
        self.due: float = inf  # from when on `tend` may have something to do
        self.noted_due: float = inf  # what the machine knows of that
        self.moved = 0  # the leases, jobs and letters that the latest `tend` moved

    def _bring_into_being(self, queue_id: str, now: int) -> Queue:
        """Return a queue that does not exist yet; it is to get a job."""
        queue: Queue | None = self.queues.get(queue_id)
        if queue is None:
            queue = self.queues[queue_id] = Queue(queue_id)
        else:
            forget_if_paid(queue, now)
        if self.totals.kept_until is not None:
            self.totals = self.totals.count_from(now)
        self.existing += 1
        return queue

    def _changed(self, queue: Queue, now: int, before: int | None = None) -> None:
        """End a step that changed `queue`: list it where its jobs and its rate now put it.

        `before` is when its holds ended (ms), if the step changed that.
        """
        if queue.last is not None and queue.last > now:
            before = before or paid_at(queue)
            take_up(queue, now)
        first = None if queue.leases is None else queue.leases[0][0]
        if first != queue.expiring:
            self.expiring.list(queue, first)
            if first is not None and first < self.due:
                self.due = first
        if queue.is_timed:
            before = queue.ready_since
            self.note_times(queue)
        self.line.take_place(queue, now, before)
        if not queue.jobs:
            self.existing -= 1
            self._leave_behind(queue, now)
            self._end_if_empty(now)

    def _leave_behind(self, queue: Queue, now: int) -> None:
        """Keep of a queue without jobs what may still be asked for."""
        forget_if_paid(queue, now)
        looked_at = self.forgetting.add(queue)
        if looked_at < self.due:
            self.due = looked_at

    def _end_if_empty(self, now: int) -> None:
        """Keep the totals for one more day if no queue and no dead letter is left."""
        if not self.existing and not self.dead:
            self.totals.kept_until = now + TOTALS_KEPT
            self.due = min(self.due, self.totals.kept_until)

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
