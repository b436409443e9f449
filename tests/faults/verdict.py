"""The verdict on a record: the figures of one run, or of many."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sharq_plug.model import EnqueueOutcome, EnqueueResult, Finish, LeaseOutcome, NewJob
from sharq_plug.testing.model_check.checker import check
from sharq_plug.testing.model_check.history import Event, History
from sharq_plug.testing.model_check.violations import Rule, Violation

SHOWN = 5
"""Violations that a report shows in full."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happened to the jobs of a run, and every rule that was broken.

    `lost` are ids of jobs that were acknowledged, and of which nothing is left though no worker
    finished them. `keyed` counts the jobs that were sent with a key; `twice` are those of them
    that were finished under two enqueues. `again` counts jobs that were finished before their
    enqueue was repeated, and so were queued again. `late` are the requests that took longer than
    promised. `recoveries` are the seconds that enqueue, dequeue, waiting and reclaim took to work
    again. The rest says how hard the run was: requests without a good answer, jobs leased once
    more, claims that came with the token of a lease that had ended.
    """

    jobs: int
    acknowledged: int
    lost: tuple[str, ...]
    keyed: int
    twice: tuple[str, ...]
    again: int
    unanswered: int
    late: tuple[str, ...]
    redeliveries: int
    stale: int
    violations: tuple[Violation, ...]
    recoveries: tuple[float, ...]

    def count(self, rule: Rule) -> int:
        """Return how often a rule was broken."""
        return sum(violation.rule is rule for violation in self.violations)

    @property
    def is_clean(self) -> bool:
        """Return whether every promise was kept."""
        return not (self.lost or self.twice or self.late or self.violations)

    def __str__(self) -> str:
        """Return what was wrong, for a test's report."""
        lost = f"{len(self.lost)} of {self.acknowledged} acknowledged jobs lost: {self.lost}"
        twice = f"{len(self.twice)} of {self.keyed} jobs with a key done twice: {self.twice}"
        shown = [*self.late[:SHOWN], *map(str, self.violations[:SHOWN])]
        slowest = f"{len(self.violations)} violations; {len(self.late)} late; {self.recoveries}"
        return "\n".join([lost, twice, slowest, *shown])


def judge(
    history: History, queue_type: str, *, late: Iterable[str], recoveries: Iterable[float]
) -> Verdict:
    """Judge the record of a run that left no job of `queue_type`."""
    enqueues: dict[str, list[Event]] = {}
    finishes: dict[str, list[Event]] = {}
    for event in history.events:
        if event.operation.queue_type != queue_type:
            continue
        match event.operation.item:
            case NewJob(job_id=job_id):
                enqueues.setdefault(job_id, []).append(event)
            case Finish(lease):
                finishes.setdefault(lease.job_id, []).append(event)
            case _:
                pass
    acknowledged = [job for job, events in enqueues.items() if any(map(_is_answered, events))]
    keyed = [job for job, events in enqueues.items() if any(map(_has_key, events))]
    enqueued_at = {grant.job.token: grant.job.enqueued_at for grant in history.grants()}
    lost = (job for job in acknowledged if not _may_be_done(finishes.get(job, [])))
    return Verdict(
        jobs=len(enqueues),
        acknowledged=len(acknowledged),
        lost=tuple(lost),
        keyed=len(keyed),
        twice=tuple(job for job in keyed if _is_done_twice(finishes.get(job, []), enqueued_at)),
        again=sum(_is_queued_again(enqueues[job], finishes.get(job, [])) for job in enqueues),
        unanswered=len({event.call for event in history.events if event.outcome is None}),
        redeliveries=sum(grant.job.attempt > 1 for grant in history.grants()),
        stale=sum(event.outcome is LeaseOutcome.STALE for event in history.events),
        late=tuple(late),
        violations=tuple(check(history)),
        recoveries=tuple(recoveries),
    )


def add_up(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on many runs together."""
    every = list(verdicts)
    return Verdict(
        jobs=sum(one.jobs for one in every),
        acknowledged=sum(one.acknowledged for one in every),
        lost=tuple(job for one in every for job in one.lost),
        keyed=sum(one.keyed for one in every),
        twice=tuple(job for one in every for job in one.twice),
        again=sum(one.again for one in every),
        unanswered=sum(one.unanswered for one in every),
        late=tuple(request for one in every for request in one.late),
        redeliveries=sum(one.redeliveries for one in every),
        stale=sum(one.stale for one in every),
        violations=tuple(violation for one in every for violation in one.violations),
        recoveries=tuple(recovery for one in every for recovery in one.recoveries),
    )


def _is_answered(event: Event) -> bool:
    return isinstance(event.outcome, EnqueueResult)


def _has_key(event: Event) -> bool:
    new = event.operation.item
    return isinstance(new, NewJob) and new.extras is not None and new.extras.deduplicate is not None


def _is_done_twice(finishes: list[Event], enqueued_at: Mapping[str, int]) -> bool:
    """Return whether leases of two enqueues were finished; `enqueued_at` has that by token."""
    lives = {
        enqueued_at.get(event.operation.item.lease.token or "")
        for event in finishes
        if isinstance(event.operation.item, Finish) and event.outcome is LeaseOutcome.ENDED
    }
    return len(lives) > 1


def _may_be_done(finishes: list[Event]) -> bool:
    """Return whether a finish ended the job, or may have ended it without an answer."""
    answers: dict[str | None, set[LeaseOutcome]] = {}
    for event in finishes:
        if isinstance(event.operation.item, Finish):
            answered = answers.setdefault(event.operation.item.lease.token, set())
            if isinstance(event.outcome, LeaseOutcome):
                answered.add(event.outcome)
    return any(not found or LeaseOutcome.ENDED in found for found in answers.values())


def _is_queued_again(enqueues: list[Event], finishes: list[Event]) -> bool:
    ends = [event for event in finishes if event.outcome is LeaseOutcome.ENDED]
    queued = [event for event in enqueues if event.outcome == EnqueueResult(EnqueueOutcome.QUEUED)]
    return any(end.before(event) for end in ends for event in queued)
