"""A job of a sequential history, and its queue, as the contract reads."""

from dataclasses import dataclass, field

from sharq_plug.model import Extras, JobState, NewJob
from sharq_plug.testing.model_check.carried import PLAIN


@dataclass(slots=True)
class Life:
    """A job from its enqueue until it is finished, dead or cleared.

    `at` is set while it is delayed: until it has joined those that wait.
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
    expires_at: int = 0
    penalties: int = 0
    last_error: str | None = None
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

    `place` is (ready since, place number), if a job waits or is delayed.
    """

    queue_id: str
    interval: int = 0
    last: int | None = None
    place: tuple[int, int] | None = None
    lives: dict[str, Life] = field(default_factory=dict)

    @property
    def allowed_at(self) -> int:
        """Return the instant (ms) from which on the rate allows a dequeue."""
        return 0 if self.last is None else self.last + self.interval

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

    def held_until(self, now: int) -> int | None:
        """Return the latest instant (ms) at which a hold that stands at `now` ends."""
        held = [self.allowed_at] if self.allowed_at > now else []
        unleased = [life for life in self.lives.values() if life.token is None]
        ats = [life.at for life in unleased if life.at is not None]
        if ats and len(ats) == len(unleased) and min(ats) > now:
            held.append(min(ats))
        return max(held, default=None)
