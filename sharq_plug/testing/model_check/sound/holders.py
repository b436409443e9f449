"""What holds deliveries: what was set of a queue or a type, and what may be in effect of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sharq_plug.model import Limit, limits_of_interval
from sharq_plug.testing.model_check.history import Grant
from sharq_plug.testing.model_check.sound.evidence import Evidence
from sharq_plug.testing.model_check.sound.jobs import JobEvidence
from sharq_plug.testing.model_check.sound.moments import Step, before
from sharq_plug.testing.model_check.sound.set_values import Set
from sharq_plug.testing.model_check.sound.timeline import Timeline

Limits: TypeAlias = tuple[Limit, ...]
Slot: TypeAlias = tuple[str, int]
"""The unit of a limit, and how many limits of this unit stand before it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A queue, or a type as the gate of all its queues, with its jobs, and the leases that it gave.

    `defaults` is what is set for the queues of a type, `brought` what intervals were brought to a
    queue; a gate has neither. A delivery finds a queue with the defaults as they are then: it has
    taken them up.
    """

    queue_type: str
    name: str
    leases: Sequence[tuple[JobEvidence, Grant]]
    jobs: Sequence[JobEvidence]
    own: Set
    defaults: Set | None = None
    brought: Timeline[int | None] | None = None
    always_brought: bool = False
    """Whether each enqueue brought an interval, so that no delivery finds the queue without one."""

    @property
    def is_gate(self) -> bool:
        """Return whether this is a type."""
        return self.defaults is None

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
        brought = [] if self.brought is None else self.brought.ever()
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
                found += self._of_intervals(self.brought.values(until, since))
        return found

    def _of_intervals(self, brought: Sequence[int | None]) -> list[Limits]:
        those = [one for one in brought if one is not None or not self.always_brought]
        return [limits_of_interval(interval or 0) for interval in those] or [()]

    def ever_limited(self, at: Step) -> list[Limits]:
        """Return the limits that may be in effect, also where defaults are not taken up yet.

        A queue that does not exist may have forgotten its interval.
        """
        brought = [] if self.brought is None else self.brought.values([at])
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


def holders(evidence: Evidence) -> Iterator[Holder]:
    """Iterate over all queues, and over all types as gates."""
    leases: dict[str, list[tuple[JobEvidence, Grant]]] = {name: [] for name in evidence.types}
    for (queue_type, queue_id), queue in evidence.queues.items():
        given = [(queue.jobs[grant.job.job_id], grant) for grant in queue.grants]
        leases.setdefault(queue_type, []).extend(given)
        yield Holder(
            queue_type=queue_type,
            name=queue_id,
            leases=given,
            jobs=list(queue.jobs.values()),
            own=queue.own,
            defaults=evidence.type(queue_type).defaults,
            brought=queue.brought,
            always_brought=queue.always_brought,
        )
    for queue_type, given in leases.items():
        jobs = [job for job in evidence.jobs() if job.queue[0] == queue_type]
        yield Holder(queue_type, queue_type, given, jobs, evidence.type(queue_type).gate)


def slots(limits: Limits) -> Iterator[tuple[Slot, Limit]]:
    """Iterate over limits with their slots. A changed limit is the one that had its slot."""
    counted: Counter[str] = Counter()
    for limit in limits:
        yield (limit.unit, counted[limit.unit]), limit
        counted[limit.unit] += 1
