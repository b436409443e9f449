"""The rules of a take: what it must get, which leases it must end, when it says to come back."""

from collections.abc import Collection, Iterator

from sharq_plug.model import MAX_DEQUEUE_BYTES, MAX_ENDED, Delivery, Dequeued, HoldKind, Take
from sharq_plug.testing.model_check.carried import is_carried
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts
from sharq_plug.testing.model_check.exact.tending import judge_ended
from sharq_plug.testing.model_check.exact.times import expired, is_named, line_up, wrong_instant
from sharq_plug.testing.model_check.violations import Rule

BROKEN_BY = {
    HoldKind.LIMIT: Rule.RATE,
    HoldKind.FROZEN: Rule.PAUSE,
    HoldKind.CONCURRENCY: Rule.CONCURRENCY,
    HoldKind.PAUSED: Rule.PAUSE,
}
"""Which rule a dequeue breaks that a hold does not keep off."""


def judge_take(
    facts: Facts, queue_type: str, take: Take, answer: Dequeued, now: int
) -> Iterator[Finding]:
    """Judge what a take got."""
    ledger = facts.of(queue_type)
    yield from differences(Rule.READINESS, "now", answer.now, now)
    if facts.call.is_over:
        nothing = Dequeued((), now=now, next_ready_at=now)
        yield from differences(Rule.READINESS, "answer", answer, nothing)
        return
    repeated = ledger.remembered.repeated(take.attempt_id, now)
    yield from differences(Rule.REPETITION, "is_repeated", answer.is_repeated, bool(repeated))
    if repeated:
        expected = Dequeued(repeated, now=now, is_repeated=True)
        yield from differences(Rule.REPETITION, "answer", answer, expected)
        facts.call.size += sum(len(job.payload) for job in repeated)
        return
    if take.attempt_id is not None:
        ledger.remembered.attempted(take.attempt_id, answer.jobs)
    if len(answer.jobs) > take.count:
        yield Rule.READINESS, f"{len(answer.jobs)} jobs where {take.count} were asked for"
    has_tended = False
    names = take.queues
    for job in answer.jobs:
        first = line_up(ledger, facts.call, now, names)
        if first is None and not has_tended and not facts.call.is_over:
            yield from _judge_tending(facts, queue_type, answer, now)
            has_tended = True
            first = line_up(ledger, facts.call, now, names)
        yield from _judge_delivery(facts, queue_type, take, job, now, first=first)
        if take.together:
            names = (job.queue_id,)
    if len(answer.jobs) < take.count:
        yield from _judge_rest(facts, ledger, now, names)
        if not has_tended and not facts.call.is_over:
            yield from _judge_tending(facts, queue_type, answer, now)
            has_tended = True
            yield from _judge_rest(facts, ledger, now, names)
    if not has_tended:
        yield from differences(Rule.RECLAIM, "ended", answer.ended, ())
    yield from _judge_next_ready_at(facts, queue_type, take, answer, now)


def _judge_tending(facts: Facts, queue_type: str, answer: Dequeued, now: int) -> Iterator[Finding]:
    """Judge which leases a take ended when nothing was ready any more."""
    due = expired(facts.of(queue_type), now)[: MAX_ENDED - facts.call.ended]
    facts.call.ended += len(due)
    yield from judge_ended(facts.of(queue_type), queue_type, due, answer.ended, now)


