"""Listings: what surely was there throughout turns up, and nothing does that never was.

Other calls may come between the steps of a listing, and overlap them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sharq_plug.model import (
    Backlogs,
    Figures,
    JobEntry,
    Jobs,
    JobState,
    KnownTypes,
    Letters,
    LetterView,
    LimitView,
    Listing,
    Names,
    Overdue,
    Page,
    Queues,
    QueueView,
    SharedLimits,
    TypeFigures,
    Types,
    TypeView,
)
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.operations import PageStep
from sharq_plug.testing.model_check.sound.evidence import Evidence, QueueEvidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, QueueName
from sharq_plug.testing.model_check.sound.presence import proof_of
from sharq_plug.testing.model_check.violations import Rule, Violation


@dataclass(frozen=True, slots=True)
class _Chain:
    """The pages of a listing from its first to its last, each led to by the one before it."""

    pages: tuple[Event, ...]

    @property
    def first(self) -> Event:
        return self.pages[0]

    @property
    def last(self) -> Event:
        return self.pages[-1]

    def names(self) -> set[str]:
        """Return the names of what was listed: of types, queues or jobs."""
        return {_name(item) for page in self.pages for item in items_of(page)}


def check_listings(evidence: Evidence) -> Iterator[Violation]:
    """Yield each listing that misses what was there, or shows what was not."""
    for page in evidence.pages:
        queues = _queues(evidence, page)
        for item in items_of(page):
            if isinstance(_step(page).listing, Figures | KnownTypes):
                continue  # what was merely named may be shown
            if isinstance(item, LimitView):
                limit = evidence.limits.of(page.operation.queue_type or "", item.name)
                may_be_there = limit.may_be_there(page)
            else:
                may_be_there = _may_be_there(queues, page, item)
            if not may_be_there:
                what = f"{_name(item)} is listed, and cannot be there"
                yield Violation(Rule.LISTING, what, (page,))
    for chain in _chains(evidence.pages):
        missing = _there(evidence, chain) - chain.names()
        if missing:
            what = f"{sorted(missing)} are not listed, and were there throughout"
            yield Violation(Rule.LISTING, what, chain.pages)


def items_of(page: Event) -> tuple[object, ...]:
    """Return what a page shows, nothing if there was no answer."""
    return page.outcome.items if isinstance(page.outcome, Page) else ()


def _step(page: Event) -> PageStep:
    if not isinstance(page.operation.item, PageStep):
        raise TypeError(f"{page.operation} is no step of a listing")
    return page.operation.item


def _name(item: object) -> str:
    match item:
        case (
            QueueView(queue_id=str(name))
            | TypeView(queue_type=str(name))
            | TypeFigures(queue_type=str(name))
            | JobEntry(job_id=str(name))
            | LetterView(job_id=str(name))
            | LimitView(name=str(name))
        ):
            return name
        case _:
            return str(item)


def _may_be_there(queues: Mapping[QueueName, QueueEvidence], page: Event, item: object) -> bool:
    """Return whether a job may have been enqueued before a page that shows this."""
    name, is_of_job = _name(item), isinstance(item, JobEntry | LetterView)
    for (of_type, queue_id), queue in queues.items():
        owner = of_type if page.operation.queue_type is None else queue_id
        for job in queue.jobs.values():
            is_this = name == (job.job_id if is_of_job else owner)
            if is_this and not all(page.before(start) for start in job.starts):
                return True
    return False


def _queues(evidence: Evidence, page: Event) -> dict[QueueName, QueueEvidence]:
    """Return the queues of which a listing may show something."""
    queue_type, listing = page.operation.queue_type, _step(page).listing
    return {
        (of_type, queue_id): queue
        for (of_type, queue_id), queue in evidence.queues.items()
        if queue_type in {None, of_type} and _is_of(listing, queue_id)
    }


def _is_of(listing: Listing, queue_id: str) -> bool:
    """Return whether a listing may show something of a queue."""
    match listing:
        case Jobs(queue_id=of) | Letters(queue_id=str(of)):
            return queue_id == of
        case Queues(prefix):
            return queue_id.startswith(prefix)
        case _:
            return True


def _chains(pages: list[Event]) -> Iterator[_Chain]:
    following: dict[object, list[Event]] = {}
    for page in pages:
        following.setdefault(_leads(page, _step(page).cursor), []).append(page)
    for page in pages:
        if _step(page).cursor is None:
            chain = [page]
            while (further := _next_page(chain[-1], following)) is not None:
                chain.append(further)
            if isinstance(chain[-1].outcome, Page) and chain[-1].outcome.cursor is None:
                yield _Chain(tuple(chain))


def _leads(page: Event, cursor: str | None) -> object:
    """Return what a cursor leads on: the listing of a page from there."""
    return page.operation.queue_type, _step(page).listing, cursor


def _next_page(page: Event, following: dict[object, list[Event]]) -> Event | None:
    if not isinstance(page.outcome, Page) or page.outcome.cursor is None:
        return None
    led = following.get(_leads(page, page.outcome.cursor), ())
    return next((further for further in led if page.before(further)), None)


def _there(evidence: Evidence, chain: _Chain) -> set[str]:
    """Return the names of what surely was there throughout a listing, and must turn up."""
    listing, queues = _step(chain.first).listing, _queues(evidence, chain.first)
    match listing:
        case SharedLimits(name):
            limits = evidence.limits.of_type(chain.first.operation.queue_type or "")
            those = [(of, limit) for of, limit in limits if name in {None, of}]
            return {of for of, limit in those if limit.is_there(chain.last, chain.first)}
        case Names() | Types() | KnownTypes() | Queues() | Backlogs():
            may_be_dead = (
                isinstance(listing, Types | KnownTypes | Queues) and not evidence.may_drop_letters
            )
            kept = [
                name
                for name, queue in queues.items()
                if _is_kept(queue, chain, may_be_dead=may_be_dead)
            ]
            is_of_types = chain.first.operation.queue_type is None
            return {of_type if is_of_types else queue_id for of_type, queue_id in kept}
        case Jobs(state=JobState.DELAYED) | Overdue():
            return set()
        case Figures(names=asked):
            return {*asked}
        case Jobs(state=state):
            stays = _STAYS[state]
        case Letters():
            stays = _is_dead
    jobs = [job for queue in queues.values() for job in queue.jobs.values()]
    return {job.job_id for job in jobs if stays(evidence, job, chain)}


def _is_kept(queue: QueueEvidence, chain: _Chain, *, may_be_dead: bool) -> bool:
    """Return whether a queue surely had a job throughout, one that may be dead or not."""
    return any(
        (may_be_dead or not job.is_mortal) and proof_of(job, chain.last, chain.first) is not None
        for job in queue.jobs.values()
    )


def _waits(evidence: Evidence, job: JobEvidence, chain: _Chain) -> bool:
    """Return whether a job surely waited throughout: it was enqueued, and not dequeued until then.

    One that may be delayed, or may die, proves nothing.
    """
    is_plain = not (
        job.is_mortal or job.reschedules or job.queue[0] in evidence.unanswered_dequeues
    )
    is_untouched = all(chain.last.before(grant.event) for grant in job.grants)
    is_undelayed = not any(extras.delay or extras.at for extras in job.extras)
    is_there = proof_of(job, chain.last, chain.first) is not None
    return is_plain and is_untouched and is_undelayed and is_there


def _is_leased(_evidence: Evidence, job: JobEvidence, chain: _Chain) -> bool:
    last = chain.last
    return any(
        lease.event.before(chain.first) and not job.may_be_over(lease, last, last.answered_at)
        for lease in job.grants
    )


def _is_dead(evidence: Evidence, job: JobEvidence, chain: _Chain) -> bool:
    """Return whether a job surely died before a listing, and nothing took its letter away."""
    if evidence.may_drop_letters:
        return False
    leaves = [*job.ends, *job.restarts]
    return any(
        death.before(chain.first)
        and all(leave.before(death) or chain.last.before(leave) for leave in leaves)
        for death in job.deaths()
    )


_STAYS: dict[JobState, Callable[[Evidence, JobEvidence, _Chain], bool]] = {
    JobState.WAITING: _waits,
    JobState.LEASED: _is_leased,
    JobState.DEAD: _is_dead,
}
"""What proves that a job was in a state throughout a listing; nothing does that it was delayed."""
