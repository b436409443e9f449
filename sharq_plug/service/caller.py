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

    def __init__(self, take: Take, answer: asyncio.Future[Dequeued], *, may_wait: bool) -> None:
        self.take = take
        self.answer = answer
        self.may_wait = may_wait
        self.must_be_asked = take.attempt_id is not None
        """Whether only an answer of its own tells it anything: its attempt may have jobs."""
        self.number = 0
        """Its place in the order of arrival."""
        self.joined = self.due_since = 0
        """The number of the latest store call when it joined, and when its time was up."""
        self.is_asked = False
        """Whether it is part of a store call that is under way or about to begin."""
        self.cannot_wait: Exception | None = None
        """Why nothing would wake it: its type is no longer watched."""
        self.has_left = False
        """Whether it left during that call. It counts as in flight until the call ends."""
        self.others: Sequence[Caller] = ()
        """Callers that repeat the same attempt at the same time and share the answer."""

    @property
    def is_due(self) -> bool:
        """Whether the store has to be asked for it now."""
        return self.must_be_asked or not self.may_wait

    def is_told_by(self, number: int, verdict: Verdict) -> bool:
        """Return whether a store call that found nothing ready is an answer to this caller.

        It is not if the caller may wait, or joined after the call began. If a wake-up has made the
        call outdated, it is not either if the caller's time was up only during the call.
        """
        if self.may_wait or self.joined >= number:
            return False
        return self.due_since < number or verdict is not Verdict.OUTDATED

    def late_answer(self) -> Dequeued | None:
        """Return the answer of a caller that went away before it took it; None if it has none."""
        if self.answer.cancelled() or not self.answer.done() or self.answer.exception():
            return None
        return self.answer.result()

    def fail(self, error: Exception) -> None:
        """Raise an error in a caller that has no answer yet."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # mark it as seen: the caller may be about to go


class Group:
    """The callers of one store call: each of `callers` has a take of it, in the same order.

    `members` also holds the callers that share the answers of others.
    """

    __slots__ = ("callers", "members", "takes")

    def __init__(self) -> None:
        self.callers: list[Caller] = []
        self.takes: list[Take] = []
        self.members = self.callers

    def add(self, caller: Caller) -> None:
        """Add a caller with a take of its own."""
        self.callers.append(caller)
        self.takes.append(caller.take)
        if self.members is not self.callers:
            self.members.append(caller)

    def share(self, first: Caller, caller: Caller) -> None:
        """Add a caller that gets the answer of another."""
        if self.members is self.callers:
            self.members = [*self.callers]
        self.members.append(caller)
        first.others = [*first.others, caller]

    def drop_absent(self) -> None:
        """Drop takes whose callers have gone. One that shares an answer may take a take over."""
        present = []
        for first in self.callers:
            still_there = [one for one in (first, *first.others) if not one.answer.done()]
            if still_there:
                present.append(still_there[0])
                still_there[0].others = still_there[1:]
        self.members = [*self.members]
        self.callers = present
        self.takes = [caller.take for caller in present]

    def last_answer(self, answers: Sequence[Dequeued]) -> tuple[Dequeued, bool]:
        """Return the last answer, and whether it holds as many jobs as were asked for.

        Answers that repeat earlier ones do not tell what is ready. If all do, more may be ready.
        """
        for take, answer in zip(reversed(self.takes), reversed(answers), strict=True):
            if not answer.is_repeated:
                return answer, len(answer.jobs) >= take.count
        return answers[-1], True


def is_bare(answers: Sequence[Dequeued]) -> bool:
    """Return whether a call got no job and ended no lease."""
    return not any(answer.jobs or answer.ended for answer in answers)
