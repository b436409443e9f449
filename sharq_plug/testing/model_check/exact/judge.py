"""Judging a sequential history event by event: each answer against the facts before it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sharq_plug.model import Amendment, JobRef, NewJob, Setting, Settlement, Take
from sharq_plug.testing.model_check.exact.clearing import judge_clear, judge_range
from sharq_plug.testing.model_check.exact.entries import entries
from sharq_plug.testing.model_check.exact.facts import Facts, Finding
from sharq_plug.testing.model_check.exact.jobs import judge_amendment, judge_find
from sharq_plug.testing.model_check.exact.leases import judge_settlement
from sharq_plug.testing.model_check.exact.pages import judge_page
from sharq_plug.testing.model_check.exact.queues import judge_new_job, judge_setting
from sharq_plug.testing.model_check.exact.takes import judge_take
from sharq_plug.testing.model_check.exact.tending import judge_tend, tended_accounts
from sharq_plug.testing.model_check.exact.views import judge_look
from sharq_plug.testing.model_check.history import Event, History
from sharq_plug.testing.model_check.operations import (
    WATCHING,
    ClearStep,
    DiscardRange,
    Look,
    PageStep,
    RedriveRange,
    Tend,
    kinds,
)
from sharq_plug.testing.model_check.violations import Rule, Violation

RULES: Mapping[type, Callable[[Facts, Any, Any, Any, int], Iterator[Finding]]] = {
    NewJob: judge_new_job,
    Take: judge_take,
    **dict.fromkeys(kinds(Settlement), judge_settlement),
    **dict.fromkeys(kinds(Setting), judge_setting),
    **dict.fromkeys(kinds(Amendment), judge_amendment),
    JobRef: judge_find,
    Tend: judge_tend,
    ClearStep: judge_clear,
    RedriveRange: judge_range,
    DiscardRange: judge_range,
    Look: judge_look,
    PageStep: judge_page,
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
    """Judge the events of a sequential history, one after the other, up to the first finding.

    A step of tending may leave out types, and does not always show which. So there may be several
    accounts of what happened; an answer is wrong if it is wrong in each of them.
    """

    def __init__(self) -> None:
        self._accounts = [Facts()]

    @property
    def owes_a_wake(self) -> bool:
        """Return whether a watcher is still to be woken for what happened so far."""
        return any(facts.wakes.are_owed for facts in self._accounts)

    def violations(self, event: Event) -> list[Violation]:
        """Return what is wrong about the next event."""
        accounts = [each for facts in self._accounts for each in tended_accounts(facts, event)]
        judged = [(facts, list(_findings(facts, event))) for facts in accounts]
        right: list[Facts] = []
        for facts, found in judged:
            if not found and facts not in right:
                right.append(facts)
        if not right:
            return [Violation(rule, what, (event,)) for rule, what in judged[0][1]]
        self._accounts = right
        return []


def _findings(facts: Facts, event: Event) -> Iterator[Finding]:
    """Yield what is wrong about an event, and note in `facts` what it led to."""
    now = event.invoked_at
    queue_type, item = event.operation.queue_type, event.operation.item
    for what in facts.wakes.missed(now):
        yield Rule.WAKING, what
    if isinstance(item, WATCHING):
        for what in facts.wakes.wrong(event):
            yield Rule.WAKING, what
        return
    facts.begin(event)
    for ledger in facts.types.values():
        ledger.forget_in_time(now)
    yield from RULES[type(item)](facts, queue_type, item, event.outcome, now)
    for name, ledger in facts.types.items():
        facts.wakes.owe(name, *ledger.made_sooner(now), ledger.gate_opens(now), now)
        ledger.letters.note_presence(now, exists=bool(ledger.existing()))
    facts.listings.note(lambda queue_type, listing: entries(facts.types, queue_type, listing, now))
