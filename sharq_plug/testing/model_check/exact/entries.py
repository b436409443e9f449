"""What each listing must show of a sequential history, and in which order."""

from dataclasses import replace
from typing import Any

from msgspec import structs

from sharq_plug.model import (
    Backlogs,
    Figures,
    JobEntry,
    Jobs,
    JobState,
    KnownTypes,
    Letters,
    Listing,
    Names,
    Overdue,
    Queues,
    QueueView,
    SharedLimits,
    Totals,
    Types,
)
from sharq_plug.testing.model_check.exact.jobs import shown, shown_living
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.listings import Entry
from sharq_plug.testing.model_check.exact.lives import Life
from sharq_plug.testing.model_check.exact.views import (
    limit_view,
    queue_view,
    type_figures,
    type_view,
)


def entries(
    types: dict[str, TypeLedger], queue_type: str | None, listing: Listing, now: int
) -> list[Entry]:
    """Return all that a listing must show at `now` (ms), in its order if it promises one."""
    if queue_type is None:
        return _of_types(types, listing, now)
    ledger = types.get(queue_type) or TypeLedger()
    match listing:
        case Names():
            found = [Entry(name, None, name) for name in sorted(ledger.existing())]
        case Queues(prefix):
            listed = [name for name in ledger.listed() if name.startswith(prefix)]
            found = [Entry(name, None, queue_view(ledger, name, now)) for name in sorted(listed)]
        case Backlogs():
            queues = [ledger.queue(name) for name in sorted(ledger.existing())]
            backlogs = [QueueView(queue.queue_id, waiting=queue.waiting(now)) for queue in queues]
            found = [Entry(backlog.queue_id, None, backlog) for backlog in backlogs]
        case Overdue():
            found = _overdue(ledger, now)
        case Jobs():
            found = _jobs(ledger, listing, now)
        case Letters(queue_id):
            letters = reversed(ledger.letters.of(queue_id))
            found = [Entry(one.number, -one.number, one.view) for one in letters]
        case SharedLimits(only):
            names = [name for name in sorted(ledger.benches.limits) if only in {None, name}]
            found = [Entry(name, name, limit_view(ledger, name, now)) for name in names]
        case _:
            raise LookupError(f"{listing} is not of one type")
    return found


def _of_types(types: dict[str, TypeLedger], listing: Listing, now: int) -> list[Entry]:
    match listing:
        case Names():
            names = sorted(name for name, ledger in types.items() if ledger.existing())
            return [Entry(name, None, name) for name in names]
        case KnownTypes():
            known = [name for name, ledger in types.items() if _is_known(ledger)]
            return [Entry(name, None, name) for name in sorted(known)]
        case Figures(names=asked):
            return [
                Entry(name, at, type_figures(types.get(name) or TypeLedger(), name, now))
                for at, name in enumerate(asked)
            ]
        case Types():
            names = sorted(name for name, ledger in types.items() if ledger.listed())
            return [Entry(name, None, type_view(types[name], name, now)) for name in names]
        case _:
            raise LookupError(f"{listing} is of one type")


def _is_known(ledger: TypeLedger) -> bool:
    return bool(ledger.listed()) or ledger.letters.totals != Totals()


def _overdue(ledger: TypeLedger, now: int) -> list[Entry]:
    ready = [queue for queue in ledger.queues.values() if ledger.is_ready(queue, now)]
    return [
        Entry(queue_id, place, queue_view(ledger, queue_id, now))
        for place, queue_id in sorted((queue.place, queue.queue_id) for queue in ready)
    ]


def _jobs(ledger: TypeLedger, jobs: Jobs, now: int) -> list[Entry]:
    queue = ledger.queue(jobs.queue_id)
    if jobs.state is JobState.DEAD:
        found = [
            Entry(
                letter.number,
                letter.number,
                JobEntry(letter.job_id, shown(letter.life, JobState.DEAD)),
            )
            for letter in ledger.letters.of(jobs.queue_id)
        ]
    else:
        lives = [life for life in queue.lives.values() if life.state(now) is jobs.state]
        found = [
            Entry(life.new.job_id, place, JobEntry(life.new.job_id, shown_living(queue, life, now)))
            for place, life in sorted((_place(life), life) for life in lives)
        ]
    if jobs.with_payloads:
        return found
    return [replace(entry, value=_without_payload(entry.value)) for entry in found]


def _place(life: Life) -> tuple[Any, ...]:
    """Return what orders the jobs of one state."""
    if life.token is not None:
        return life.expires_at, life.number
    return (0, *life.standing) if life.waits else (1, *life.joins)


def _without_payload(entry: JobEntry) -> JobEntry:
    return structs.replace(entry, job=structs.replace(entry.job, payload=None))
