"""The line of callers that dequeue from one queue type: who is asked for next, who gets what."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from operator import attrgetter

from sharq_plug.model import MAX_DEQUEUE_BYTES, Delivery, Dequeued
from sharq_plug.service.arrivals import Arrivals
from sharq_plug.service.caller import Caller, Group, is_bare
from sharq_plug.service.deadlines import Deadlines
from sharq_plug.service.foresight import FRUITFUL, Foresight, Verdict

MAX_JOBS = 128
"""Jobs that one store call asks for on behalf of several callers; fewer if jobs are large."""
MAX_CALLS = 8
"""Store calls for one type at a time; after a call in vain, one. All but one must be full."""
FIRST_CALLS = 2
"""Store calls at a time before any has ended."""
FIRST_PACE = 4
"""Waiting callers that a call asks for, when it is not known how many jobs are ready."""
FASTER = 4
"""How many times more are asked for once a call has brought all that it asked for."""

_by_number = attrgetter("number")


class Line:
    """Callers of one type, in the order in which they came.

    Callers that are due are asked for at once; the others when the foresight says that it is time.
    Store calls are numbered. A call that shows that nothing is ready speaks for every caller that
    joined before it began, whether it was part of the call or not. A caller whose time is up gets
    an empty answer only after such a call, since a wake-up can be late.

    `go_on` is called when there may be work, which `choose` then hands out.
    """

    def __init__(
        self,
        queue_type: str,
        *,
        arrivals: Arrivals,
        deadlines: Deadlines,
        go_on: Callable[["Line"], None],
    ) -> None:
        self.queue_type = queue_type
        self._arrivals = arrivals
        self._deadlines = deadlines
        self._go_on = go_on
        self._foresight = Foresight(due=partial(go_on, self))
        self._waiting: OrderedDict[Caller, None] = OrderedDict()
        self._due: OrderedDict[Caller, None] = OrderedDict()
        self._due_jobs = 0
        self._asked_waiting: list[Caller] = []
        """Callers that may wait and are part of a store call."""
        self._joined = 0
        self._pace = FIRST_PACE
        self._max_calls = FIRST_CALLS
        self._max_jobs = MAX_JOBS
        self._has_ended = False
        self.calls = 0
        """Tasks that ask the store for this line."""

    def add(self, caller: Caller) -> None:
        """Let a caller join."""
        self._joined += 1
        caller.number = self._joined
        caller.joined = caller.due_since = self._foresight.latest
        if caller.may_wait and not caller.must_be_asked:
            self._waiting[caller] = None
        else:
            self._due[caller] = None
            self._due_jobs += caller.take.count

    def remove(self, caller: Caller) -> None:
        """Let a caller leave that has no answer; one that is asked for is not in the line."""
        if caller in self._due:
            del self._due[caller]
            self._due_jobs -= caller.take.count
        else:
            self._waiting.pop(caller, None)

    def has_work(self) -> bool:
        """Return whether another task should ask the store."""
        if self.calls:
            return self._due_jobs >= self._max_jobs and self.calls < self._max_calls
        return bool(self._due) or self._can_ask_for_waiting()

    def choose(self) -> Group | None:
        """Take the callers of the next store call out of the line; None if there is no work."""
        if self.calls > 1 and (self._due_jobs < self._max_jobs or self.calls > self._max_calls):
            return None
        if not self._due and not self._can_ask_for_waiting():
            return None
        if len(self._due) + len(self._waiting) > 1:
            self._max_jobs = min(MAX_JOBS, self._arrivals.max_shared(self.queue_type))
        group = Group()
        attempts: dict[tuple[str, int], Caller] = {}
        jobs = repeated_bytes = 0
        for caller in self._candidates():
            take = caller.take
            if caller.answer.done():
                continue
            if take.attempt_id is not None:
                first = attempts.setdefault((take.attempt_id, take.count), caller)
                if first is not caller:
                    group.share(first, caller)
                    continue
                repeated_bytes += self._arrivals.expect_repeat(self.queue_type, take.count)
            jobs += take.count
            is_over = jobs > self._max_jobs or repeated_bytes > MAX_DEQUEUE_BYTES
            if is_over and group.callers:
                break
            group.add(caller)
        for caller in group.members:
            self.remove(caller)
            caller.is_asked = True
            if caller.may_wait:
                self._asked_waiting.append(caller)
        return group if group.callers else None

    def begin_call(self) -> int:
        """Note that a store call begins, and return its number."""
        return self._foresight.begin_call()

    def end_call(self, number: int, group: Group, answers: Sequence[Dequeued]) -> list[Delivery]:
        """Give answers to their callers. Return the jobs whose callers are gone."""
        last, is_full = group.last_answer(answers)
        verdict = self._foresight.end_call(
            number, last, is_full=is_full, is_bare=not is_full and is_bare(answers)
        )
        is_in_vain = verdict is not FRUITFUL
        self._max_calls = 1 if is_in_vain else MAX_CALLS
        self._pace = FIRST_PACE if is_in_vain else min(FASTER * self._pace, MAX_JOBS)
        untaken: list[Delivery] = []
        unserved: list[Caller] = []
        for first, answer in zip(group.callers, answers, strict=True):
            for caller in (first, *first.others) if first.others else (first,):
                if caller.answer.done():
                    if caller.take.attempt_id is None:  # else it comes back for its jobs
                        untaken.extend(answer.jobs)
                elif answer.jobs or (is_in_vain and caller.is_told_by(number, verdict)):
                    caller.answer.set_result(answer)
                else:
                    caller.must_be_asked = caller.must_be_asked and not is_in_vain
                    unserved.append(caller)
        if unserved:
            self._put_back(unserved)
        if is_in_vain and self._due:
            self._tell_due(number, verdict, last)
        return untaken

    def release(self, group: Group) -> None:
        """Note that a store call is over, whatever came of it."""
        for caller in group.members:
            caller.is_asked = False
            caller.others = ()
        if self._asked_waiting:
            self._asked_waiting = [caller for caller in self._asked_waiting if caller.is_asked]

    def time_is_up(self, caller: Caller) -> None:
        """Answer a caller that may wait no longer, or have the store asked for it once more."""
        if not caller.may_wait:
            return
        caller.may_wait = False
        caller.due_since = self._foresight.latest
        if caller in self._waiting:
            del self._waiting[caller]
            if caller.joined < self._foresight.latest_in_vain and self._foresight.is_quiet():
                if not caller.answer.done():
                    caller.answer.set_result(self._foresight.nothing())
                return
            self._add_due(caller)
        self._deadlines.watch(caller.answer)
        self._go_on(self)

    def watch(self) -> None:
        """Note that wake-ups arrive from now on, so that callers can wait."""
        self._foresight.watch()
        self._go_on(self)

    def unwatch(self) -> None:
        """Note that wake-ups may be missed from now on."""
        self._foresight.unwatch()

    def wake(self, delay: int) -> None:
        """Note that a job may be ready in `delay` ms."""
        self._foresight.wake(delay)
        if self._waiting and not self.calls:
            self._go_on(self)

    def end(self) -> None:
        """Let the time of every caller be up."""
        self._has_ended = True
        for caller in [*self._waiting, *self._due]:
            self.time_is_up(caller)

    def fail(self, error: Exception) -> None:
        """Raise an error in every caller that is in the line."""
        self.fail_waiting(error)
        for caller in self._due:
            caller.fail(error)
        self._due.clear()
        self._due_jobs = 0

    def fail_waiting(self, error: Exception) -> None:
        """Raise an error in every caller that waits, or would again after its store call."""
        self._foresight.stop()
        for caller in self._asked_waiting:
            caller.cannot_wait = error
        self._asked_waiting.clear()
        for caller in self._waiting:
            caller.fail(error)
        self._waiting.clear()

    def is_idle(self) -> bool:
        """Return whether nothing is to be remembered of this line."""
        return not (self._waiting or self._due or self.calls or self._foresight.is_watched)

    def count_waiting(self) -> int:
        """Count the callers that wait, and for whom the store had no job so far."""
        if not self.calls and self._foresight.is_known:
            return len(self._waiting)
        waiting = [*self._waiting, *self._asked_waiting]
        return sum(caller.joined < self._foresight.latest_in_vain for caller in waiting)

    def _add_due(self, caller: Caller) -> None:
        self._due[caller] = None
        self._due_jobs += caller.take.count

    def _can_ask_for_waiting(self) -> bool:
        return bool(self._waiting) and self._foresight.is_watched and self._foresight.is_time()

    def _candidates(self) -> Iterable[Caller]:
        if not self._waiting or not self._foresight.is_watched:
            return self._due
        return merge(islice(self._waiting, self._pace), self._due, key=_by_number)

    def _put_back(self, callers: Sequence[Caller]) -> None:
        """Let callers join again, ahead of the others."""
        for caller in reversed(callers):
            if caller.is_due:
                self._add_due(caller)
                self._due.move_to_end(caller, last=False)
            elif caller.cannot_wait is not None:
                caller.fail(caller.cannot_wait)
            else:
                self._waiting[caller] = None
                self._waiting.move_to_end(caller, last=False)
        if self._has_ended:
            for caller in callers:
                self.time_is_up(caller)

    def _tell_due(self, number: int, verdict: Verdict, last: Dequeued) -> None:
        """Answer due callers that were not part of a call in vain, as far as it speaks for them."""
        nothing = Dequeued((), last.now, last.next_ready_at)
        for caller in list(self._due):
            if not caller.must_be_asked and caller.is_told_by(number, verdict):
                self.remove(caller)
                if not caller.answer.done():
                    caller.answer.set_result(nothing)
