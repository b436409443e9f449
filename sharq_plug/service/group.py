"""The callers of one store call, and how they share its answers."""

from collections.abc import Sequence

from sharq_plug.model import Dequeued, Take
from sharq_plug.service.caller import Caller


class Group:
    """The callers of one store call: each of `callers` has one of its `takes`, in the same order.

    `members` also holds the callers that share the answers of others.
    """

    __slots__ = ("callers", "members", "takes")

    def __init__(self, callers: list[Caller]) -> None:
        self.callers = self.members = callers
        self.takes: list[Take] = [caller.take for caller in callers]

    def share(self, first: Caller, caller: Caller) -> None:
        """Add a caller that gets the answer of another."""
        if self.members is self.callers:
            self.members = [*self.callers]
        self.members.append(caller)
        first.others = [*first.others, caller]

    def drop_absent(self) -> None:
        """Drop the takes of callers that have left, unless another caller shares the answer."""
        present = []
        for first in self.callers:
            still_there = [one for one in (first, *first.others) if not one.answer.done()]
            if still_there:
                present.append(still_there[0])
                still_there[0].others = still_there[1:]
        self.members = [*self.members]
        self.callers = present
        self.takes = [caller.take for caller in present]

    def release(self) -> int:
        """Note that the store call is over; return how many callers have left during it."""
        left = 0
        for caller in self.members:
            caller.is_asked = False
            if caller.others:
                caller.others = ()
            if caller.has_left:
                left += 1
        return left

    def last_answer(self, answers: Sequence[Dequeued]) -> tuple[Dequeued, bool]:
        """Return the last answer, and whether it holds as many jobs as its take asked for.

        Skip answers that repeat earlier ones: they do not tell what is ready. If all do, more jobs
        may be ready. Raises ValueError unless there is an answer for each take.
        """
        if len(answers) != len(self.takes):
            message = f"the store gave {len(answers)} answers to {len(self.takes)} takes"
            raise ValueError(message)
        at = len(answers) - 1
        while at > 0 and answers[at].is_repeated:
            at -= 1
        last = answers[at]
        return last, last.is_repeated or len(last.jobs) >= self.takes[at].count


def is_bare(answers: Sequence[Dequeued]) -> bool:
    """Return whether a call got no job and ended no lease."""
    return not any(answer.jobs or answer.ended for answer in answers)
