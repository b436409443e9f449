"""The rules of a take: what it must get, which leases it must end, when it says to come back."""

from collections.abc import Iterator

from sharq_plug.model import MAX_DEQUEUE_BYTES, MAX_ENDED, Delivery, Dequeued, Take
from sharq_plug.testing.model_check.carried import is_carried
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.leases import judge_ended
from sharq_plug.testing.model_check.exact.ledger import Life, TypeLedger
from sharq_plug.testing.model_check.violations import Rule


def judge_take(
    facts: Facts, queue_type: str, take: Take, answer: Dequeued, now: int
) -> Iterator[Finding]:
    """Judge what a take got."""
    ledger = facts.of(queue_type)
    yield from differences(Rule.READINESS, "now", answer.now, now)
    if facts.call.is_full or facts.call.size > MAX_DEQUEUE_BYTES:
        nothing = Dequeued((), now=now, next_ready_at=now)
        yield from differences(Rule.READINESS, "answer", answer, nothing)
        return
    repeated = ledger.repeated(take.attempt_id, now)
    yield from differences(Rule.REPETITION, "is_repeated", answer.is_repeated, bool(repeated))
    if repeated:
        expected = Dequeued(repeated, now=now, is_repeated=True)
        yield from differences(Rule.REPETITION, "answer", answer, expected)
        facts.call.size += sum(len(job.payload) for job in repeated)
        return
    if take.attempt_id is not None:
        ledger.attempted(take.attempt_id, answer.jobs)
    if len(answer.jobs) > take.count:
        yield Rule.READINESS, f"{len(answer.jobs)} jobs where {take.count} were asked for"
    has_tended = False
    for job in answer.jobs:
        if not has_tended and ledger.first_ready(now) is None:
            yield from _judge_tending(facts, queue_type, answer, now)
            has_tended = True
        yield from _judge_delivery(facts, queue_type, take, job, now)
    is_short = len(answer.jobs) < take.count
    if is_short and not has_tended and not _is_full(facts, ledger, now):
        yield from _judge_rest(ledger, now)
        yield from _judge_tending(facts, queue_type, answer, now)
        has_tended = True
    if not has_tended:
        yield from differences(Rule.RECLAIM, "ended", answer.ended, ())
    if is_short and not _is_full(facts, ledger, now):
        yield from _judge_rest(ledger, now)
    yield from _judge_next_ready_at(facts, ledger, answer, now, is_short=is_short)


def _judge_tending(facts: Facts, queue_type: str, answer: Dequeued, now: int) -> Iterator[Finding]:
    """Judge which leases a take ended when nothing was ready any more."""
    due = facts.of(queue_type).expired(now)[: MAX_ENDED - facts.call.ended]
    facts.call.ended += len(due)
    yield from judge_ended(facts.of(queue_type), queue_type, due, answer.ended, now)


def _judge_delivery(
    facts: Facts, queue_type: str, take: Take, job: Delivery, now: int
) -> Iterator[Finding]:
    """Judge whether this job was the one to be served, and what was said of it."""
    ledger = facts.of(queue_type)
    life = ledger.queue(job.queue_id).lives.get(job.job_id)
    if life is None:
        yield Rule.DOUBLING, f"{job.job_id} is leased, but there is no such job"
        return
    yield from _judge_turn(ledger, life, job, now)
    if not is_carried(life.new, job):
        yield Rule.PAYLOAD, f"{job.job_id} does not carry what it was enqueued with"
    yield from differences(Rule.ATTEMPTS, "attempt", job.attempt, life.attempt + 1)
    yield from differences(
        Rule.ATTEMPTS, "requeues_remaining", job.requeues_remaining, life.requeues
    )
    yield from differences(Rule.FENCING, "expires_at", job.expires_at, now + take.lease_time)
    ledger.served(life, job, now)
    behind = len(ledger.queue(job.queue_id).waiting)
    yield from differences(Rule.DEPTH, "queue_length", job.queue_length, behind)
    facts.tallies.dequeued(queue_type, job.queue_id, now)
    had_some, facts.call.size = facts.call.size > 0, facts.call.size + len(job.payload)
    if facts.call.is_full or (had_some and facts.call.size > MAX_DEQUEUE_BYTES):
        yield Rule.READINESS, f"{job.job_id} is served, and its call was full"


def _judge_turn(ledger: TypeLedger, life: Life, job: Delivery, now: int) -> Iterator[Finding]:
    """Judge whether it was the turn of a job, and of its queue."""
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


def _is_full(facts: Facts, ledger: TypeLedger, now: int) -> bool:
    """Return whether the next job's payload is too much for the call; then it stays full."""
    ready = ledger.first_ready(now)
    if ready is not None and facts.call.size:
        following = len(ledger.queue(ready).waiting[0].new.payload)
        facts.call.is_full |= facts.call.size + following > MAX_DEQUEUE_BYTES
    return facts.call.is_full


def _judge_rest(ledger: TypeLedger, now: int) -> Iterator[Finding]:
    """Judge whether a take that is short left a ready job."""
    ready = ledger.first_ready(now)
    if ready is not None:
        yield Rule.READINESS, f"a job of {ready} is ready and was not served"


def _judge_next_ready_at(
    facts: Facts, ledger: TypeLedger, answer: Dequeued, now: int, *, is_short: bool
) -> Iterator[Finding]:
    """Judge when a take says to come back."""
    found = answer.next_ready_at
    if not is_short:
        yield from differences(Rule.READINESS, "next_ready_at", found, None)
    elif facts.call.is_full or ledger.expired(now):
        yield from differences(Rule.READINESS, "next_ready_at", found, now)
    else:
        earliest, latest = ledger.next_ready_at()
        is_early = found is not None and (earliest is None or found < earliest)
        is_late = latest is not None and (found is None or found > latest)
        if is_early or is_late:
            what = f"next_ready_at is {found}, and must be from {earliest} to {latest}"
            yield Rule.READINESS, what
