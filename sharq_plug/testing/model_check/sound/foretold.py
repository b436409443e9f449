"""What was foretold of a job: it does not go before that, unless something changes its queue."""

from collections.abc import Iterator

from sharq_plug.model import JobRef, JobView
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.sound.evidence import QueueEvidence
from sharq_plug.testing.model_check.sound.holders import Holder
from sharq_plug.testing.model_check.sound.moments import Step, before
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_foretold(holder: Holder, queue: QueueEvidence) -> Iterator[Violation]:
    """Yield each job that went too early, and nothing but deliveries can have been in between."""
    changes = list(_changes(queue))
    for find in queue.asked:
        item, job = find.operation.item, find.outcome
        if not isinstance(item, JobRef) or not isinstance(job, JobView):
            continue
        following = _following(queue, item, find)
        if following is None or job.earliest_at is None or following.instant >= job.earliest_at:
            continue
        if _may_take_up(holder, find, following):
            continue
        if not any(_may_be_between(find, change, following) for change in changes):
            early = job.earliest_at - following.instant
            what = f"{item.job_id} goes {early} ms before the instant that was told"
            yield Violation(Rule.HOLDS, what, (find, following.event))


def _changes(queue: QueueEvidence) -> Iterator[Event]:
    """Iterate over what may have changed a queue, but for dequeues and what time brings.

    A job that comes back or joins stands ahead or behind: it lets no other go earlier.
    """
    yield from (event for event in queue.asked if not isinstance(event.operation.item, JobRef))
    yield from (*queue.moves.clears, *queue.moves.redrives)


def _may_take_up(holder: Holder, find: Event, following: Grant) -> bool:
    """Return whether a queue may have taken up changed defaults after a look at a job of it.

    With a delivery before that it had taken up what had changed by then.
    """
    earlier = [grant for grant in holder.grants if before(grant, find)]
    timelines = holder.defaults.settings.values() if holder.defaults else ()
    changes = [setter.event for timeline in timelines for setter in timeline.setters]
    return any(
        not before(following, change) and not any(before(change, grant) for grant in earlier)
        for change in changes
    )


def _following(queue: QueueEvidence, ref: JobRef, find: Event) -> Grant | None:
    """Return the first delivery of a job after a look at it, if it surely is one."""
    grants = queue.jobs[ref.job_id].grants if ref.job_id in queue.jobs else []
    later = [grant for grant in grants if grant.is_exact and before(find, grant)]
    return min(later, key=lambda grant: grant.instant, default=None)


def _may_be_between(one: Step, change: Event, other: Step) -> bool:
    return not before(change, one) and not before(other, change)
