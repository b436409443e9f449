"""Presence: no job lost, none doubled, no id queued twice."""

from collections.abc import Iterator

from sharq_plug.model import (
    AmendOutcome,
    Cancel,
    Clear,
    Cleared,
    Discard,
    EnqueueOutcome,
    EnqueueResult,
    JobRef,
    LeaseOutcome,
    LetterRange,
    LetterRef,
    LettersMoved,
    View,
)
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.operations import ClearStep, DiscardRange
from sharq_plug.testing.model_check.sound.evidence import Evidence, QueueEvidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, token_of
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_presence(evidence: Evidence) -> Iterator[Violation]:
    """Yield each job that is lost, doubled, or wrongly called a duplicate."""
    for (_, queue_id), queue in evidence.queues.items():
        for look in queue.looks:
            yield from _check_lengths(evidence, queue_id, queue, look)
    for job in evidence.jobs():
        yield from _check_idempotence(job)


def _check_lengths(
    evidence: Evidence, queue_id: str, queue: QueueEvidence, look: Event
) -> Iterator[Violation]:
    """Hold that a queue has all jobs that must be there, and no more than can be."""
    if not isinstance(look.outcome, View) or look.outcome.queue is None:
        return
    view = look.outcome.queue
    alive = view.waiting + view.leased + view.delayed
    there = alive + view.dead
    proofs = {job.job_id: proof_of(job, look) for job in queue.jobs.values()}
    sure = {job_id: proof for job_id, proof in proofs.items() if proof is not None}
    immortal = {job_id: proof for job_id, proof in sure.items() if not queue.jobs[job_id].is_mortal}
    for must, found, state in (
        (immortal, alive, "wait, are delayed or leased"),
        ({} if evidence.may_drop_letters else sure, there, "wait, are delayed, leased or dead"),
    ):
        if len(must) > found:
            what = f"{len(must)} jobs of {queue_id} must be there, and {found} {state}"
            yield Violation(Rule.LOSS, what, (look, *must.values()))
            return
    most = _most(queue, look)
    if there > most:
        what = f"at most {most} jobs of {queue_id} can be there, and {there} are"
        yield Violation(Rule.DOUBLING, what, (look,))


def proof_of(job: JobEvidence, until: Event, since: Event | None = None) -> Event | None:
    """Return an event after which the job surely was there until `until`, if there is one.

    With `since` it is one before that. The job may have died.
    """
    for proof in job.proofs:
        is_early = proof.before(since or until)
        if is_early and all(end.before(proof) or until.before(end) for end in job.ends):
            return proof
    return None


def _most(queue: QueueEvidence, look: Event) -> int:
    """Return how many jobs of a queue can be there at most, dead ones included."""
    most = 0
    for job in queue.jobs.values():
        most += sum(not look.before(start) for start in job.starts)
        ended = [event for event in job.finishes if _surely_ended(event, look)]
        tokens = {token_of(event) for event in ended} - {None}
        most -= len(tokens) + sum(token_of(event) is None for event in ended)
    removals = (*queue.moves.clears, *queue.cancels, *queue.moves.discards)
    return most - sum(_removed(event) for event in removals if event.before(look))


def _removed(event: Event) -> int:
    """Return how many jobs or letters of one queue an event surely removed, at least."""
    match event.operation.item, event.outcome:
        case ClearStep(what=Clear(queue_id=str())), Cleared() as cleared:
            return cleared.waiting + cleared.delayed + cleared.leased + cleared.dead
        case DiscardRange(letters=LetterRange(queue_id=str())), LettersMoved(count=count):
            return count
        case Cancel() | Discard(letter=JobRef() | LetterRef(queue_id=str())), AmendOutcome.DONE:
            return 1
        case _:
            return 0


def _surely_ended(finish: Event, look: Event) -> bool:
    return finish.outcome is LeaseOutcome.ENDED and finish.before(look)


def _check_idempotence(job: JobEvidence) -> Iterator[Violation]:
    for proof in job.proofs:
        if _outcome(proof) is EnqueueOutcome.DUPLICATE:
            if all(proof.before(start) for start in job.starts):
                what = f"{job.job_id} is called a duplicate, and was not enqueued before"
                yield Violation(Rule.IDEMPOTENCE, what, (proof,))
        elif not job.is_mortal and (earlier := proof_of(job, proof)) is not None:
            what = f"{job.job_id} is queued, though it waits or is leased"
            yield Violation(Rule.IDEMPOTENCE, what, (earlier, proof))


def _outcome(enqueue: Event) -> EnqueueOutcome | None:
    return enqueue.outcome.outcome if isinstance(enqueue.outcome, EnqueueResult) else None
