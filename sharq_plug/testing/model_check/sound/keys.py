"""Deduplication: within the time of a key there is no second job of it, unless a clearing came."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from sharq_plug.model import Deduplicate, EnqueueResult
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.sound.evidence import Evidence, QueueEvidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, key_of, latest, new_job
from sharq_plug.testing.model_check.violations import Rule, Violation


@dataclass(frozen=True, slots=True)
class _Queued:
    """A job was surely queued with a key, from `earliest` to `latest` (ms) by `start`."""

    start: Event
    key: Deduplicate
    earliest: int
    latest: float

    def may_be_forgotten(self, other: "_Queued") -> bool:
        """Return whether `other` may have come when this was remembered no more."""
        return other.latest >= self.earliest + self.key.keep_for


def check_keys(evidence: Evidence) -> Iterator[Violation]:
    """Yield each second job of a key, and each job that was refused for a key nobody had."""
    for queue in evidence.queues.values():
        if queue.has_keys:
            yield from _check_seconds(queue)
            for duplicate in queue.duplicates:
                yield from _check_duplicate(queue, duplicate)


def _check_seconds(queue: QueueEvidence) -> Iterator[Violation]:
    by_key: dict[str, list[_Queued]] = {}
    for job in queue.jobs.values():
        for queued in _queued(job):
            by_key.setdefault(queued.key.key, []).append(queued)
    for those in by_key.values():
        for one, other in combinations(those, 2):
            both = (one.start, other.start)
            if one.may_be_forgotten(other) or other.may_be_forgotten(one):
                continue
            if not any(
                _may_be_between(clear, *both) for clear in (*queue.moves.clears, *queue.cancels)
            ):
                what = f"two jobs of the key {one.key.key} are queued within its time"
                yield Violation(Rule.DEDUPLICATION, what, both)


def _queued(job: JobEvidence) -> Iterator[_Queued]:
    """Iterate over what surely queued the job with a key; its deliveries tell when."""
    instants = {grant.job.enqueued_at for grant in job.grants}
    for start in job.starts:
        key = key_of(new_job(start))
        if key is None:
            continue
        if len(job.starts) == 1 and len(instants) == 1:
            [instant] = instants
            yield _Queued(start, key, instant, instant)
        elif start.outcome is not None:
            yield _Queued(start, key, start.invoked_at, latest(start))


def _may_be_between(clear: Event, one: Event, other: Event) -> bool:
    is_first = clear.before(one) and clear.before(other)
    return not is_first and not (one.before(clear) and other.before(clear))


def _check_duplicate(queue: QueueEvidence, duplicate: Event) -> Iterator[Violation]:
    """Hold that the job which is named as the first may still be remembered under the key."""
    new, answer = new_job(duplicate), duplicate.outcome
    key = key_of(new)
    first = queue.jobs.get(answer.job_id or "") if isinstance(answer, EnqueueResult) else None
    starts = [] if first is None else first.starts
    if key is None or not any(_may_be_remembered(start, key, duplicate) for start in starts):
        what = f"{new.job_id} is called a duplicate by its key, and no such job is remembered"
        yield Violation(Rule.DEDUPLICATION, what, (*starts, duplicate))


def _may_be_remembered(start: Event, key: Deduplicate, duplicate: Event) -> bool:
    made = key_of(new_job(start))
    if made is None or made.key != key.key or duplicate.before(start):
        return False
    return duplicate.invoked_at < latest(start) + made.keep_for
