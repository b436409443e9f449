"""Judging a sequential history event by event: each answer against the facts before it."""

from collections.abc import Iterator

from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    Cleared,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    LeasedJob,
    LeaseOutcome,
    MinuteCounts,
    Page,
    QueueMetrics,
    Reclaimed,
)
from sharq_plug.testing.model_check.exact.ledger import Life, TypeLedger
from sharq_plug.testing.model_check.exact.listings import Listing, Listings
from sharq_plug.testing.model_check.exact.tallies import Tallies
from sharq_plug.testing.model_check.exact.wakes import Wakes
from sharq_plug.testing.model_check.history import (
    Clear,
    Count,
    Dequeue,
    Enqueue,
    Event,
    Finish,
    History,
    Leave,
    ListKnownTypes,
    ListQueues,
    ListTypes,
    Measure,
    Reclaim,
    Release,
    SetInterval,
    Wake,
    Watch,
)
from sharq_plug.testing.model_check.violations import Rule, Violation

Finding = tuple[Rule, str]


def check_exactly(history: History) -> list[Violation]:
    """Return the violations of the first event that has any: what follows proves nothing."""
    judge = Judge()
    for event in history.events:
        found = [Violation(rule, what, (event,)) for rule, what in judge.findings(event)]
        if found:
            return found
    return []


