"""What is known of one job id, and what can be proved of its leases and its lives."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from msgspec import structs

from sharq_plug.model import (
    Deduplicate,
    Discard,
    EndedLease,
    Extend,
    Extended,
    Extras,
    Fail,
    JobState,
    NewJob,
    Reschedule,
    Settlement,
)
from sharq_plug.testing.model_check.carried import PLAIN, begins_at
from sharq_plug.testing.model_check.history import Event, Grant
from sharq_plug.testing.model_check.operations import ClearStep, DiscardRange
from sharq_plug.testing.model_check.sound.moved import Moves, is_sure_of_job, may_be_of

QueueName = tuple[str, str]
"""A queue type and a queue id."""


@dataclass(slots=True)
class JobEvidence:
    """What is known of one job id. `starts` may have queued it, `proofs` show that it was there.

    `finishes`, `releases`, `fails`, `extends` and `cancels` ended or extended a lease, or ended a
    life, or may have. So may `moves`, which are all of its queue. `reschedules` gave it another
    priority or time, or may have. `expiries` are the leases that were ended because they had
    expired, and who said so. `refused` are the settlements that did nothing.
    """

    queue: QueueName
    job_id: str
    moves: Moves
    starts: list[Event] = field(default_factory=list)
    proofs: list[Event] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    finishes: list[Event] = field(default_factory=list)
    releases: list[Event] = field(default_factory=list)
    fails: list[Event] = field(default_factory=list)
    extends: list[Event] = field(default_factory=list)
    cancels: list[Event] = field(default_factory=list)
    reschedules: list[Reschedule] = field(default_factory=list)
    expiries: list[tuple[Event, EndedLease]] = field(default_factory=list)
    refused: list[Event] = field(default_factory=list)

    @property
    def ends(self) -> list[Event]:
        """Return what may have removed the job, or a dead letter of it; tending aside."""
        discards = [event for event in self.moves.discards if may_be_of(event, self.job_id)]
        return [*self.finishes, *self.moves.clears, *self.cancels, *discards]

    @property
    def restarts(self) -> list[Event]:
        """Return what may have redriven a dead letter of the job."""
        return [event for event in self.moves.redrives if may_be_of(event, self.job_id)]

    @property
    def returns(self) -> list[Event]:
        """Return what may have ended a lease of the job and given it back."""
        return [*self.releases, *self.fails]

    def forms(self, start: Event) -> Iterator[NewJob]:
        """Iterate over what the job of an enqueue may be: it may have another priority by now."""
        new = new_job(start)
        yield new
        for change in self.reschedules:
            if change.priority is not None:
                extras = structs.replace(new.extras or PLAIN, priority=change.priority)
                yield structs.replace(new, extras=extras)

    @property
    def limits(self) -> set[int]:
        """Return the requeue limits that the job may have been queued with."""
        return {new_job(start).requeue_limit for start in self.starts}

    @property
    def extras(self) -> list[Extras]:
        """Return the extras that the job may have been queued with."""
        return [extras_of(start) for start in self.starts]

    @property
    def is_mortal(self) -> bool:
        """Return whether the job may have become a dead letter."""
        is_given_up = any(is_deadly(fail) for fail in self.fails)
        has_ttl = any(extras.ttl is not None for extras in self.extras)
        return self.limits != {-1} or has_ttl or is_given_up

    def may_have_expired(self, lease: Grant, event: Event, at: int | None) -> bool:
        """Return whether a lease may have expired at `at` (ms, None: any), by the step of `event`.

        An extend that surely was before that step gave the lease another end than it had.
        """
        if at is None or not lease.is_exact:
            return True
        extends = [
            extend
            for extend in self.extends
            if may_end(extend, lease) and not event.before(extend) and extend is not event
        ]
        sure = [
            extend
            for extend in extends
            if extend.outcome is not None and token_of(extend) and extend.before(event)
        ]
        ends = [] if sure else [lease.job.expires_at]
        ends += [
            _earliest_end(extend)
            for extend in extends
            if not any(extend.before(later) for later in sure)
        ]
        return at >= min(ends)

    def may_have_ended(self, at: float) -> bool:
        """Return whether the ttl of the job may have passed at an instant (ms)."""
        lives = [(start.invoked_at, extras_of(start)) for start in self.starts]
        return any(
            extras.ttl is not None and begins_at(extras, now) + extras.ttl <= at
            for now, extras in lives
        )

    def may_be_over(self, lease: Grant, event: Event, at: int | None) -> bool:
        """Return whether a lease of the job may be over when the step of `event` is made.

        It may have expired at `at` (ms, None: any), the latest instant of that step, or something
        that `event` was not before may have ended it.
        """
        if self.may_have_expired(lease, event, at):
            return True
        enders = (*self.ends, *self.returns)
        return any(may_end(ender, lease) and not event.before(ender) for ender in enders)

    def had_one_life(self) -> bool:
        """Return whether no second life of the job can be in the history."""
        if self.restarts:
            return False
        if len(self.starts) == 1:
            return True
        if self.is_mortal:
            return False
        return all(start.before(end) for start in self.starts for end in self.ends)

    def starts_of(self, grant: Grant) -> list[Event]:
        """Return what may have queued the job that was leased: the delivery tells when that was."""
        return [
            start
            for start in self.starts
            if start.invoked_at <= grant.job.enqueued_at <= latest(start)
        ]

    def lives(self) -> Iterator["JobEvidence"]:
        """Iterate over what is known of single lives, as far as enqueues can be told apart."""
        if self.had_one_life():
            yield self
            return
        if self.restarts:
            yield from self._redriven_lives()
            return
        by_enqueue: dict[int, list[Grant]] = {}
        for grant in self.grants:
            by_enqueue.setdefault(grant.job.enqueued_at, []).append(grant)
        for grants in by_enqueue.values():
            starts = self.starts_of(grants[0])
            if len(starts) == 1:
                yield replace(self, starts=starts, grants=grants)

    def _redriven_lives(self) -> Iterator["JobEvidence"]:
        """Iterate over the lives that surely began with a redrive, up to the next possible start.

        No delivery may overlap the begin or the end of such a life.
        """
        for restart in self.restarts:
            begins = [event for event in (*self.starts, *self.restarts) if event is not restart]
            later = [event for event in begins if not event.before(restart)]
            after = [lease for lease in self.grants if not lease.event.before(restart)]
            life = [lease for lease in after if all(lease.event.before(event) for event in later)]
            is_clear = all(restart.before(lease.event) for lease in after) and all(
                lease in life or any(event.before(lease.event) for event in later)
                for lease in after
            )
            if is_sure_of_job(restart) and is_clear and life:
                yield replace(self, grants=life)

    def deaths(self) -> Iterator[Event]:
        """Iterate over what surely made the job a dead letter."""
        for event, lease in self.expiries:
            if lease.is_dead:
                yield event
        for fail in self.fails:
            if fail.outcome is not None and is_deadly(fail):
                yield fail

    def penalties(self) -> Iterator[tuple[Event, str]]:
        """Iterate over what surely spent a requeue, with the token of the lease that it ended."""
        for event, lease in self.expiries:
            yield event, lease.token
        for fail in self.fails:
            token = token_of(fail)
            if fail.outcome is not None and token is not None:
                yield fail, token


def may_end(ender: Event, lease: Grant) -> bool:
    """Return whether a settlement or clearing may have ended, or extended, this very lease."""
    if ender.before(lease.event):
        return False
    item = ender.operation.item
    if isinstance(item, Settlement):
        return item.lease.token in {None, lease.job.token}
    if isinstance(item, ClearStep):
        return JobState.LEASED in item.what.states
    return not isinstance(item, Discard | DiscardRange)


def new_job(event: Event) -> NewJob:
    """Return the job of an enqueue."""
    if not isinstance(event.operation.item, NewJob):
        raise TypeError(f"{event.operation} is no enqueue")
    return event.operation.item


def extras_of(event: Event) -> Extras:
    """Return the extras of the job of an enqueue."""
    return new_job(event).extras or PLAIN


def token_of(event: Event) -> str | None:
    """Return the token of a settlement; None if it has none, or is something else."""
    item = event.operation.item
    return item.lease.token if isinstance(item, Settlement) else None


def key_of(new: NewJob) -> Deduplicate | None:
    """Return the key that a job was to be queued with."""
    return None if new.extras is None else new.extras.deduplicate


def is_deadly(fail: Event) -> bool:
    """Return whether a fail was to make its job a dead letter, whatever it had left."""
    item = fail.operation.item
    return isinstance(item, Fail) and item.dead


def latest(event: Event) -> float:
    """Return the latest instant (ms) of the step of an event."""
    return math.inf if event.answered_at is None else event.answered_at


def _earliest_end(extend: Event) -> int:
    """Return when (ms) an extend let a lease end, at the earliest."""
    item = extend.operation.item
    if isinstance(extend.outcome, Extended):
        return extend.outcome.expires_at
    if not isinstance(item, Extend):
        raise TypeError(f"{extend.operation} is no extend")
    return extend.invoked_at + item.lease_time
