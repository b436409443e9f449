"""What holds deliveries: what was set of a queue, a type or a shared limit, and may be in effect.

An answer does not tell to which shared limits a lease was charged. That follows from what may have
been in effect of the `uses` of its queue.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sharq_plug.model import Limit, limits_of_interval
from sharq_plug.testing.model_check.history import Grant
from sharq_plug.testing.model_check.sound.brought import Brought, Names, names_of
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence, new_job
from sharq_plug.testing.model_check.sound.moments import Step, before
from sharq_plug.testing.model_check.sound.named_limits import LimitName
from sharq_plug.testing.model_check.sound.set_values import Set

Limits: TypeAlias = tuple[Limit, ...]
Slot: TypeAlias = tuple[str, int]
"""The unit of a limit, and how many limits of this unit stand before it."""
Lease: TypeAlias = tuple[JobEvidence, Grant]
"""A job, and a delivery of it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What holds leases: a queue, a type as the gate of all its queues, or a shared limit.

    `leases` are those that it surely held: that a queue or a type gave, or that were charged to a
    shared limit. `unsure` are those that may have been charged to it.

    `defaults` is what is set for the queues of a type, `brought` what was brought to a queue; the
    others have neither. A delivery finds a queue with the defaults as they are then: it has taken
    them up.
    """

    queue_type: str
    name: str
    leases: Sequence[Lease]
    jobs: Sequence[JobEvidence]
    own: Set
    defaults: Set | None = None
    brought: Brought | None = None
    unsure: Sequence[Lease] = ()
    is_shared: bool = False
    """Whether this is a shared limit."""

    @property
    def is_queue(self) -> bool:
        """Return whether this is a queue."""
        return self.defaults is not None

    @property
    def is_gate(self) -> bool:
        """Return whether this is a type."""
        return not self.is_queue and not self.is_shared

    @property
    def grants(self) -> list[Grant]:
        """Return the deliveries."""
        return [grant for _, grant in self.leases]

    def was_there(self, lease: Grant, since: Sequence[Grant]) -> bool:
        """Return whether the job of a lease surely lived all the time since others were given."""
        [job] = [job for job, grant in self.leases if grant is lease]
        if job.restarts:
            return False
        starts = job.starts_of(lease)
        is_older = all(lease.job.enqueued_at < other.instant for other in since)
        return is_older or (
            bool(starts) and all(before(start, other) for start in starts for other in since)
        )

    def ever(self, name: str) -> list[Any]:
        """Return all that a setting may ever have been, apart from the intervals brought."""
        sources = [self.own] if self.defaults is None else [self.own, self.defaults]
        return [value for source in sources for value in source.settings[name].ever()]

    def may_be_limited(self) -> bool:
        """Return whether there may ever have been a limit."""
        brought = [] if self.brought is None else self.brought.intervals.ever()
        return any(self.ever("limits")) or any(brought)

    def ever_in_effect(self, name: str, at: Step) -> list[Any]:
        """Return what may be in effect of a setting, also where defaults are not taken up yet."""
        own = self.own.settings[name].values([at])
        if self.defaults is None or None not in own:
            return own
        return [value for value in own if value is not None] + self.defaults.settings[name].ever()

    def limits(self, until: Sequence[Step], since: Sequence[Step] = ()) -> list[Limits]:
        """Return the limits that may be in effect, as `Timeline.values` does."""
        found: list[Limits] = []
        for limits in self.values("limits", until, since):
            if limits is not None:
                found.append(limits)
            elif self.brought is None:
                found.append(())
            else:
                found += self._of_intervals(self.brought, until, since)
        return found

    def _of_intervals(
        self, brought: Brought, until: Sequence[Step], since: Sequence[Step]
    ) -> list[Limits]:
        found = brought.intervals.values(until, since)
        those = [one for one in found if one is not None or not brought.always_interval]
        return [limits_of_interval(interval or 0) for interval in those] or [()]

    def ever_limited(self, at: Step) -> list[Limits]:
        """Return the limits that may be in effect, also where defaults are not taken up yet.

        A queue that does not exist may have forgotten its interval.
        """
        brought = [] if self.brought is None else self.brought.intervals.values([at])
        intervals = {interval for interval in brought if interval}
        others = [(), *map(limits_of_interval, intervals)]
        found = self.ever_in_effect("limits", at)
        return [limits for limits in found if limits is not None] + (
            others if None in found else []
        )

    def values(self, name: str, until: Sequence[Step], since: Sequence[Step] = ()) -> list[Any]:
        """Return what may be in effect of a setting, as `Timeline.values` does."""
        own = self.own.settings[name].values(until, since)
        if self.defaults is None or None not in own:
            return own
        others = self.defaults.settings[name].values(until, since)
        return [value for value in own if value is not None] + others

    def may_use(self) -> bool:
        """Return whether a queue may ever have used shared limits."""
        brought = [] if self.brought is None else self.brought.uses.ever()
        return any(self.ever("uses")) or any(brought)

    def uses(self, at: Step, job: JobEvidence | None = None) -> list[Names]:
        """Return which shared limits a queue may use at a step, with the defaults as they are then.

        With `job`, the step is a delivery of it.
        """
        found = self.values("uses", [at])
        if None not in found or self.brought is None:
            return [names or () for names in found]
        has_brought = job is not None and isinstance(at, Grant) and _has_brought(job, at)
        brought = self.brought.uses_at(at, may_be_forgotten=not has_brought)
        return [names for names in found if names is not None] + brought

    def ever_uses(self, at: Step) -> list[Names]:
        """Return which shared limits may be used, also where defaults are not taken up yet."""
        found = self.ever_in_effect("uses", at)
        brought = [] if self.brought is None else self.brought.uses.ever()
        return [names for names in found if names is not None] + (
            [(), *filter(None, brought)] if None in found else []
        )


def _has_brought(job: JobEvidence, lease: Grant) -> bool:
    """Return whether the enqueue of a job surely brought names, and the job lived since then."""
    starts = job.starts_of(lease)
    return not job.restarts and bool(starts) and all(names_of(new_job(one)) for one in starts)


def holders(evidence: Evidence) -> Iterator[Holder]:
    """Iterate over all queues, all types as gates, and all shared limits."""
    of_limits = [queue_type for queue_type, _ in evidence.limits.by_name]
    leases: dict[str, list[Lease]] = {name: [] for name in (*evidence.types, *of_limits)}
    charged: dict[LimitName, _Charged] = {name: _Charged() for name in evidence.limits.by_name}
    for (queue_type, queue_id), queue in evidence.queues.items():
        given = [(queue.jobs[grant.job.job_id], grant) for grant in queue.grants]
        leases.setdefault(queue_type, []).extend(given)
        holder = Holder(
            queue_type=queue_type,
            name=queue_id,
            leases=given,
            jobs=list(queue.jobs.values()),
            own=queue.own,
            defaults=evidence.type(queue_type).defaults,
            brought=queue.brought,
        )
        if holder.may_use():
            _charge(holder, charged)
        yield holder
    for queue_type, given in leases.items():
        jobs = [job for job in evidence.jobs() if job.queue[0] == queue_type]
        yield Holder(queue_type, queue_type, given, jobs, evidence.type(queue_type).gate)
    for (queue_type, name), those in charged.items():
        own = evidence.limits.of(queue_type, name).own
        yield Holder(queue_type, name, those.sure, (), own, unsure=those.unsure, is_shared=True)


@dataclass(slots=True)
class _Charged:
    """The leases that surely were charged to a shared limit, and those that may have been."""

    sure: list[Lease] = field(default_factory=list)
    unsure: list[Lease] = field(default_factory=list)


def _charge(holder: Holder, charged: dict[LimitName, _Charged]) -> None:
    """Note for shared limits which leases of a queue were charged to them."""
    for job, lease in holder.leases:
        possible = holder.uses(lease, job)
        for name in {name for names in possible for name in names}:
            those = charged.setdefault((holder.queue_type, name), _Charged())
            is_sure = all(name in names for names in possible)
            (those.sure if is_sure else those.unsure).append((job, lease))


def slots(limits: Limits) -> Iterator[tuple[Slot, Limit]]:
    """Iterate over limits with their slots. A changed limit is the one that had its slot."""
    counted: Counter[str] = Counter()
    for limit in limits:
        yield (limit.unit, counted[limit.unit]), limit
        counted[limit.unit] += 1
