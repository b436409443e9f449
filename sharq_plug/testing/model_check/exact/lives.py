"""A job of a sequential history, and its queue, as the contract reads."""

from dataclasses import dataclass, field
from typing import TypeAlias

from msgspec.structs import replace

from sharq_plug.model import (
    NO_SETTINGS,
    Extras,
    Hold,
    JobState,
    NewJob,
    Settings,
    limits_of_interval,
)
from sharq_plug.testing.model_check.carried import PLAIN
from sharq_plug.testing.model_check.exact.accounts import Account
from sharq_plug.testing.model_check.exact.gates import DefaultFacts
from sharq_plug.testing.model_check.exact.holds import standing

Place: TypeAlias = tuple[float, int]
"""(ready since, place number)."""
Names: TypeAlias = tuple[str, ...]
"""Shared limits that a queue uses, in their order."""


@dataclass(slots=True)
class Life:
    """A job from its enqueue until it is finished, dead or cleared.

    `at` is set while it is delayed: until it has joined those that wait. `due_at` is when its
    latest delay was to end. `charged` are the shared limits that its lease is charged to.
    """

    new: NewJob
    number: int
    enqueued_at: int
    requeues: int
    at: int | None = None
    ends_at: int | None = None
    attempt: int = 0
    returned: bool = False
    token: str | None = None
    leased_at: int = 0
    expires_at: int = 0
    due_at: int | None = None
    penalties: int = 0
    last_error: str | None = None
    charged: Names = ()
    is_cleared: bool = False

    @property
    def extras(self) -> Extras:
        """Return what the job brought besides."""
        return self.new.extras or PLAIN

    @property
    def waits(self) -> bool:
        """Return whether the job waits, and has joined."""
        return self.token is None and self.at is None

    def state(self, now: int) -> JobState:
        """Return the state of the job at `now` (ms); a due one waits."""
        if self.token is not None:
            return JobState.LEASED
        is_due = self.at is None or self.at <= now
        return JobState.WAITING if is_due else JobState.DELAYED

    @property
    def standing(self) -> tuple[int, bool, int]:
        """Return what orders the jobs that wait."""
        return -self.extras.priority, not self.returned, self.number

    @property
    def joins(self) -> tuple[int, int, int]:
        """Return what orders the jobs that are delayed, or due and have not joined."""
        return self.at or 0, -self.extras.priority, self.number

    def has_ended(self, now: int) -> bool:
        """Return whether the ttl has passed at `now` (ms)."""
        return self.ends_at is not None and self.ends_at <= now

    def penalty(self) -> int:
        """Note one more penalty; return for how long (ms) the job waits for it."""
        self.requeues -= self.requeues > 0
        self.penalties += 1
        delay = self.extras.requeue_delay
        return 0 if delay is None else delay.after(self.penalties)


@dataclass(slots=True)
class QueueFacts:
    """A queue, or what it left behind.

    `place` is (ready since, place number), if a job waits or is delayed; the first is infinite
    while only an event can let the queue go. `turn` counts the deliveries since it has its place.
    `brought` is the interval that was brought, 0 if there is none, `names` the shared limits that
    were brought. `taken_up` are the defaults of its type that it took up last, of this `version`.
    `row` are the shared limits that it used when it took its place.
    """

    queue_id: str
    settings: Settings = NO_SETTINGS
    taken_up: Settings = NO_SETTINGS
    version: int = 0
    brought: int = 0
    names: Names = ()
    account: Account = field(default_factory=Account)
    frozen_until: int | None = None
    place: Place | None = None
    row: Names = ()
    turn: int = 0
    lives: dict[str, Life] = field(default_factory=dict)

    @property
    def in_effect(self) -> Settings:
        """Return what holds for the queue; its limits are never None."""
        chosen = self.settings.or_else(self.taken_up)
        if chosen.uses is None and self.names:
            chosen = replace(chosen, uses=self.names)
        if chosen.limits is not None:
            return chosen
        return replace(chosen, limits=limits_of_interval(self.brought))

    @property
    def uses(self) -> Names:
        """Return the shared limits that it uses."""
        return self.in_effect.uses or ()

    @property
    def named(self) -> set[str]:
        """Return the shared limits that its settings or its leases name, or while it lives more."""
        named = {*(self.settings.uses or ())}
        if self.lives:
            named |= {*(self.taken_up.uses or ()), *self.names}
        return named.union(*(life.charged for life in self.lives.values()))

    @property
    def weight(self) -> int:
        """Return how many deliveries a turn allows."""
        return self.in_effect.weight or 1

    def take_up(self, defaults: DefaultFacts) -> None:
        """Note that it takes up the defaults of its type."""
        if self.version != defaults.version:
            self.taken_up, self.version = defaults.settings, defaults.version
            self.retune()

    def retune(self) -> None:
        """Note which limits are in effect now."""
        limits = self.in_effect.limits or ()
        if limits != self.account.limits:
            self.account.change(limits)

    def fade(self, now: int) -> None:
        """Forget what an empty queue does not owe any more at `now` (ms)."""
        is_frozen = self.frozen_until is not None and self.frozen_until > now
        if not self.lives and not is_frozen and not any(self.account.at(now)):
            self.account.forget()
            self.brought = 0
            self.frozen_until = None
            self.retune()

    def freeze(self, duration: int, now: int) -> None:
        """Note that a worker freezes the queue for so long (ms); a freeze is never cut short."""
        self.frozen_until = max(self.frozen_until or 0, now + duration)

    @property
    def head(self) -> Life | None:
        """Return the first of the jobs that have joined."""
        joined = (life for life in self.lives.values() if life.waits)
        return min(joined, key=lambda life: life.standing, default=None)

    @property
    def leased(self) -> list[Life]:
        """Return the jobs that are leased."""
        return [life for life in self.lives.values() if life.token is not None]

    @property
    def unleased(self) -> int:
        """Return how many jobs wait or are delayed."""
        return sum(life.token is None for life in self.lives.values())

    def delayed(self, now: int) -> int:
        """Return how many jobs are not due at `now` (ms)."""
        return sum(life.state(now) is JobState.DELAYED for life in self.lives.values())

    def waiting(self, now: int) -> int:
        """Return how many jobs wait at `now` (ms), those included that are due."""
        return self.unleased - self.delayed(now)

    def due(self, now: int) -> list[Life]:
        """Return the jobs that are due at `now` (ms) and have not joined, in their order."""
        lives = [life for life in self.lives.values() if life.token is None and life.at]
        due = [life for life in lives if life.joins[0] <= now]
        return sorted(due, key=lambda life: life.joins)

    def holds(self, now: int) -> list[Hold]:
        """Return the holds that stand at `now` (ms)."""
        return self.holds_of(self._first_at, now)

    def holds_of(self, at: int | None, now: int) -> list[Hold]:
        """Return the holds at `now` (ms) of what is due `at` an instant (None: due already)."""
        leased = len(self.leased)
        return standing(self.account, self.in_effect, self.frozen_until, leased, now, first_at=at)

    @property
    def _first_at(self) -> int | None:
        """Return the time (ms) of the first delayed job, if none has joined those that wait."""
        ats = [life.at for life in self.lives.values() if life.token is None]
        return None if None in ats else min((at for at in ats if at is not None), default=None)
