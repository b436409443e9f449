"""The facts that a sequential history leaves behind, of one queue type, as the contract reads.

The ledger is told what happened, and never asks a store. It looks at everything to find anything.
"""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from math import inf
from typing import assert_never

from msgspec.structs import replace

from sharq_plug.model import (
    DeathReason,
    Delivery,
    EndedLease,
    Finish,
    Hold,
    JobState,
    LeaseOutcome,
    LeaseRef,
    NewJob,
    PatchQueue,
    PatchType,
    SetInterval,
    Setting,
)
from sharq_plug.testing.model_check.carried import begins_at
from sharq_plug.testing.model_check.exact.gates import DefaultFacts, GateFacts
from sharq_plug.testing.model_check.exact.holds import end_of
from sharq_plug.testing.model_check.exact.letters import Letter, LetterFacts
from sharq_plug.testing.model_check.exact.lives import Life, QueueFacts


@dataclass(slots=True)
class TypeLedger:
    """The jobs, leases, keys, receipts and places of one queue type."""

    queues: dict[str, QueueFacts] = field(default_factory=dict)
    letters: LetterFacts = field(default_factory=LetterFacts)
    gate: GateFacts = field(default_factory=GateFacts)
    defaults: DefaultFacts = field(default_factory=DefaultFacts)
    _keys: dict[tuple[str, str], tuple[int, Life]] = field(default_factory=dict)
    _receipts: dict[LeaseRef, int] = field(default_factory=dict)
    _attempts: dict[str, tuple[Delivery, ...]] = field(default_factory=dict)
    _number: int = 0
    _sooner: dict[str, float] = field(default_factory=dict)
    _opened: float = 0

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
        return self.gate.holds(len(self.lease_ends()), now)

    def pending(self) -> list[QueueFacts]:
        """Return the queues in line that have not taken up the present defaults, by place."""
        stand = [queue for queue in self.queues.values() if queue.place and self.is_pending(queue)]
        return sorted(stand, key=lambda queue: queue.place or (0, 0))

    def is_pending(self, queue: QueueFacts) -> bool:
        """Return whether a queue exists that has not taken up the present defaults."""
        return bool(queue.lives) and queue.version != self.defaults.version

    def listed(self) -> set[str]:
        """Return the queues that exist or have a dead letter."""
        return self.existing() | {letter.queue_id for letter in self.letters.all}

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

    def has_receipt(self, ref: LeaseRef, now: int) -> bool:
        """Return whether the receipt of a finish still answers at `now` (ms)."""
        return self._receipts.get(ref, -1) >= now

    def remembered(self, queue_id: str, key: str, now: int) -> str | None:
        """Return the id of the job that is remembered under a key at `now` (ms), if one is."""
        until, life = self._keys.get((queue_id, key), (now, None))
        return None if life is None or until <= now or life.is_cleared else life.new.job_id

    def repeated(self, attempt_id: str | None, now: int) -> tuple[Delivery, ...]:
        """Return what a dequeue with this id must give again; nothing if it is a new one."""
        standing = []
        for job in self._attempts.get(attempt_id or "", ()):
            queue = self.queue(job.queue_id)
            life = queue.lives.get(job.job_id)
            if job.expires_at > now and life is not None and life.token == job.token:
                waiting = queue.waiting(now)
                standing.append(replace(job, queue_length=waiting, expires_at=life.expires_at))
        return tuple(standing)

    def attempted(self, attempt_id: str, jobs: tuple[Delivery, ...]) -> None:
        """Note what a new dequeue with this id got."""
        self._attempts[attempt_id] = jobs

    def enqueued(self, new: NewJob, now: int) -> None:
        """Note a job that was queued."""
        queue = self._come_into_being(new.queue_id)
        life = Life(new, self._next_number(), now, new.requeue_limit)
        extras = life.extras
        begins = begins_at(extras, now)
        life.at = begins if begins > now else None
        life.ends_at = None if extras.ttl is None else begins + extras.ttl
        queue.lives[new.job_id] = life
        if extras.deduplicate is not None:
            until = now + extras.deduplicate.keep_for
            self._keys[new.queue_id, extras.deduplicate.key] = (until, life)
        self.letters.counted["enqueued"] += 1
        self.brought(queue, new.interval, now)

    def redriven(self, letter: Letter, now: int) -> None:
        """Note a dead letter that waits again, as if it were enqueued now, but without its key."""
        queue = self._come_into_being(letter.queue_id)
        if not queue.lives:
            queue.brought = letter.interval
            queue.retune()
        extras = replace(letter.life.extras, delay=None, at=None, deduplicate=None)
        new = replace(letter.life.new, extras=extras)
        life = Life(new, self._next_number(), letter.life.enqueued_at, new.requeue_limit)
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
                self.brought(self.queues[queue_id], interval, now)
            case PatchQueue(queue_id, patch, freeze):
                queue = self._come_into_being(queue_id)
                queue.settings = patch.applied_to(queue.settings)
                queue.frozen_until = queue.frozen_until if freeze is None else now + freeze
                queue.retune()
                self.take_place(queue, now)
            case PatchType(patch, defaults, freeze):
                self.gate.change(patch, freeze, now)
                self.defaults.change(defaults)
            case _:
                assert_never(change)

    def brought(self, queue: QueueFacts, interval: int | None, now: int) -> None:
        """Note an interval that is brought, if it is one, and what it does to the queue's place."""
        queue.take_up(self.defaults)
        if interval is not None:
            queue.brought = interval
            queue.retune()
        self.take_place(queue, now)

    def served(self, life: Life, job: Delivery, now: int) -> None:
        """Note a lease that was given."""
        queue = self.queues[job.queue_id]
        life.token, life.expires_at, life.attempt = job.token, job.expires_at, job.attempt
        life.at = None
        queue.account.pay(life.extras.cost, now)
        if self.gate.account.limits:
            self.gate.account.pay(life.extras.cost, now)
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
            self.gate.account.correct(life.extras.cost, item.actual, now)
        self.letters.counted["finished"] += 1
        self.take_place(queue, now)
        if ref.token is not None:
            self._receipts[ref] = now + item.receipt_time

    def came_back(self, life: Life, now: int, delay: int) -> bool:
        """Note a job that waits again or is delayed; return False if its ttl has passed."""
        if life.has_ended(now):
            self.died(life, DeathReason.EXPIRED, now)
            return False
        life.token, life.returned = None, True
        life.at = now + delay if delay else None
        self.take_place(self.queues[life.new.queue_id], now)
        return True

    def removed(self, life: Life, now: int) -> None:
        """Note a living job that was cancelled or cleared."""
        queue = self.queues[life.new.queue_id]
        life.is_cleared = True
        del queue.lives[life.new.job_id]
        self.letters.counted["removed"] += 1
        self.take_place(queue, now)

    def died(self, life: Life, reason: DeathReason, now: int) -> None:
        """Note a job that became a dead letter."""
        queue = self.queues[life.new.queue_id]
        del queue.lives[life.new.job_id]
        self.letters.add(life, reason, queue.brought, now)
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

    def cleared(self, queue_id: str, states: Set[JobState], now: int) -> Counter[JobState]:
        """Note a clearing of a queue; return how many jobs and letters of each state went."""
        gone: Counter[JobState] = Counter()
        for life in list(self.queue(queue_id).lives.values()):
            state = life.state(now)
            if state in states:
                gone[state] += 1
                self.removed(life, now)
        for letter in self.letters.of(queue_id) if JobState.DEAD in states else ():
            gone[JobState.DEAD] += 1
            self.letters.remove(letter, "discarded")
        return gone

    def note_gate(self, now: int) -> None:
        """Note when the gate opens, as it is before a call at `now` (ms)."""
        self._opened = self.gate_opens(now)

    def gate_opens(self, now: int) -> float:
        """Return when (ms) the gate opens, `now` if it is open, infinity if time does not tell."""
        return end_of(self.gate_holds(now)) or now

    def made_sooner(self, now: int) -> list[float]:
        """Return the instants (ms) that watchers must be told of since this was last called.

        From each of them on a job may be ready, once the gate is open, and that was not foreseen.
        They are those of all queues if an event has let the gate open earlier.
        """
        sooner, self._sooner = self._sooner, {}
        if self.gate_opens(now) < self._opened:
            return [queue.place[0] for queue in self.queues.values() if queue.place]
        return list(sooner.values())

    def take_place(self, queue: QueueFacts, now: int, *, is_served: bool = False) -> None:
        """Give a queue its place after a change, row by row as the contract has it."""
        queue.take_up(self.defaults)
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
        after = queue.place
        if is_served or after is None or after[0] == inf:
            self._sooner.pop(queue.queue_id, None)
        elif before is None or after[0] < before[0]:
            self._sooner[queue.queue_id] = after[0]

    def _next_number(self) -> int:
        self._number += 1
        return self._number