class Judge:
    """Judge the events of a sequential history, one after the other, up to the first finding."""

    def __init__(self) -> None:
        self._types: dict[str, TypeLedger] = {}
        self._tallies = Tallies()
        self._listings = Listings()
        self._wakes = Wakes()

    @property
    def owes_a_wake(self) -> bool:
        """Return whether a watcher is still to be woken for what happened so far."""
        return self._wakes.are_owed

    def findings(self, event: Event) -> Iterator[Finding]:
        """Yield what is wrong about the next event."""
        now = event.invoked_at
        for what in self._wakes.missed(now):
            yield Rule.WAKING, what
        if isinstance(event.operation, Watch | Leave | Wake):
            for what in self._wakes.wrong(event):
                yield Rule.WAKING, what
            return
        yield from self._answer(event, now)
        for queue_type, ledger in self._types.items():
            self._wakes.owe(queue_type, ledger.made_sooner(), now)

    def _answer(self, event: Event, now: int) -> Iterator[Finding]:
        match event.operation, event.outcome:
            case Enqueue() as asked, EnqueueResult() as answer:
                yield from self._enqueue(asked, answer, now)
            case Dequeue() as asked, Dequeued() as answer:
                yield from self._dequeue(asked, answer, now)
            case Finish() as asked, LeaseOutcome() as answer:
                yield from self._finish(asked, answer, now)
            case Release() as asked, LeaseOutcome() as answer:
                yield from self._release(asked, answer, now)
            case Reclaim() as asked, Reclaimed() as answer:
                yield from self._reclaim(asked, answer, now)
            case SetInterval() as asked, bool() as answer:
                yield from self._set_interval(asked, existed=answer, now=now)
            case Clear() as asked, Cleared() as answer:
                yield from self._clear(asked, answer)
            case Measure() as asked, QueueMetrics() as answer:
                yield from self._measure(asked, answer, now)
            case Count() as asked, MinuteCounts() as answer:
                expected = self._tallies.expected(asked.queue_type, None, now)
                yield from _differences(Rule.COUNTS, "minute counts", answer, expected)
            case (ListQueues() | ListTypes() | ListKnownTypes()) as asked, Page() as answer:
                yield from self._list(asked, answer)
            case asked, answer:
                raise TypeError(f"{answer!r} is no outcome of {asked!r}")

    def _type(self, queue_type: str) -> TypeLedger:
        return self._types.setdefault(queue_type, TypeLedger())

    def _enqueue(self, asked: Enqueue, answer: EnqueueResult, now: int) -> Iterator[Finding]:
        ledger, job = self._type(asked.queue_type), asked.job
        queue = ledger.queue(job.queue_id)
        waiting = len(queue.waiting)
        full = job.max_queued_length is not None and waiting >= job.max_queued_length
        if job.job_id in queue.lives:
            expected, rule = EnqueueOutcome.DUPLICATE, Rule.IDEMPOTENCE
        elif full:
            expected, rule = EnqueueOutcome.QUEUE_FULL, Rule.DEPTH
        else:
            expected = EnqueueOutcome.QUEUED
            is_duplicate = answer.outcome is EnqueueOutcome.DUPLICATE
            rule = Rule.IDEMPOTENCE if is_duplicate else Rule.DEPTH
        yield from _differences(rule, "outcome", answer.outcome, expected)
        length = None if job.max_queued_length is None else waiting
        yield from _differences(Rule.DEPTH, "queue_length", answer.queue_length, length)
        if expected is EnqueueOutcome.QUEUED:
            ledger.enqueued(job, now)
            self._tallies.enqueued(asked.queue_type, job.queue_id, now)
        elif expected is EnqueueOutcome.DUPLICATE:
            ledger.interval_set(queue, job.interval, now)

    def _dequeue(self, asked: Dequeue, answer: Dequeued, now: int) -> Iterator[Finding]:
        ledger = self._type(asked.queue_type)
        yield from _differences(Rule.READINESS, "now", answer.now, now)
        repeated = ledger.repeated(asked.attempt_id, now)
        if repeated:
            yield from _differences(Rule.REPETITION, "answer", answer, Dequeued(repeated, now=now))
            return
        if asked.attempt_id is not None:
            ledger.attempted(asked.attempt_id, answer.jobs)
        if len(answer.jobs) > asked.count:
            yield Rule.READINESS, f"{len(answer.jobs)} jobs where {asked.count} were asked for"
        for job in answer.jobs:
            life = ledger.queue(job.queue_id).lives.get(job.job_id)
            if life is None:
                yield Rule.DOUBLING, f"{job.job_id} is leased, but there is no such job"
                return
            yield from _judge_service(ledger, life, job, now)
            yield from _differences(Rule.FENCING, "expires_at", job.expires_at, now + asked.lease)
            ledger.served(life, job, now)
            behind = len(ledger.queue(job.queue_id).waiting)
            yield from _differences(Rule.DEPTH, "queue_length", job.queue_length, behind)
            self._tallies.dequeued(asked.queue_type, job.queue_id, now)
        yield from _judge_end(ledger, asked, answer, now)

    def _finish(self, asked: Finish, answer: LeaseOutcome, now: int) -> Iterator[Finding]:
        ledger = self._type(asked.queue_type)
        expected, rule = ledger.outcome(asked.ref), Rule.FENCING
        if expected is LeaseOutcome.ENDED:
            ledger.finished(asked.ref, now + asked.receipt_time)
        elif ledger.has_receipt(asked.ref, now):
            expected, rule = LeaseOutcome.ENDED, Rule.RECEIPTS
        yield from _differences(rule, "outcome", answer, expected)

    def _release(self, asked: Release, answer: LeaseOutcome, now: int) -> Iterator[Finding]:
        ledger = self._type(asked.queue_type)
        expected = ledger.outcome(asked.ref)
        if expected is LeaseOutcome.ENDED:
            ledger.came_back(ledger.queue(asked.ref.queue_id).lives[asked.ref.job_id], now)
        yield from _differences(Rule.FENCING, "outcome", answer, expected)

    def _reclaim(self, asked: Reclaim, answer: Reclaimed, now: int) -> Iterator[Finding]:
        ledger = self._type(asked.queue_type)
        expired = ledger.expired(now)
        due = expired[: asked.limit]
        dead = sum(life.requeues == 0 for life in due)
        yield from _differences(Rule.RECLAIM, "requeued", answer.requeued, len(due) - dead)
        yield from _differences(Rule.RECLAIM, "dead", answer.dead, dead)
        if len(expired) > asked.limit and not answer.more:
            yield Rule.RECLAIM, "there is more to do at once, and it was not said"
        for life in due:
            ledger.lease_expired(life, now)

    def _set_interval(self, asked: SetInterval, *, existed: bool, now: int) -> Iterator[Finding]:
        ledger = self._type(asked.queue_type)
        exists = asked.queue_id in ledger.existing()
        yield from _differences(Rule.LISTING, "the queue's existence", existed, exists)
        if exists:
            ledger.interval_set(ledger.queue(asked.queue_id), asked.interval, now)

    def _clear(self, asked: Clear, answer: Cleared) -> Iterator[Finding]:
        ledger = self._type(asked.queue_type)
        queue = ledger.queue(asked.queue_id)
        dead = ledger.dead_letters(asked.queue_id) if asked.purge else 0
        expected = Cleared(len(queue.waiting), len(queue.leased), dead)
        yield from _differences(Rule.COUNTS, "what was cleared", answer, expected)
        ledger.cleared(asked.queue_id, purge=asked.purge)
        if asked.purge:
            self._tallies.purged(asked.queue_type, asked.queue_id)

    def _measure(self, asked: Measure, answer: QueueMetrics, now: int) -> Iterator[Finding]:
        ledger = self._type(asked.queue_type)
        queue, dead = ledger.queue(asked.queue_id), ledger.dead_letters(asked.queue_id)
        found = (answer.waiting, answer.leased, answer.dead)
        expected = (len(queue.waiting), len(queue.leased), dead)
        if sum(found) != sum(expected):
            rule = Rule.LOSS if sum(found) < sum(expected) else Rule.DOUBLING
        else:
            rule = Rule.COUNTS
        yield from _differences(rule, "waiting, leased and dead", found, expected)
        counts = self._tallies.expected(asked.queue_type, asked.queue_id, now)
        yield from _differences(Rule.COUNTS, "minute counts", answer.counts, counts)

    def _list(self, asked: Listing, page: Page) -> Iterator[Finding]:
        existing = {name for name, ledger in self._types.items() if ledger.existing()}
        if isinstance(asked, ListQueues):
            existing = self._type(asked.queue_type).existing()
        for what in self._listings.wrong(asked, page, existing):
            yield Rule.LISTING, what


