"""The callers that stand in a line, in the order in which they came."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter

from sharq_plug.service.caller import Caller

_by_number = attrgetter("number")


class Standing:
    """Keep the callers of a line that are not part of a store call.

    The *due* callers have to be asked for now. The *waiting* callers are asked for when a job may
    be ready.
    """

    __slots__ = ("_joined", "due", "due_jobs", "waiting")

    def __init__(self) -> None:
        self.due: OrderedDict[Caller, None] = OrderedDict()
        self.waiting: OrderedDict[Caller, None] = OrderedDict()
        self.due_jobs = 0
        """Jobs that the due callers ask for."""
        self._joined = 0

    def join(self, caller: Caller) -> None:
        """Add a caller that comes, as the last."""
        self._joined += 1
        caller.number = self._joined
        if caller.may_wait and not caller.must_be_asked:
            self.waiting[caller] = None
        else:
            self.add_due(caller)

    def add_due(self, caller: Caller) -> None:
        """Add a caller that has to be asked for now, behind the other due callers."""
        self.due[caller] = None
        self.due_jobs += caller.take.count

    def remove(self, caller: Caller) -> None:
        """Remove a caller, if it stands here."""
        if caller in self.due:
            del self.due[caller]
            self.due_jobs -= caller.take.count
        else:
            self.waiting.pop(caller, None)

    def take_out(self, callers: Iterable[Caller]) -> None:
        """Remove callers that stand here, to ask the store for them."""
        due, waiting, due_jobs = self.due, self.waiting, 0
        for caller in callers:
            caller.is_asked = True
            if caller in due:
                del due[caller]
                due_jobs += caller.take.count
            else:
                del waiting[caller]
        self.due_jobs -= due_jobs

    def clear_due(self) -> None:
        """Remove all due callers."""
        self.due.clear()
        self.due_jobs = 0

    def put_back(self, callers: Sequence[Caller]) -> None:
        """Let callers of a store call stand again where they stood before it."""
        behind = next(iter(self.waiting), None)
        for caller in reversed(callers):
            if caller.is_due:
                self.add_due(caller)
                self.due.move_to_end(caller, last=False)
            else:
                self.waiting[caller] = None
                self.waiting.move_to_end(caller, last=False)
        if behind is not None and callers and behind.number < callers[-1].number:
            self.waiting = OrderedDict.fromkeys(sorted(self.waiting, key=_by_number))

    def the_only_one(self) -> list[Caller]:
        """Return the caller where only one stands, unless it has its answer already."""
        return [caller for caller in self.due or self.waiting if not caller.answer.done()]

    def in_order(self, *, most_waiting: int) -> Iterable[Caller]:
        """Return the due callers and the first of the waiting ones, in the order of arrival."""
        return merge(islice(self.waiting, most_waiting), self.due, key=_by_number)
