"""What `/redrive/` and `/discard/` serve: they let dead letters wait again, or remove them."""

import re
from collections.abc import Sequence
from typing import ClassVar

import msgspec
from msgspec import UNSET

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.api.answers import Discarded, Redriven
from sharq_plug.http.api.fields import LetterCount, LetterCursor, LetterJobs, LetterNumbers
from sharq_plug.http.api.replies import Reply, success
from sharq_plug.http.api.request import Request
from sharq_plug.model import (
    MAX_BATCH,
    JobRef,
    LetterRange,
    LetterRef,
    check_integer,
    invalid,
)
from sharq_plug.service import LetterVerb, Moved

_is_cursor = re.compile(r"[0-9]{1,16}", re.ASCII).fullmatch


class LettersBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which dead letters to move: by their numbers, by their job ids, or the oldest ones."""

    EXCLUDES: ClassVar = (
        *(("letters", "jobs"), ("letters", "count"), ("letters", "cursor")),
        *(("jobs", "count"), ("jobs", "cursor")),
    )

    letters: LetterNumbers | None = None
    jobs: LetterJobs | None = None
    count: LetterCount | None = None
    cursor: LetterCursor | None = None


async def redrive(
    request: Request, body: LettersBody, queue_type: str, queue_id: str | None = None
) -> Reply:
    """Let dead letters wait again."""
    return await _move(Redriven, request.service.redriving, body, queue_type, queue_id)


async def discard(
    request: Request, body: LettersBody, queue_type: str, queue_id: str | None = None
) -> Reply:
    """Remove dead letters."""
    return await _move(Discarded, request.service.discarding, body, queue_type, queue_id)


async def _move(
    done: type[Redriven | Discarded],
    verb: LetterVerb,
    body: LettersBody,
    queue_type: str,
    queue_id: str | None,
) -> Reply:
    named = _named(body, queue_id)
    if named is not None:
        return _reply(done, await verb.named(queue_type, named))
    letters = LetterRange(queue_id, after=_after(body.cursor))
    count = MAX_BATCH if body.count is None else body.count
    return _reply(done, await verb.oldest(queue_type, letters, count=count))


def _named(body: LettersBody, queue_id: str | None) -> Sequence[LetterRef | JobRef] | None:
    """Return the letters that a body names; None if it asks for the oldest. Raises InvalidRequest.

    A job id needs its queue.
    """
    is_range = body.count is not None or body.cursor is not None
    if (body.letters is not None) + (body.jobs is not None) + is_range > 1:
        raise InvalidRequest("`letters`, `jobs`, and `count` with `cursor` exclude each other.")
    if body.letters is not None:
        return [LetterRef(number, queue_id) for number in body.letters]
    if body.jobs is None:
        return None
    if queue_id is None:
        raise InvalidRequest("`jobs` needs the queue in the path.")
    return [JobRef(queue_id, job_id) for job_id in body.jobs]


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if _is_cursor(cursor) is None:
        raise invalid("cursor")
    return check_integer("cursor", int(cursor), 0)


def _reply(done: type[Redriven | Discarded], moved: Moved) -> Reply:
    """Return 200 with how many letters were moved and, if some were not, how many and why."""
    more = moved.after is not None
    return success(
        done(
            moved.count,
            duplicates=moved.duplicates or UNSET,
            unknown=moved.unknown or UNSET,
            broken=moved.broken or UNSET,
            more=more,
            cursor=str(moved.after) if more else None,
        )
    )