def _judge_service(ledger: TypeLedger, life: Life, job: LeasedJob, now: int) -> Iterator[Finding]:
    """Judge whether this job was the one to be served, and what was said of it."""
    queue = ledger.queue(job.queue_id)
    if life.token is not None:
        yield Rule.REDELIVERY, f"{job.job_id} is leased, and its lease has not ended"
        return
    if queue.allowed_at > now:
        yield Rule.RATE, f"{job.queue_id} is served {queue.allowed_at - now} ms too early"
    first = ledger.first_ready(now)
    if first != job.queue_id:
        yield Rule.QUEUE_ORDER, f"{job.queue_id} is served, and {first} stands first"
    head = queue.waiting[0]
    if head is not life:
        yield Rule.JOB_ORDER, f"{job.job_id} is served ahead of {head.new.job_id}"
    if job.payload != life.new.payload:
        yield Rule.PAYLOAD, f"{job.job_id} has not the payload it was enqueued with"
    yield from _differences(Rule.ATTEMPTS, "attempt", job.attempt, life.attempt + 1)
    yield from _differences(
        Rule.ATTEMPTS, "requeues_remaining", job.requeues_remaining, life.requeues
    )


def _judge_end(ledger: TypeLedger, asked: Dequeue, answer: Dequeued, now: int) -> Iterator[Finding]:
    """Judge whether the answer may have ended where it did, and when it says to come back."""
    is_short = len(answer.jobs) < asked.count
    ready = ledger.first_ready(now)
    if is_short and ready is not None:
        size = sum(len(job.payload) for job in answer.jobs)
        size += len(ledger.queue(ready).waiting[0].new.payload)
        if not answer.jobs or size <= MAX_DEQUEUE_BYTES:
            yield Rule.READINESS, f"a job of {ready} is ready and was not served"
    expected = ledger.next_ready_at(now) if is_short else None
    yield from _differences(Rule.READINESS, "next_ready_at", answer.next_ready_at, expected)


def _differences(rule: Rule, what: str, found: object, expected: object) -> Iterator[Finding]:
    if found != expected:
        yield rule, f"{what} is {found!r}, and must be {expected!r}"
