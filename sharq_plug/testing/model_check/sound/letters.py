"""Dead letters: each has a number of its own, and goes once; none is of a job that is leased."""

from collections.abc import Iterator

from sharq_plug.model import AmendOutcome, Discard, LetterRef, LetterView, Redrive
from sharq_plug.testing.model_check.history import Event, History
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, latest, new_job
from sharq_plug.testing.model_check.sound.listings import items_of
from sharq_plug.testing.model_check.sound.moved import is_sure_of_job
from sharq_plug.testing.model_check.violations import Rule, Violation


def check_letters(history: History, evidence: Evidence) -> Iterator[Violation]:
    """Yield each redrive or discard that cannot have been, and each letter that cannot be there."""
    for job in evidence.jobs():
        yield from _check_redrives(job)
    if not evidence.may_forget_types:
        gone = _gone(history)
        yield from _check_once(gone)
        yield from _check_views(evidence, gone)


def _check_redrives(job: JobEvidence) -> Iterator[Violation]:
    """Hold that no job is redriven while a lease of it surely stands."""
    for redrive in job.restarts:
        if not is_sure_of_job(redrive):
            continue
        for lease in job.grants:
            is_before = lease.event.before(redrive)
            if is_before and not job.may_be_over(lease, redrive, redrive.answered_at):
                what = f"{job.job_id} is redriven, and it is leased"
                yield Violation(Rule.DOUBLING, what, (lease.event, redrive))


def _gone(history: History) -> dict[tuple[str | None, int], list[Event]]:
    """Return what removed letters, by queue type and number."""
    gone: dict[tuple[str | None, int], list[Event]] = {}
    for event in history.events:
        match event.operation.item:
            case Redrive(LetterRef(number)) | Discard(LetterRef(number)):
                if event.outcome is AmendOutcome.DONE:
                    gone.setdefault((event.operation.queue_type, number), []).append(event)
    return gone


def _check_once(gone: dict[tuple[str | None, int], list[Event]]) -> Iterator[Violation]:
    for (queue_type, number), events in gone.items():
        if len(events) > 1:
            what = f"the letter {number} of {queue_type} goes {len(events)} times"
            yield Violation(Rule.LETTERS, what, tuple(events))


def _check_views(
    evidence: Evidence, gone: dict[tuple[str | None, int], list[Event]]
) -> Iterator[Violation]:
    """Hold that each letter that is shown may be there, and is the one of its number."""
    shown: dict[tuple[str | None, int], tuple[Event, LetterView]] = {}
    for page in evidence.pages:
        for letter in items_of(page):
            if not isinstance(letter, LetterView):
                continue
            name = (page.operation.queue_type, letter.number)
            first, known = shown.setdefault(name, (page, letter))
            if known != letter:
                what = f"{letter.number} is the number of two letters"
                yield Violation(Rule.LETTERS, what, (first, page))
            over = next((event for event in gone.get(name, ()) if event.before(page)), None)
            if over is not None:
                what = f"the letter {letter.number} is listed after it went"
                yield Violation(Rule.DOUBLING, what, (over, page))
            yield from _check_origin(evidence, page, letter)


def _check_origin(evidence: Evidence, page: Event, letter: LetterView) -> Iterator[Violation]:
    """Hold that the job of a letter was enqueued as the letter says, and has died by now."""
    queue = evidence.queues.get((page.operation.queue_type or "", letter.queue_id))
    job = queue.jobs.get(letter.job_id) if queue is not None else None
    starts = [
        start
        for start in ([] if job is None else job.starts)
        if start.invoked_at <= letter.enqueued_at <= latest(start) and not page.before(start)
    ]
    if not any(new_job(start).payload == letter.payload for start in starts):
        what = f"the letter {letter.number} is of no job that was enqueued"
        yield Violation(Rule.DOUBLING, what, (*starts, page))
    if not letter.enqueued_at <= letter.died_at <= latest(page):
        what = f"the letter {letter.number} died at {letter.died_at}"
        yield Violation(Rule.LETTERS, what, (page,))
