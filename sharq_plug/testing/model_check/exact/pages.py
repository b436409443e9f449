"""The rules of a step of a listing: what is there turns up, and nothing else does."""

from collections.abc import Iterator, Sequence

from sharq_plug.model import (
    MAX_DEQUEUE_BYTES,
    Backlogs,
    Figures,
    JobEntry,
    KnownTypes,
    LetterView,
    LimitView,
    Page,
    QueueView,
    TypeFigures,
    TypeView,
)
from sharq_plug.testing.model_check.comparing import ORDERED
from sharq_plug.testing.model_check.exact.entries import entries
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.listings import Entry, Progress
from sharq_plug.testing.model_check.exact.views import judge_figures, judge_view
from sharq_plug.testing.model_check.operations import PageStep
from sharq_plug.testing.model_check.violations import Rule


def judge_page(
    facts: Facts, queue_type: str | None, step: PageStep, page: Page, now: int
) -> Iterator[Finding]:
    """Judge a step of a listing. Where an order is promised, a page is full, or the last."""
    there = entries(facts.types, queue_type, step.listing, now)
    if step.cursor is None:
        progress: Progress | None = Progress.begun(there)
    else:
        progress = facts.listings.resume((queue_type, step.listing, step.cursor))
    is_ordered = isinstance(step.listing, ORDERED)
    rest, had = there, []
    for item in page.items:
        at = next((at for at, entry in enumerate(rest) if _is(item, entry)), None)
        if at is None and isinstance(step.listing, KnownTypes) and item in facts.types:
            continue  # it may be listed
        if at is None:
            yield Rule.LISTING, f"shows {item}, which is not there or not in this place"
            continue
        had.append(rest[at])
        if isinstance(item, QueueView | TypeView) and not isinstance(step.listing, Backlogs):
            name = item.queue_type if isinstance(item, TypeView) else queue_type
            yield from judge_view(facts.of(name), item, rest[at].value, now)
        if isinstance(item, TypeFigures):
            yield from judge_figures(facts.of(item.queue_type), item, rest[at].value, now)
        if isinstance(item, LimitView):
            yield from differences(Rule.HOLDS, "shared limit", item, rest[at].value)
        rest = rest[at + 1 :] if is_ordered else [*rest[:at], *rest[at + 1 :]]
    yield from _judge_size(step, page, rest, is_ordered=is_ordered)
    if progress is None:
        return
    progress.note(there)
    progress.shown += [entry.key for entry in had]
    yield from _judge_progress(progress, page, there, is_ordered=is_ordered)
    if page.cursor is not None:
        facts.listings.keep((queue_type, step.listing, page.cursor), progress)


def _is(item: object, entry: Entry) -> bool:
    """Return whether an item of a page is the entry. What a view shows is judged by itself."""
    match item, entry.value:
        case (
            (QueueView(queue_id=one), QueueView(queue_id=other))
            | (
                TypeView(queue_type=one),
                TypeView(queue_type=other),
            )
            | (TypeFigures(queue_type=one), TypeFigures(queue_type=other))
            | (LimitView(name=one), LimitView(name=other))
        ):
            return one == other
        case _:
            return bool(item == entry.value)


def _judge_size(
    step: PageStep, page: Page, rest: Sequence[Entry], *, is_ordered: bool
) -> Iterator[Finding]:
    """Judge how many items a page has; `rest` is what could follow them."""
    found = len(page.items)
    if isinstance(step.listing, Figures):
        return
    if found > step.limit * (1 if is_ordered else 2):
        yield Rule.LISTING, f"a page of {step.limit} has {found} items"
    if not is_ordered or found >= step.limit or page.cursor is None:
        return
    sizes = [_size(item) for item in page.items]
    following = _size(rest[0].value) if rest else 0
    if sum(sizes) + following <= MAX_DEQUEUE_BYTES:
        yield Rule.LISTING, f"a page of {step.limit} has {found} items, and is not the last"


def _size(item: object) -> int:
    match item:
        case JobEntry(job=job):
            return len(job.payload or b"")
        case LetterView(payload=payload):
            return len(payload)
        case _:
            return 0


def _judge_progress(
    progress: Progress, page: Page, there: list[Entry], *, is_ordered: bool
) -> Iterator[Finding]:
    """Judge what was listed so far. While nothing changes, nothing is left out nor comes twice."""
    places = [[(entry.key, entry.place) for entry in found] for found in (there, progress.first)]
    if is_ordered and places[0] == places[1]:
        expected = [entry.key for entry in there][: len(progress.shown)]
        if progress.shown != expected:
            yield Rule.LISTING, f"lists {progress.shown}, and must list {expected}"
    missing = progress.always.keys() - set(progress.shown)
    if missing and page.cursor is None:
        yield Rule.LISTING, f"leaves out {sorted(missing, key=str)}"
