"""Judging a sequential history event by event: each answer against the facts before it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sharq_plug.model import NewJob, Setting, Settlement, Take
from sharq_plug.testing.model_check.exact.facts import Facts, Finding
from sharq_plug.testing.model_check.exact.leases import judge_settlement, judge_tend
from sharq_plug.testing.model_check.exact.queues import (
    judge_clear,
    judge_list_names,
    judge_look,
    judge_new_job,
    judge_setting,
)
from sharq_plug.testing.model_check.exact.takes import judge_take
from sharq_plug.testing.model_check.exact.wakes import Wakes
from sharq_plug.testing.model_check.history import Event, History
from sharq_plug.testing.model_check.operations import (
    WATCHING,
    Clear,
    ListNames,
    Look,
    Tend,
    kinds,
)
from sharq_plug.testing.model_check.violations import Rule, Violation

RULES: Mapping[type, Callable[[Facts, Any, Any, Any, int], Iterator[Finding]]] = {
    NewJob: judge_new_job,
    Take: judge_take,
    **dict.fromkeys(kinds(Settlement), judge_settlement),
    **dict.fromkeys(kinds(Setting), judge_setting),
    Tend: judge_tend,
    Clear: judge_clear,
    Look: judge_look,
    ListNames: judge_list_names,
}
"""For each type of item what its outcome must be, and what it changes.

A rule is given the facts, the queue type, the item, its outcome and the instant (ms).
"""


def check_exactly(history: History) -> list[Violation]:
    """Return the violations of the first event that has any: what follows proves nothing."""
    judge = Judge()
    for event in history.events:
        found = judge.violations(event)
        if found:
            return found
    return []


class Judge:
    """Judge the events of a sequential history, one after the other, up to the first finding."""

    def __init__(self) -> None:
        self._facts = Facts()
        self._wakes = Wakes()

    @property
    def owes_a_wake(self) -> bool:
        """Return whether a watcher is still to be woken for what happened so far."""
        return self._wakes.are_owed

    def violations(self, event: Event) -> list[Violation]:
        """Return what is wrong about the next event."""
        return [Violation(rule, what, (event,)) for rule, what in self._findings(event)]

    def _findings(self, event: Event) -> Iterator[Finding]:
        now = event.invoked_at
        queue_type, item = event.operation.queue_type, event.operation.item
        for what in self._wakes.missed(now):
            yield Rule.WAKING, what
        if isinstance(item, WATCHING):
            for what in self._wakes.wrong(event):
                yield Rule.WAKING, what
            return
        self._facts.begin(event)
        yield from RULES[type(item)](self._facts, queue_type, item, event.outcome, now)
        for name, ledger in self._facts.types.items():
            self._wakes.owe(name, ledger.made_sooner(), now)
