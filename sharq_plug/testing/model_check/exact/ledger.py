"""The facts that a sequential history leaves behind, of one queue type, as the contract reads.

The ledger is told what happened, and never asks a store. It looks at everything to find anything.
"""

from dataclasses import dataclass, field
from typing import assert_never

from msgspec.structs import replace

from sharq_plug.model import (
    DeathReason,
    Delivery,
    DropLimit,
    EndedLease,
    Finish,
    Hold,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    SetInterval,
    Setting,
    Use,
)
from sharq_plug.testing.model_check.carried import begins_at
from sharq_plug.testing.model_check.exact.benches import Benches
from sharq_plug.testing.model_check.exact.gates import DefaultFacts, GateFacts
from sharq_plug.testing.model_check.exact.holds import end_of
from sharq_plug.testing.model_check.exact.letters import Letter, LetterFacts
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts
from sharq_plug.testing.model_check.exact.remembered import Remembered
from sharq_plug.testing.model_check.exact.sooner import Sooner


@dataclass(slots=True)
class TypeLedger:
    """The jobs, leases, keys, receipts and places of one queue type."""

    queues: dict[str, QueueFacts] = field(default_factory=dict)
    letters: LetterFacts = field(default_factory=LetterFacts)
    gate: GateFacts = field(default_factory=GateFacts)
    defaults: DefaultFacts = field(default_factory=DefaultFacts)
    benches: Benches = field(init=False)
    remembered: Remembered = field(init=False)
    _number: int = 0
    _sooner: Sooner = field(default_factory=Sooner)
    _opened: float = 0

    def __post_init__(self) -> None:
        self.benches = Benches(self.queues)
        self.remembered = Remembered(self.queues)

    def queue(self, queue_id: str) -> QueueFacts:
        """Return the facts of a queue, empty ones if nothing is known of it."""
        return self.queues.get(queue_id) or QueueFacts(queue_id)

    def existing(self) -> set[str]:
        """Return the queues that exist."""
        return {queue_id for queue_id, queue in self.queues.items() if queue.lives}

    def lease_ends(self) -> list[int]:
        """Return when (ms) each lease of the type expires, in order."""
        leased = [life for queue in self.queues.values() for life in queue.leased]
        return sorted(life.expires_at for life in leased)

    def gate_holds(self, now: int) -> list[Hold]:
        """Return the holds of all queues together that stand at `now` (ms)."""
        holds = self.gate.holds(len(self.lease_ends()), now)
        return [Hold(hold.kind, hold.until, hold.unit, of_type=True) for hold in holds]

    def outer_holds(self, queue: QueueFacts, now: int) -> list[Hold]:
        """Return the holds of a queue at `now` (ms) that are not its own."""
        return self.benches.holds(queue.uses, now) + self.gate_holds(now)

    def pending(self) -> list[QueueFacts]:
        """Return the queues that have not taken up the present defaults: by place, row by row."""
        stand = [queue for queue in self.queues.values() if queue.place and self.is_pending(queue)]
        return sorted(stand, key=lambda queue: (queue.row, queue.place))

    def is_pending(self, queue: QueueFacts) -> bool:
        """Return whether a queue exists that has not taken up the present defaults."""
        return bool(queue.lives) and queue.version != self.defaults.version

    def listed(self) -> set[str]:
        """Return the queues that exist or have a dead letter."""
        return self.existing() | {letter.queue_id for letter in self.letters.all}

    def is_ready(self, queue: QueueFacts, now: int) -> bool:
        """Return whether a queue may be dequeued at `now` (ms), the gate aside."""
        return queue.place is not None and self.benches.ready_at(queue, now) <= now

    def forget_in_time(self, now: int) -> None:
        """Forget what counts as forgotten by `now` (ms)."""
        self.letters.forget_in_time(now)
        for queue in self.queues.values():
            queue.fade(now)

    def outcome(self, ref: LeaseRef) -> LeaseOutcome:
        """Return what becomes of a claim, receipts aside."""
        life = self.queue(ref.queue_id).lives.get(ref.job_id)
        if life is not None and life.token is not None and ref.token in {None, life.token}:
            return LeaseOutcome.ENDED
        known = life or self.letters.newest(ref.queue_id, ref.job_id)
        return LeaseOutcome.STALE if known and ref.token is not None else LeaseOutcome.UNKNOWN

    def enqueued(self, new: NewJob, now: int) -> None:
        """Note a job that was queued."""
        queue = self._come_into_being(new.queue_id)
        life = Life(new, self._next_number(), now, new.requeue_limit)
        extras = life.extras
        begins = begins_at(extras, now)
        life.at = life.due_at = begins if begins > now else None
        life.ends_at = None if extras.ttl is None else begins + extras.ttl
        queue.lives[new.job_id] = life
        self.remembered.queued(life, now)
        self.letters.counted["enqueued"] += 1
        self.brought(queue, new.interval, extras.uses, now)

    def redriven(self, letter: Letter, now: int) -> None:
        """Note a dead letter that waits again, as if it were enqueued now, but without its key."""
        queue = self._come_into_being(letter.queue_id)
        if not queue.lives:
            queue.brought = letter.interval
            queue.names = tuple(name for name in letter.names if name in self.benches.limits)
            queue.retune()
        extras = replace(letter.life.extras, delay=None, at=None, deduplicate=None)
        new = replace(letter.life.new, extras=extras)
        life = Life(new, self._next_number(), letter.life.enqueued_at, new.requeue_limit)
        life.due_at = now
        life.ends_at = None if extras.ttl is None else now + extras.ttl
        queue.lives[new.job_id] = life
        self.letters.remove(letter, "redriven")
        self.take_place(queue, now)

    def _come_into_being(self, queue_id: str) -> QueueFacts:
        """Return a queue that gets a job or settings, with the present defaults."""
        queue = self.queues.setdefault(queue_id, QueueFacts(queue_id))
        queue.take_up(self.defaults)
        return queue

    def changed(self, change: Setting, now: int) -> None:
        """Note a change of settings."""
        match change:
            case SetInterval(queue_id, interval):
                self.brought(self.queues[queue_id], interval, None, now)
            case PatchQueue(queue_id, patch, freeze):
                queue = self._come_into_being(queue_id)
                queue.settings = patch.applied_to(queue.settings)
                queue.frozen_until = queue.frozen_until if freeze is None else now + freeze
                queue.retune()
                self.take_place(queue, now)
            case PatchType(patch, defaults, freeze):
                self.gate.change(patch, freeze, now)
                self.defaults.change(defaults)
            case PatchLimit():
                self.benches.patch(change, now)
            case DropLimit(name):
                del self.benches.limits[name]
            case _:
                assert_never(change)

    def brought(
        self, queue: QueueFacts, interval: int | None, uses: tuple[Use, ...] | None, now: int
    ) -> None:
        """Note what is brought to a queue, and what that does to its place."""
        queue.take_up(self.defaults)
        if interval is not None:
            queue.brought = interval
            queue.retune()
        if uses is not None:
            self.benches.create(uses)
            queue.names = tuple(use.name for use in uses)
        self.take_place(queue, now)

    def served(self, life: Life, job: Delivery, now: int) -> None:
        """Note a lease that was given."""
        queue = self.queues[job.queue_id]
        life.token, life.expires_at, life.attempt = job.token, job.expires_at, job.attempt
        life.at, life.leased_at = None, now
        queue.account.pay(life.extras.cost, now)
        self.benches.charge(life, queue.uses, now)
        self.gate.pay(life.extras.cost, now)
        self.letters.counted["dequeued"] += 1
        self.take_place(queue, now, is_served=True)

    def finished(self, item: Finish, now: int) -> None:
        """Note a lease that a finish ended; its receipt answers for a while."""
        ref = item.lease
        queue = self.queues[ref.queue_id]
        queue.take_up(self.defaults)
        life = queue.lives.pop(ref.job_id)
        if item.actual is not None:
            queue.account.correct(life.extras.cost, item.actual, now)
            self.benches.correct(life, item.actual, now)
            self.gate.correct(life.extras.cost, item.actual, now)
        self.benches.give_back(life)
        self.letters.counted["finished"] += 1
        self.take_place(queue, now)
        self.remembered.finished(item, now)

    def came_back(self, life: Life, now: int, delay: int) -> bool:
        """Note a job that waits again or is delayed; return False if its ttl has passed."""
        if life.has_ended(now):
            self.died(life, DeathReason.EXPIRED, now)
            return False
        self.benches.give_back(life)
        life.token, life.returned = None, True
        life.at = now + delay if delay else None
        life.due_at = life.at or life.due_at
        self.take_place(self.queues[life.new.queue_id], now)
        return True

    def removed(self, life: Life, now: int) -> None:
        """Note a living job that was cancelled or cleared."""
        queue = self.queues[life.new.queue_id]
        life.is_cleared = True
        self.benches.give_back(life)
        del queue.lives[life.new.job_id]
        self.letters.counted["removed"] += 1
        self.take_place(queue, now)

    def died(self, life: Life, reason: DeathReason, now: int) -> None:
        """Note a job that became a dead letter."""
        queue = self.queues[life.new.queue_id]
        self.benches.give_back(life)
        del queue.lives[life.new.job_id]
        self.letters.add(life, reason, queue, now)
        self.take_place(queue, now)

    def lease_ended(self, queue_type: str, life: Life, now: int) -> EndedLease:
        """Note an expired lease that was ended, and return what must be said of it."""
        queue_id, job_id, token = life.new.queue_id, life.new.job_id, life.token or ""
        is_dead = life.requeues == 0
        self.letters.counted["expired_leases"] += 1
        if is_dead:
            self.died(life, DeathReason.REQUEUES_EXHAUSTED, now)
        else:
            is_dead = not self.came_back(life, now, life.penalty())
        return EndedLease(queue_type, queue_id, job_id, token, is_dead)

    def begin(self, now: int) -> None:
        """Note when the gate and the shared limits open, as it is before a call at `now` (ms)."""
        self._opened = self.gate_opens(now)
        self.benches.note_holds(now)
        self._sooner.begin()

    def gate_opens(self, now: int) -> float:
        """Return when (ms) the gate opens, `now` if it is open, infinity if time does not tell."""
        return end_of(self.gate_holds(now)) or now

    def made_sooner(self, now: int) -> tuple[list[float], list[float]]:
        """Return the instants (ms) that watchers must be told of.

        From each of them on a job may be ready, once the gate is open, and that was not foreseen.
        They are those of all queues if an event has let the gate open earlier. The first ones are
        of queues in line, since this was last called; the others of queues in rows, since the call
        began, as it is now.
        """
        given, in_rows = self._sooner.in_line(), self.benches.in_rows()
        if self.gate_opens(now) < self._opened:
            given = [each.place[0] for each in self.queues.values() if each.place and not each.row]
        else:
            opened = self.benches.opened(now)
            in_rows = [
                queue
                for queue in in_rows
                if self._sooner.has(queue) or opened.intersection(queue.row)
            ]
        return given, [self.benches.ready_at(queue, now) for queue in in_rows]

    def take_place(self, queue: QueueFacts, now: int, *, is_served: bool = False) -> None:
        """Give a queue its place after a change, row by row as the contract has it."""
        queue.take_up(self.defaults)
        if not queue.lives:
            queue.names = ()
        stood_in, queue.row = queue.row, queue.uses
        before, held_until = queue.place, end_of(queue.holds(now))
        queue.turn += is_served
        is_over = is_served and (held_until is not None or queue.turn >= queue.weight)
        if not queue.unleased:
            queue.place = None
        elif is_over or before is None:
            queue.place = (now if held_until is None else held_until, self._next_number())
        elif held_until is not None:
            queue.place = (held_until, before[1])
        elif before[0] > now:
            queue.place = (now, self._next_number())
        if queue.place != before:
            queue.turn = 0
        self.benches.settle(now)
        self._sooner.note(queue, before, stood_in, is_served=is_served)

    def _next_number(self) -> int:
        self._number += 1
        return self._number
