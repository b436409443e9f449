"""A caller of dequeue: what it asks for, and the future of its answer."""

import asyncio
from collections.abc import Sequence

from sharq_plug.model import Dequeued, Take
from sharq_plug.service.foresight import Verdict


class Caller:
    """One caller in the line of a queue type. It may wait until its time is up."""

    __slots__ = (
        *("answer", "cannot_wait", "due_since", "has_left", "is_asked", "joined"),
        *("may_wait", "must_be_asked", "number", "others", "take"),
    )

    number: int
    """Its place in the order of arrival."""
    joined: int
    """The number of the latest store call when it joined."""
    due_since: int
    """The number of the latest store call when its time was up."""

    def __init__(self, take: Take, answer: asyncio.Future[Dequeued], *, may_wait: bool) -> None:
        self.take = take
        self.answer = answer
        self.may_wait = may_wait
        self.must_be_asked = take.attempt_id is not None
        """Whether it needs a store call of its own: its attempt may have jobs already."""
        self.is_asked = False
        """Whether it is part of a store call that is under way or about to begin."""
        self.has_left = False
        """Whether it left during that call. It counts as in flight until the call ends."""
        self.cannot_wait: Exception | None = None
        """The error that ended the watch of its type, so that nothing would wake it."""
        self.others: Sequence[Caller] = ()
        """Callers that repeat the same attempt at the same time and share the answer."""

    @property
    def is_due(self) -> bool:
        """Whether the store has to be asked for it now."""
        return self.must_be_asked or not self.may_wait

    def is_told_by(self, number: int, verdict: Verdict) -> bool:
        """Return whether a store call that found no ready job also answers this caller.

        It does not if the caller may wait, or joined after the call began. If a wake-up came during
        the call, it does not answer a caller whose time was up only during the call either.
        """
        if self.may_wait or self.joined >= number:
            return False
        return self.due_since < number or verdict is not Verdict.OUTDATED

    def late_answer(self) -> Dequeued | None:
        """Return the answer that a caller has but did not take before it left; else None."""
        if self.answer.cancelled() or not self.answer.done() or self.answer.exception():
            return None
        return self.answer.result()

    def fail(self, error: Exception) -> None:
        """Raise an error in a caller that has no answer yet."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # mark it as seen: the caller may be about to leave
