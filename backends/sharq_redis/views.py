"""Views, made from the replies of the verbs."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from sharq_plug.model import (
    DeathReason,
    JobEntry,
    LetterView,
    QueueRules,
    QueueView,
    Totals,
    TypeRules,
    TypeView,
    limits_of_interval,
)
from sharq_redis.replies import log_broken, name_of
from sharq_redis.settings import settings_in
from sharq_redis.showing import holds_of, job_shown

V = TypeVar("V")


def queue_view(queue_id: str, reply: Sequence[int] | bytes) -> QueueView:
    """Return what there is in a queue (lua/lib/views.lua)."""
    if isinstance(reply, bytes):
        log_broken(queue_id, reply)
        return QueueView(queue_id, is_broken=True)
    waiting, leased, dead, delayed, since, next_ready_at = reply
    return QueueView(
        queue_id=queue_id,
        waiting=waiting,
        leased=leased,
        dead=dead,
        delayed=delayed,
        ready_since=None if since < 0 else since,
        next_ready_at=None if next_ready_at < 0 else next_ready_at,
    )


def queue_rules(reply: Sequence[Any]) -> QueueRules:
    """Return what is set for a queue, and what follows from it (lua/lib/views.lua)."""
    own, taken_up, is_pending, interval, frozen_until, held, of_type, brought = reply
    settings = settings_in(own)
    in_effect = settings.or_else(settings_in(taken_up))
    if in_effect.limits is None:
        in_effect = replace(in_effect, limits=limits_of_interval(interval))
    if in_effect.uses is None:
        in_effect = replace(in_effect, uses=names_in(brought))
    return QueueRules(
        settings=settings,
        in_effect=in_effect,
        pending=bool(is_pending),
        held_by=(*holds_of(held), *holds_of(of_type, of_type=True)),
        frozen_until=None if frozen_until < 0 else frozen_until,
    )


def type_rules(reply: Sequence[Any]) -> TypeRules:
    """Return what is set for a type (lua/lib/views.lua)."""
    settings, defaults, frozen_until, held = reply
    return TypeRules(
        settings=settings_in(settings),
        defaults=settings_in(defaults),
        held_by=holds_of(held, of_type=True),
        frozen_until=None if frozen_until < 0 else frozen_until,
    )


def names_in(text: bytes) -> tuple[str, ...] | None:
    """Return the names of shared limits that stand in a row's name (lua/lib/rows.lua)."""
    return tuple(text.decode().split("/")) if text else None


def type_view(queue_type: str, values: Sequence[Any]) -> TypeView:
    """Return what there is in a type (lua/lib/views.lua)."""
    waiting, leased, dead, delayed, queues, ready_queues, since, next_ready_at = values[:8]
    return TypeView(
        queue_type=queue_type,
        waiting=waiting,
        leased=leased,
        dead=dead,
        delayed=delayed,
        queues=queues,
        ready_queues=ready_queues,
        ready_since=None if since < 0 else since,
        next_ready_at=None if next_ready_at < 0 else next_ready_at,
    )


def totals_of(values: Sequence[int]) -> Totals:
    """Return the totals of a type, in the order of lua/lib/totals.lua."""
    return Totals(*values)


def job_entries(jobs: Iterable[tuple[bytes, Any]], *, payloads: bool) -> tuple[JobEntry, ...]:
    """Return jobs by their ids and what is known of each (lua/lib/showing.lua)."""
    named = ((name_of(job_id), shown) for job_id, shown in jobs)
    return tuple(
        JobEntry(job_id, job_shown(shown, payload=payloads))
        for job_id, shown in named
        if job_id is not None
    )


def letter_views(found: Iterable[Any]) -> tuple[LetterView, ...]:
    """Return dead letters (lua/verbs/list_letters.lua)."""
    letters = []
    for number, queue_name, job_name, reason, died_at, shown in found:
        queue_id, job_id = name_of(queue_name), name_of(job_name)
        if queue_id is None or job_id is None:
            continue
        job = job_shown(shown, payload=True)
        letters.append(
            LetterView(
                number=number,
                queue_id=queue_id,
                job_id=job_id,
                payload=job.payload or b"",
                reason=DeathReason(reason.decode()),
                attempts=job.attempt,
                enqueued_at=job.enqueued_at,
                died_at=died_at,
                priority=job.priority,
                last_error=job.last_error,
                cost=job.cost,
                headers=job.headers,
            )
        )
    return tuple(letters)


def by_names(found: Iterable[bytes], values: Iterable[V]) -> dict[str, V]:
    """Return values by their names, without those of invalid names."""
    named = zip(map(name_of, found), values, strict=True)
    return {name: value for name, value in named if name is not None}