def _judge_delivery(
    facts: Facts,
    queue_type: str,
    take: Take,
    job: Delivery,
    now: int,
    *,
    first: QueueFacts | None,
) -> Iterator[Finding]:
    """Judge whether this job was the one to be served, and what was said of it."""
    ledger = facts.of(queue_type)
    life = ledger.queue(job.queue_id).lives.get(job.job_id)
    if life is None:
        yield Rule.DOUBLING, f"{job.job_id} is leased, but there is no such job"
        return
    yield from _judge_turn(ledger, life, job, first, now)
    if not is_carried(life.new, job):
        yield Rule.PAYLOAD, f"{job.job_id} does not carry what it was enqueued with"
    yield from differences(Rule.PAYLOAD, "enqueued_at", job.enqueued_at, life.enqueued_at)
    yield from differences(Rule.DELAY, "due_at", job.due_at, life.due_at)
    yield from differences(Rule.ATTEMPTS, "attempt", job.attempt, life.attempt + 1)
    yield from differences(
        Rule.ATTEMPTS, "requeues_remaining", job.requeues_remaining, life.requeues
    )
    yield from differences(Rule.FENCING, "expires_at", job.expires_at, now + take.lease_time)
    ledger.served(life, job, now)
    behind = ledger.queue(job.queue_id).waiting(now)
    yield from differences(Rule.DEPTH, "queue_length", job.queue_length, behind)
    facts.tallies.dequeued(queue_type, job.queue_id, now)
    had_some, facts.call.size = facts.call.size > 0, facts.call.size + len(job.payload)
    if facts.call.is_full or (had_some and facts.call.size > MAX_DEQUEUE_BYTES):
        yield Rule.READINESS, f"{job.job_id} is served, and its call was full"


def _judge_turn(
    ledger: TypeLedger, life: Life, job: Delivery, first: QueueFacts | None, now: int
) -> Iterator[Finding]:
    """Judge whether it was the turn of a job, and of its queue."""
    queue = ledger.queue(job.queue_id)
    if life.token is not None:
        yield Rule.REDELIVERY, f"{job.job_id} is leased, and its lease has not ended"
        return
    holds = [("", hold) for hold in (*queue.holds_of(None, now), *ledger.gate_holds(now))]
    shared = [(f" of {name}", hold) for name, hold in ledger.benches.named_holds(queue.uses, now)]
    for of, hold in holds + shared:
        until = "" if hold.until is None else f" for {hold.until - now} ms"
        what = f"{job.queue_id} is served, held by {hold.kind.value}{of}{until}"
        yield BROKEN_BY[hold.kind], what
    if life.at is not None and life.at > now:
        yield Rule.DELAY, f"{job.job_id} is served {life.at - now} ms before its time"
    if life.has_ended(now):
        yield Rule.TTL, f"{job.job_id} is served, and its ttl has passed"
    if first is not queue:
        stands = None if first is None else first.queue_id
        yield Rule.QUEUE_ORDER, f"{job.queue_id} is served, and {stands} stands first"
    head = queue.head
    if head is not life:
        ahead = None if head is None else head.new.job_id
        yield Rule.JOB_ORDER, f"{job.job_id} is served ahead of {ahead}"


def _judge_rest(
    facts: Facts, ledger: TypeLedger, now: int, names: Collection[str] | None
) -> Iterator[Finding]:
    """Judge whether a take that is short left a ready job; one too large for its call ends that."""
    if facts.call.is_over:
        return
    ready = line_up(ledger, facts.call, now, names)
    if ready is None or ready.head is None:
        return
    size = facts.call.size
    facts.call.is_full = size > 0 and size + len(ready.head.new.payload) > MAX_DEQUEUE_BYTES
    if not facts.call.is_full:
        yield Rule.READINESS, f"a job of {ready.queue_id} is ready and was not served"


def _judge_next_ready_at(
    facts: Facts, queue_type: str, take: Take, answer: Dequeued, now: int
) -> Iterator[Finding]:
    """Judge when a take says to come back."""
    ledger, found = facts.of(queue_type), answer.next_ready_at
    is_open = not ledger.gate_holds(now)
    overdue = [life for life in expired(ledger, now) if is_named(life.new.queue_id, take.queues)]
    if take.queues is not None:
        uses = {life.new.queue_id: ledger.queue(life.new.queue_id).uses for life in overdue}
        overdue = [
            life for life in overdue if not ledger.benches.holds(uses[life.new.queue_id], now)
        ]
    if len(answer.jobs) >= take.count:
        yield from differences(Rule.READINESS, "next_ready_at", found, None)
    elif facts.call.is_over or (overdue and is_open):
        yield from differences(Rule.READINESS, "next_ready_at", found, now)
    else:
        wrong = wrong_instant(ledger, found, take.queues, now)
        if wrong is not None:
            yield Rule.READINESS, wrong
