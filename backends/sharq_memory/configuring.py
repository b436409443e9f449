"""Changes of settings."""

from typing import assert_never

from msgspec import UNSET

from sharq_memory.defaults import Defaults
from sharq_memory.enqueueing import Enqueueing
from sharq_memory.gate import Gate
from sharq_memory.holds import bring, forget_if_paid, settings_of, terms_of, work_out
from sharq_memory.limits import Limiter, one_of
from sharq_memory.line import Step
from sharq_memory.looking import Looking
from sharq_memory.queue import Queue
from sharq_memory.shared import SharedLimit
from sharq_memory.tending import Tending
from sharq_plug.model import (
    NO_SETTINGS,
    ChangeOutcome,
    DropLimit,
    LimitRules,
    PatchLimit,
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
            case PatchLimit():
                return self._patch_limit(change, now)
            case DropLimit():
                return self._drop_limit(change)
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
        if not self._are_known(settings):
            return ChangeOutcome.UNKNOWN_LIMIT
        if queue is None:
            if settings == NO_SETTINGS and not change.freeze:
                return ChangeOutcome.CHANGED
            queue = self.queues[change.queue_id] = Queue(change.queue_id)
        if not queue.jobs:
            forget_if_paid(queue, now)
        self._take_up(queue)
        terms = terms_of(queue)
        terms.settings = one_of(settings)
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
        defaults = change.defaults.applied_to(before.defaults)
        if not self._are_known(defaults):
            return ChangeOutcome.UNKNOWN_LIMIT
        self._change_gate(change.patch.applied_to(before.settings), change.freeze, now)
        if defaults != before.defaults:
            self.defaults = self.defaults or Defaults()
            self.defaults.change(defaults, now)
            self.line.benches.count_uses(before.defaults.uses or (), defaults.uses or ())
            self.line.doubt_all()
        self.due = min(self.due, self.next_due())
        return ChangeOutcome.CHANGED

    def _change_gate(self, settings: Settings, freeze: int | None, now: int) -> None:
        """Change the settings of the gate, and freeze it for so long (ms), if at all."""
        if self.gate is None:
            if settings == NO_SETTINGS and not freeze:
                return
            self.gate = Gate(Limiter())
        _change(self.gate, settings, freeze, now)

    def _patch_limit(self, change: PatchLimit, now: int) -> ChangeOutcome:
        """Change the settings of a shared limit, which is created if it is missing."""
        limit: SharedLimit | None = self.limits.get(change.name)
        before = LimitRules() if limit is None else limit.rules(now)
        if change.if_match is not None and before.tag() not in change.if_match:
            return ChangeOutcome.MISMATCH
        if limit is None:
            self.line.add_limit(change.name)
        limit = self.line.benches.touch(change.name)
        _change(limit, change.patch.applied_to(before.settings), change.freeze, now)
        if change.remaining is not UNSET:
            limit.be_told(change.remaining, now)
        self.line.benches.settle(now)
        return ChangeOutcome.CHANGED

    def _drop_limit(self, change: DropLimit) -> ChangeOutcome:
        """Remove a shared limit that nothing uses."""
        limit: SharedLimit | None = self.limits.get(change.name)
        if limit is None:
            return ChangeOutcome.UNKNOWN
        if limit.uses or limit.leased:
            return ChangeOutcome.IN_USE
        del self.limits[change.name]
        self.due = min(self.due, self.next_due())
        return ChangeOutcome.CHANGED

    def _are_known(self, settings: Settings) -> bool:
        """Return whether all shared limits that settings name are there."""
        return all(name in self.limits for name in settings.uses or ())


def _change(gate: Gate, settings: Settings, freeze: int | None, now: int) -> None:
    """Change the settings of a gate or a shared limit; freeze it for so long (ms), if at all."""
    gate.limiter.bring_to(now)
    gate.change(settings)
    if freeze is not None:
        gate.limiter.freeze(freeze, now)
