"""Looks: what there is in a queue, or in all queues of a type together."""

from copy import copy
from math import inf

from msgspec.structs import replace

from sharq_memory.defaults import version_of
from sharq_memory.holds import forget_if_paid, holds, limiter_of, settings_of, uses_of
from sharq_memory.kept import Kept
from sharq_memory.limits import Limiter
from sharq_memory.queue import Queue
from sharq_plug.model import NO_SETTINGS, QueueRules, QueueView, TypeFigures, TypeRules, TypeView


class Looking(Kept):
    """How a queue and a type are looked at; nothing changes."""

    def view_of(self, queue_id: str, now: int) -> QueueView:
        """Return what there is in one queue."""
        queue = self.queues.get(queue_id) or Queue(queue_id)
        waiting, since = queue.waiting_at(now), queue.ready_since
        if since is not None and not self.line.benches.are_open(uses_of(queue), now):
            since = None
        return QueueView(
            queue_id,
            waiting=waiting,
            leased=queue.leased,
            dead=self.dead.of_queue(queue_id),
            delayed=queue.unleased - waiting,
            ready_since=None if since is None or since > now else int(since),
            next_ready_at=at_or_after(now, self.gated(self.foreseen(queue, now), now)),
        )

    def rules_of(self, queue_id: str, now: int) -> QueueRules:
        """Return what is set for one queue, and what follows from it."""
        queue = self.queues.get(queue_id) or Queue(queue_id)
        if not queue.jobs:
            queue = self._as_if_begun(queue, now)
        limiter = limiter_of(queue)
        version = 0 if self.defaults is None else self.defaults.version
        return QueueRules(
            settings=settings_of(queue),
            in_effect=limiter.rules,
            pending=version_of(queue) != version,
            held_by=holds(queue, now) + self.shared_holds(queue, now) + self.gate_holds(now),
            frozen_until=limiter.freeze_at(now),
        )

    def type_rules(self, now: int) -> TypeRules:
        """Return what is set for all queues together."""
        limiter = Limiter() if self.gate is None else self.gate.limiter
        return TypeRules(
            settings=limiter.rules,
            defaults=NO_SETTINGS if self.defaults is None else self.defaults.settings,
            held_by=self.gate_holds(now),
            frozen_until=limiter.freeze_at(now),
        )

    def _as_if_begun(self, queue: Queue, now: int) -> Queue:
        """Return a copy of `queue`, which has no jobs, as it would be with one."""
        begun = copy(queue)
        if queue.terms is not None:
            begun.terms = replace(queue.terms, limiter=limiter_of(queue))
        forget_if_paid(begun, now)
        self._take_up(begun)
        return begun

    def view(self, now: int) -> TypeView:
        """Return what there is in all queues together."""
        totals = self.totals
        ready = next(self.line.ready_from((0, 0), now), None)
        foreseen = min(self.line.ready_at(), self.expiring.due())
        return TypeView(
            self.queue_type,
            waiting=totals.living - totals.leased - totals.delayed,
            leased=totals.leased,
            dead=len(self.dead),
            delayed=totals.delayed,
            queues=self.existing,
            ready_queues=self.line.ready_queues(now),
            ready_since=None if ready is None else int(ready[0]),
            next_ready_at=at_or_after(now, self.gated(foreseen, now)),
        )

    def figures(self, now: int) -> TypeFigures:
        """Return what a monitor reads."""
        view = self.view(now)
        is_closed = self.gate is not None and bool(self.gate_holds(now))
        since = now if is_closed or view.ready_since is None else view.ready_since
        return TypeFigures(
            self.queue_type,
            waiting=view.waiting,
            leased=view.leased,
            dead=view.dead,
            delayed=view.delayed,
            queues=view.queues,
            ready_queues=0 if is_closed else view.ready_queues,
            overdue=max(0, now - since),
            totals=self.totals.totals(now),
        )


def at_or_after(now: int, foreseen: float) -> int | None:
    """Return the instant (ms) that is foreseen, or `now` if it is past; None if none is."""
    return max(now, int(foreseen)) if foreseen < inf else None
