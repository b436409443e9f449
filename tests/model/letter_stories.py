"""Histories written by hand in which jobs die: what becomes of their letters, and what is seen."""

from collections.abc import Sequence
from typing import Any, Self

from model.stories import START, TYPE, Story

from sharq_plug.model import (
    AmendOutcome,
    DeathReason,
    Discard,
    JobEntry,
    JobRef,
    Jobs,
    JobState,
    JobView,
    LetterRange,
    LetterRef,
    Letters,
    LettersMoved,
    LetterView,
    Listing,
    MinuteCounts,
    Page,
    Redrive,
    Retention,
    Tended,
    Totals,
    TypeRules,
    TypeView,
    View,
    counted_minutes,
)
from sharq_plug.testing.model_check.operations import (
    DiscardRange,
    Look,
    PageStep,
    RedriveRange,
    Tend,
)

DONE = AmendOutcome.DONE


class LetterStory(Story):
    """A story whose letters are named by their numbers, or by the jobs that they are of."""

    def kill(self, job_id: str, token: str, **how: Any) -> Self:
        """Enqueue a job, and let it die at its first delivery."""
        return self.enqueue(job_id, **how).dequeue(job_id, token).fail(job_id, token, dead=True)

    def redrive(self, letter: str | int, outcome: AmendOutcome = DONE, **how: Any) -> Self:
        return self.tell(Redrive(_named(letter)), outcome, **how)

    def discard(self, letter: str | int, outcome: AmendOutcome = DONE, **how: Any) -> Self:
        return self.tell(Discard(_named(letter)), outcome, **how)

    def redrive_range(
        self, count: int, *, duplicates: int = 0, after: int | None = None, limit: int = 100
    ) -> Self:
        moved = LettersMoved(count, duplicates=duplicates, after=after)
        return self.tell(RedriveRange(LetterRange(), limit), moved)

    def discard_range(
        self, count: int, *, after: int | None = None, limit: int = 100, of: str | None = None
    ) -> Self:
        moved = LettersMoved(count, after=after)
        return self.tell(DiscardRange(LetterRange(of), limit), moved)

    def drop(self, retention: Retention, **how: Any) -> Self:
        """Tend with a retention."""
        return self.tell(Tend(100, retention), Tended((), more=False), **how)

    def list_letters(self, *letters: tuple[int, str], **how: Any) -> Self:
        """List all letters of the type: jobs that died at their first delivery, at the start."""
        views = [
            LetterView(number, "q", job_id, b"", DeathReason.FAILED, 1, START, START)
            for number, job_id in letters
        ]
        return self.list_all(Letters(), views, **how)

    def list_waiting(
        self, *jobs: str, cursor: str | None = None, leads_to: str | None = None, **how: Any
    ) -> Self:
        """List the jobs of the queue that wait: plain ones, enqueued at the start."""
        step = PageStep(Jobs("q", JobState.WAITING), cursor, max(1, len(jobs)))
        entries = [
            JobEntry(job_id, JobView(JobState.WAITING, 0, -1, START, position=position))
            for position, job_id in enumerate(jobs)
        ]
        return self.tell(step, Page(tuple(entries), leads_to), **how)

    def list_all(self, listing: Listing, items: Sequence[Any], **how: Any) -> Self:
        """List something in one step."""
        return self.tell(PageStep(listing, None, 100), Page(tuple(items), None), **how)

    def look_at_type(self, totals: Totals, view: TypeView, **how: Any) -> Self:
        """Look at the type, whose minute counts are those of its totals."""
        minutes = counted_minutes(START + self._ms)
        counts = MinuteCounts(
            dict.fromkeys(minutes, 0) | {minutes[-1]: totals.enqueued},
            dict.fromkeys(minutes, 0) | {minutes[-1]: totals.dequeued},
        )
        return self.tell(Look(), View(counts, type=view, totals=totals, rules=TypeRules()), **how)


def _named(letter: str | int) -> LetterRef | JobRef:
    return LetterRef(letter) if isinstance(letter, int) else JobRef("q", letter)


def type_view(**lengths: int) -> TypeView:
    return TypeView(TYPE, **lengths)
