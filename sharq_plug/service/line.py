"""A line of callers that dequeue from one queue type: who is asked for next, who gets what."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import TypeAlias

from sharq_plug.model import MAX_DEQUEUE_BYTES, Delivery, Dequeued
from sharq_plug.service.arrivals import Arrivals
from sharq_plug.service.caller import Caller
from sharq_plug.service.deadlines import Deadlines
from sharq_plug.service.foresight import FRUITFUL, Foresight, Verdict
from sharq_plug.service.group import Group, is_bare
from sharq_plug.service.overlap import Overlap
from sharq_plug.service.pace import MAX_JOBS, Pace
from sharq_plug.service.standing import Standing

Key: TypeAlias = tuple[str, frozenset[str] | None]
"""What the callers of a line ask for: a queue type, and the only queues of it (None: all)."""


class Line:
    """Callers of one type, in the order in which they came; all name the same queues, or none.

    Due callers are asked for at once; waiting ones when the foresight says that it is time. Store
    calls are numbered. A call that shows that nothing is ready speaks for every caller that joined
    before it began, whether it was part of the call or not. A caller whose time is up gets an empty
    answer only after such a call, since a wake-up can be late.

    `go_on` is called when there may be work, which `choose` then hands out.
    """

    def __init__(
        self,
        key: Key,
        *,
        arrivals: Arrivals,
        deadlines: Deadlines,
        go_on: Callable[["Line"], None],
    ) -> None:
        self.key = key
        self.queue_type, self._queues = key
        self._arrivals = arrivals
        self._deadlines = deadlines
        self._go_on = go_on
        self._foresight = Foresight(due=partial(go_on, self))
        self._standing = Standing()
        self._pace = Pace()
        self._overlap = Overlap()
        self._max_jobs = MAX_JOBS
        self._asked_waiting: list[Caller] = []
        """Callers that may wait and are part of a store call."""
        self._due_first = False
        """Whether due callers remain after a call in vain. All that wait were told by it."""
        self._has_ended = False
        self.calls = 0
        """Tasks that ask the store for this line."""

    def add(self, caller: Caller) -> None:
        """Let a caller join."""
        caller.joined = caller.due_since = self._foresight.latest
        self._standing.join(caller)
        self._overlap.note_caller()

    def remove(self, caller: Caller) -> None:
        """Remove a caller without an answer, unless it is part of a store call."""
        self._standing.remove(caller)

    def has_work(self) -> bool:
        """Return whether another task should ask the store."""
        return self._has_work_beside(self.calls)

    def choose(self) -> Group | None:
        """Take the callers of the next store call out of the line; None if there is no work."""
        standing = self._standing
        if not self._has_work_beside(self.calls - 1):
            return None
        if len(standing.due) + len(standing.waiting) > 1:
            self._max_jobs = min(MAX_JOBS, self._arrivals.max_shared(self.queue_type))
            group = self._gather()
        else:
            group = Group(standing.the_only_one())
        standing.take_out(group.members)
        self._asked_waiting += [caller for caller in group.members if caller.may_wait]
        self._overlap.under_way += len(group.members)
        return group if group.members else None

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
        if is_in_vain:
            self._pace.reset()
        else:
            self._pace.grow()
        untaken: list[Delivery] = []
        unserved: list[Caller] = []
        for place, first in enumerate(group.callers):  # a strict zip is slow on Python 3.11
            answer = answers[place]
            for caller in (first, *first.others) if first.others else (first,):
                if caller.answer.done():
                    if caller.take.attempt_id is None:  # an attempt comes back for its jobs
                        untaken.extend(answer.jobs)
                elif answer.jobs or (is_in_vain and caller.is_told_by(number, verdict)):
                    caller.answer.set_result(answer)
                else:
                    caller.must_be_asked = caller.must_be_asked and not is_in_vain
                    unserved.append(caller)
        if unserved:
            self._put_back(unserved)
        if is_in_vain and self._standing.due:
            self._tell_due(number, verdict, last)
        self._due_first = is_in_vain and bool(self._standing.due)
        return untaken

    def release(self, group: Group) -> int:
        """Note that a store call is over; return how many of its callers left meanwhile."""
        left = group.release()
        self._overlap.under_way -= len(group.members)
        if self._asked_waiting:
            self._asked_waiting = [caller for caller in self._asked_waiting if caller.is_asked]
        return left

    def time_is_up(self, caller: Caller) -> None:
        """Answer a caller that may wait no longer, or have the store asked for it once more."""
        if not caller.may_wait:
            return
        caller.may_wait = False
        caller.due_since = self._foresight.latest
        if caller in self._standing.waiting:
            self._standing.remove(caller)
            if caller.joined < self._foresight.latest_in_vain and self._foresight.is_quiet():
                if not caller.answer.done():
                    caller.answer.set_result(self._foresight.nothing())
                return
            self._standing.add_due(caller)
        self._deadlines.watch(caller.answer)
        self._go_on(self)

    def watch(self) -> None:
        """Note that wake-ups arrive from now on, so that callers can wait."""
        self._foresight.watch()
        self._go_on(self)

    def unwatch(self) -> None:
        """Note that wake-ups may be missed from now on."""
        self._foresight.unwatch()

    def wake(self, delay: int, queue_ids: Collection[str] | None = None) -> None:
        """Note that a job of these queues (None: of any) may be ready in `delay` ms."""
        if (
            self._queues is not None
            and queue_ids is not None
            and self._queues.isdisjoint(queue_ids)
        ):
            return
        self._foresight.wake(delay)
        if self._standing.waiting and not self.calls:
            self._go_on(self)

    def end(self) -> None:
        """Let the time of every caller be up."""
        self._has_ended = True
        for caller in [*self._standing.waiting, *self._standing.due]:
            self.time_is_up(caller)

    def fail(self, error: Exception) -> None:
        """Raise an error in every caller that is in the line."""
        self.fail_waiting(error)
        for caller in self._standing.due:
            caller.fail(error)
        self._standing.clear_due()

    def fail_waiting(self, error: Exception) -> None:
        """Raise an error in every caller that waits, or would again after its store call."""
        self._foresight.stop()
        for caller in self._asked_waiting:
            caller.cannot_wait = error
        self._asked_waiting.clear()
        for caller in self._standing.waiting:
            caller.fail(error)
        self._standing.waiting.clear()

    def is_idle(self) -> bool:
        """Return whether the line can be forgotten: no caller, no call, no watch."""
        standing = self._standing
        return not (standing.waiting or standing.due or self.calls or self._foresight.is_watched)

    def count_waiting(self) -> int:
        """Count the waiting callers for which the store had no job so far."""
        if not self.calls and self._foresight.is_known:
            return len(self._standing.waiting)
        waiting = [*self._standing.waiting, *self._asked_waiting]
        return sum(caller.joined < self._foresight.latest_in_vain for caller in waiting)

    def _can_ask_for_waiting(self) -> bool:
        return self._foresight.is_watched and self._foresight.is_time()

    def _has_work_beside(self, calls: int) -> bool:
        """Return whether the store is to be asked, beside so many tasks that ask it."""
        standing, pace = self._standing, self._pace
        if calls >= pace.calls:
            return False
        if not self._overlap.may_begin(calls):
            return standing.due_jobs >= self._max_jobs
        if standing.due:
            return True
        may_ask = bool(standing.waiting) and (not calls or pace.has_found)
        return may_ask and self._can_ask_for_waiting()

    def _candidates(self) -> tuple[Iterable[Caller], int]:
        """Return the callers that may be asked for, the first in line first, and how many."""
        standing, most_waiting = self._standing, self._pace.waiting
        if self._due_first or not standing.waiting or not self._foresight.is_watched:
            return standing.due, len(standing.due)
        count = len(standing.due) + min(len(standing.waiting), most_waiting)
        return standing.in_order(most_waiting=most_waiting), count

    def _gather(self) -> Group:
        """Return the callers that share the next store call, the first in line first."""
        candidates, count = self._candidates()
        max_jobs, most = self._max_jobs, self._overlap.share(count)
        is_size_known = self._arrivals.is_known(self.queue_type)
        callers: list[Caller] = []
        repeated: list[tuple[Caller, Caller]] = []
        attempts: dict[tuple[str, int], Caller] = {}
        jobs = repeated_bytes = 0
        for caller in candidates:
            if caller.answer.done():
                continue
            take = caller.take
            if take.attempt_id is not None:
                first = attempts.setdefault((take.attempt_id, take.count), caller)
                if first is not caller:
                    repeated.append((first, caller))
                    continue
                repeated_bytes += self._arrivals.expect_repeat(self.queue_type, take.count)
            jobs += take.count if take.count == 1 or is_size_known else MAX_JOBS
            if (jobs > max_jobs or repeated_bytes > MAX_DEQUEUE_BYTES) and callers:
                break
            callers.append(caller)
            if len(callers) == most:
                break
        group = Group(callers)
        for first, caller in repeated:
            group.share(first, caller)
        return group

    def _put_back(self, callers: Sequence[Caller]) -> None:
        """Let callers join again that got no answer."""
        able = []
        for caller in callers:
            if caller.cannot_wait is None or caller.is_due:
                able.append(caller)
            else:
                caller.fail(caller.cannot_wait)
        self._standing.put_back(able)
        if self._has_ended:
            for caller in callers:
                self.time_is_up(caller)

    def _tell_due(self, number: int, verdict: Verdict, last: Dequeued) -> None:
        """Answer due callers that were not part of a call in vain, as far as it speaks for them."""
        nothing = Dequeued((), last.now, last.next_ready_at)
        for caller in list(self._standing.due):
            if not caller.must_be_asked and caller.is_told_by(number, verdict):
                self._standing.remove(caller)
                if not caller.answer.done():
                    caller.answer.set_result(nothing)
