"""Deliveries that nobody saw: a dequeue without an answer may have given jobs.

Each delivery raises the `attempt` of its job. So where the last delivery of each job surely was
seen, those that were seen tell how many there were in between.
"""

from collections.abc import Iterator, Sequence

from sharq_plug.model import Take, View
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.evidence import Evidence, QueueEvidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, token_of
from sharq_plug.testing.model_check.sound.readiness import Stretch, span


def emptied(evidence: Evidence, queue: QueueEvidence) -> Event | None:
    """Return a look before which each job surely was finished by who had its last lease.

    It found nothing in the queue, and nothing but a finish with a token can have removed a job.
    """
    moves = (*queue.moves.clears, *queue.moves.discards, *queue.moves.redrives, *queue.cancels)
    finishes = [finish for job in queue.jobs.values() for finish in job.finishes]
    has_tokens = all(token_of(finish) is not None for finish in finishes)
    if moves or not has_tokens or evidence.may_drop_letters:
        return None
    return next((look for look in queue.looks if _shows_nothing(look)), None)


def _shows_nothing(look: Event) -> bool:
    view = look.outcome.queue if isinstance(look.outcome, View) else None
    return view is not None and not (view.waiting or view.delayed or view.leased or view.dead)


def between_seen(job: JobEvidence) -> Iterator[Stretch]:
    """Iterate over when a job was given and nobody saw it, if its last deliveries were seen.

    Its lives are told apart by when they began.
    """
    lives: dict[int, list[Grant]] = {}
    for grant in job.grants:
        lives.setdefault(grant.job.enqueued_at, []).append(grant)
    for enqueued_at, grants in lives.items():
        begin, attempt = (float(enqueued_at), -1.0), 0
        for grant in sorted(grants, key=lambda one: one.job.attempt):
            at = span(grant)
            yield from [Stretch(begin, at.end)] * (grant.job.attempt - attempt - 1)
            begin, attempt = at.begin, grant.job.attempt


def lost(takes: Sequence[Event]) -> Iterator[Stretch]:
    """Iterate over when dequeues without an answer may have been, once for each job asked for."""
    for event in takes:
        take = event.operation.item
        if isinstance(take, Take) and event.outcome is None:
            yield from [span(event)] * take.count
