"""Presence: no job lost, none doubled, no id queued twice."""

from collections.abc import Iterator

from sharq_plug.model import Cleared, EnqueueOutcome, EnqueueResult, LeaseOutcome, View
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.evidence import Evidence, QueueEvidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, token_of
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_presence(evidence: Evidence) -> Iterator[Violation]:
    """Yield each job that is lost, doubled, or wrongly called a duplicate."""
    for (_, queue_id), queue in evidence.queues.items():
        for look in queue.looks:
            yield from _check_lengths(queue_id, queue, look)
    for job in evidence.jobs():
        yield from _check_idempotence(job)


def _check_lengths(queue_id: str, queue: QueueEvidence, look: Event) -> Iterator[Violation]:
    """Hold that a queue has all jobs that must be there, and no more than can be."""
    if not isinstance(look.outcome, View):
        return
    alive = look.outcome.waiting + look.outcome.leased + look.outcome.delayed
    there = alive + look.outcome.dead
    proofs = {job.job_id: _proof(job, look) for job in queue.jobs.values()}
    sure = {job_id: proof for job_id, proof in proofs.items() if proof is not None}
    immortal = {job_id: proof for job_id, proof in sure.items() if not queue.jobs[job_id].is_mortal}
    for must, found, state in (
        (immortal, alive, "wait, are delayed or leased"),
        (sure, there, "wait, are delayed, leased or dead"),
    ):
        if len(must) > found:
            what = f"{len(must)} jobs of {queue_id} must be there, and {found} {state}"
            yield Violation(Rule.LOSS, what, (look, *must.values()))
            return
    most = _most(queue, look)
    if there > most:
        what = f"at most {most} jobs of {queue_id} can be there, and {there} are"
        yield Violation(Rule.DOUBLING, what, (look,))


def _proof(job: JobEvidence, until: Event) -> Event | None:
    """Return an event after which the job surely was there until `until`, if there is one."""
    for proof in job.proofs:
        if proof.before(until) and all(end.before(proof) or until.before(end) for end in job.ends):
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
    for clear in queue.clears:
        if isinstance(clear.outcome, Cleared) and clear.before(look):
            cleared = clear.outcome
            most -= cleared.waiting + cleared.delayed + cleared.leased + cleared.dead
    most -= sum(event.outcome is not None and event.before(look) for event in queue.cancels)
    return most


def _surely_ended(finish: Event, look: Event) -> bool:
    return finish.outcome is LeaseOutcome.ENDED and finish.before(look)


def _check_idempotence(job: JobEvidence) -> Iterator[Violation]:
    for proof in job.proofs:
        if _outcome(proof) is EnqueueOutcome.DUPLICATE:
            if all(proof.before(start) for start in job.starts):
                what = f"{job.job_id} is called a duplicate, and was not enqueued before"
                yield Violation(Rule.IDEMPOTENCE, what, (proof,))
        elif not job.is_mortal and (earlier := _proof(job, proof)) is not None:
            what = f"{job.job_id} is queued, though it waits or is leased"
            yield Violation(Rule.IDEMPOTENCE, what, (earlier, proof))


def _outcome(enqueue: Event) -> EnqueueOutcome | None:
    return enqueue.outcome.outcome if isinstance(enqueue.outcome, EnqueueResult) else None
