"""Listings of the jobs of a queue, and of dead letters."""

from typing import Any

from sharq_plug.model import MAX_DEQUEUE_BYTES, JobEntry, Jobs, JobState, Letters, Page
from sharq_redis.arguments import STATE_LETTERS
from sharq_redis.cursors import Cursor, cursor_text
from sharq_redis.replies import checked, log_all_broken
from sharq_redis.tending import Run
from sharq_redis.views import job_entries, letter_views

OF_LETTERS = "e"
"""The first letter of cursors; those of jobs begin with the letter of the state."""
LENGTHS = {"w": (1, 3), "d": (3,), "l": (2,), "x": (1,), "e": (1,)}
"""How many integers a cursor has after its letter (lua/lib/states.lua)."""

BYTES_A_STEP = 1024 * 1024
"""Bytes of payload, but at least one job, that Redis reads in a call whose result has none."""


class JobListings:
    """List jobs and dead letters, page by page."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def jobs(self, queue_type: str, listing: Jobs, cursor: str | None, limit: int) -> Page:
        """List the jobs of a queue in one state. Raises BrokenQueue.

        Redis reads payloads even if they are not shown, so one page may take several calls.
        """
        letter = STATE_LETTERS[listing.state]
        behind = _integers(cursor, letter)
        entries: list[JobEntry] = []
        while True:
            room = limit - len(entries)
            behind, found = await self._step(queue_type, listing, behind, room)
            entries += found
            if not behind or listing.with_payloads or len(entries) >= limit:
                return Page(tuple(entries), cursor_text(letter, *behind) if behind else None)

    async def letters(
        self, queue_type: str, listing: Letters, cursor: str | None, limit: int
    ) -> Page:
        """List the dead letters of a type or a queue, the newest first. Raises BrokenQueue."""
        behind = _integers(cursor, OF_LETTERS)
        asked = (listing.queue_id or "", "newest", "payload", limit, MAX_DEQUEUE_BYTES)
        behind, found = await self._letters(queue_type, asked, behind)
        return Page(letter_views(found), cursor_text(OF_LETTERS, *behind) if behind else None)

    async def _step(
        self, queue_type: str, listing: Jobs, behind: tuple[int, ...], limit: int
    ) -> tuple[tuple[int, ...], tuple[JobEntry, ...]]:
        """Take a step of a listing of jobs; return where it ended, and its jobs."""
        queue_id = listing.queue_id
        how = (
            ("payload", limit, MAX_DEQUEUE_BYTES)
            if listing.with_payloads
            else ("", limit, BYTES_A_STEP)
        )
        if listing.state is JobState.DEAD:
            asked = (queue_id, "oldest", *how)
            behind, found = await self._letters(queue_type, asked, behind)
            jobs = [(job_id, shown) for _, _, job_id, _, _, shown in found]
        else:
            asked = (queue_id, listing.state.value, *how)
            reply = await self._run("list_jobs", queue_type, *asked, *behind)
            where, *fields = checked(queue_id, reply)
            behind, jobs = tuple(where), [*zip(fields[::2], fields[1::2], strict=True)]
        return behind, job_entries(jobs, payloads=listing.with_payloads)

    async def _letters(
        self, queue_type: str, asked: tuple[Any, ...], behind: tuple[int, ...]
    ) -> tuple[tuple[int, ...], list[Any]]:
        """Take a step of a listing of letters; return where it ended, and its letters."""
        reply = await self._run("list_letters", queue_type, *asked, *behind)
        number, broken, *found = checked(asked[0], reply)
        log_all_broken(broken)
        return (number,) if number else (), found


def _integers(cursor: str | None, letter: str) -> tuple[int, ...]:
    """Return where the previous page ended. Raises InvalidRequest."""
    if cursor is None:
        return ()
    return Cursor.read(cursor, letter).integers(*LENGTHS[letter])
