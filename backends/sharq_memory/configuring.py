"""Changes of settings."""

from typing import assert_never

from sharq_memory.defaults import Defaults
from sharq_memory.enqueueing import Enqueueing
from sharq_memory.gate import Gate
from sharq_memory.holds import bring, forget_if_paid, settings_of, terms_of, work_out
from sharq_memory.limits import Limiter
from sharq_memory.line import Step
from sharq_memory.looking import Looking
from sharq_memory.queue import Queue
from sharq_memory.tending import Tending
from sharq_plug.model import (
    NO_SETTINGS,
    ChangeOutcome,
    PatchQueue,
    PatchType,
    QueueRules,
    SetInterval,
    Setting,
    Settings,
    may_change,
)


class Configuring(Enqueueing, Tending, Looking):
    """What is set for queues and for the type; each kind of setting is a case and a method here."""

    def configure(self, change: Setting, now: int) -> ChangeOutcome:
        """Change what is set."""
        match change:
            case SetInterval():
                return self._set_interval(change, now)
            case PatchQueue():
                return self._patch_queue(change, now)
            case PatchType():
                return self._patch_type(change, now)
            case _:
                assert_never(change)

    def _set_interval(self, change: SetInterval, now: int) -> ChangeOutcome:
        """Bring an interval to a queue that exists and has no limits from settings."""
        queue = self.queues.get(change.queue_id)
        if queue is None or not queue.jobs:
            return ChangeOutcome.UNKNOWN
        limits, _ = self._bounds_of(queue)
        if limits is not None:
            return ChangeOutcome.LIMITS_SET
        self._take_up(queue)
        bring(queue, change.interval)
        self._changed(queue, now, Step.DOUBTED)
        return ChangeOutcome.CHANGED

    def _patch_queue(self, change: PatchQueue, now: int) -> ChangeOutcome:
        """Change the settings of a queue, and freeze it."""
        queue = self.queues.get(change.queue_id)
        before = settings_of(queue)
        if not may_change(change, QueueRules(before)):
            return ChangeOutcome.MISMATCH
        settings = change.patch.applied_to(before)
        if queue is None:
            if settings == NO_SETTINGS and not change.freeze:
                return ChangeOutcome.CHANGED
            queue = self.queues[change.queue_id] = Queue(change.queue_id)
        if not queue.jobs:
            forget_if_paid(queue, now)
        self._take_up(queue)
        terms = terms_of(queue)
        terms.settings = settings
        work_out(queue, terms)
        if change.freeze is not None:
            terms.limiter.freeze(change.freeze, now)
        if queue.jobs:
            self._changed(queue, now, Step.DOUBTED)
        else:
            self._leave_behind(queue, now)
        return ChangeOutcome.CHANGED

    def _patch_type(self, change: PatchType, now: int) -> ChangeOutcome:
        """Change the settings of the type: its gate, and the defaults for its queues."""
        before = self.type_rules(now)
        if not may_change(change, before):
            return ChangeOutcome.MISMATCH
        self._change_gate(change.patch.applied_to(before.settings), change.freeze, now)
        defaults = change.defaults.applied_to(before.defaults)
        if defaults != before.defaults:
            self.defaults = self.defaults or Defaults()
            self.defaults.change(defaults, now)
            self.line.doubt_all()
        self.due = min(self.due, self.next_due())
        return ChangeOutcome.CHANGED

    def _change_gate(self, settings: Settings, freeze: int | None, now: int) -> None:
        """Change the settings of the gate, and freeze it for so long (ms), if at all."""
        if self.gate is None:
            if settings == NO_SETTINGS and not freeze:
                return
            self.gate = Gate(Limiter())
        limiter = self.gate.limiter
        limiter.bring_to(now)
        self.gate.change(settings)
        if freeze is not None:
            limiter.freeze(freeze, now)
