"""Random walks over several machines at once, which must answer the same."""

import random
from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from sharq_memory.check import check_machine
from sharq_memory.machine import Machine
from sharq_plug.model import (
    Backlogs,
    Cancel,
    Clear,
    Deduplicate,
    Discard,
    DropLimit,
    Extras,
    Fail,
    FreezeLimit,
    JobRef,
    Jobs,
    JobState,
    LeaseRef,
    LetterRange,
    LetterRef,
    Letters,
    Listing,
    Names,
    NewJob,
    Overdue,
    PatchLimit,
    PatchQueue,
    PatchType,
    Queues,
    Redrive,
    Release,
    Remaining,
    RequeueDelay,
    Reschedule,
    Retention,
    SetInterval,
    Setting,
    SettingsPatch,
    Settlement,
    SharedLimits,
    Take,
    Tended,
    Types,
    Use,
)
from sharq_plug.testing.model_check.values import (
    NEW_JOB,
    OF_A_GATE,
    OF_DEFAULTS,
    PATCH,
    SETTINGS,
    SETTLEMENTS,
    Fields,
)

NOW = 1_700_000_000_000
TYPES = ["t", "u"]
KEPT = Retention()
VALUES: Fields = {
    "queue_id": ["b", "a", "a-", "10", "9"],
    "interval": [0, 0, 1, 50, 1000, 70_000, 10**9, None],
    "receipt_time": [100_000],
}
"""Fields with values of their own: these walks take longer steps than the model check."""
LIMIT_NAMES = ["k", "l", "m"]
USES = [(), ("k",), ("k",), ("l",), ("k", "l"), ("k", "m"), ("l", "m")]


class Walk:
    """Calls drawn at random, given to several machines; all must answer the same."""

    def __init__(self, seed: int) -> None:
        self.machines = [Machine()]
        self.now = NOW
        self._chance = random.Random(seed)
        self._leases: list[tuple[str, LeaseRef]] = []
        self._tokens = 0
        self._latest = NOW

    def take_steps(self, steps: int) -> None:
        for _ in range(steps):
            call, *arguments = self._draw()
            answers = [self._ask(machine, call, *arguments) for machine in self.machines]
            assert all(answer == answers[0] for answer in answers), (call, arguments)
            self._latest = max(self._latest, self.now)
            for machine in self.machines:
                check_machine(machine, self._latest)

    def settle_down(self) -> None:
        """Tend until nothing is due."""
        for machine in self.machines:
            while machine.tend(100, KEPT, self.now).more:
                pass

    def _draw(self) -> tuple[Any, ...]:
        chance = self._chance
        queue_type, queue_id = chance.choice(TYPES), chance.choice(VALUES["queue_id"])
        call: tuple[Any, ...]
        match chance.choice("EEEDDDDSSSSTTCIIAAABMMRLLLPP"):
            case "E":
                jobs = [self._job() for _ in range(3)]
                call = Machine.enqueue, queue_type, jobs
            case "D":
                takes = [self._take() for _ in range(chance.randint(1, 2))]
                call = Machine.dequeue, queue_type, takes
            case "S" if self._leases:
                queue_type, lease = chance.choice(self._leases[-20:])
                call = Machine.settle, queue_type, [self._settlement(lease)]
            case "C":
                what = Clear(chance.choice([queue_id, None]), self._states(), self._is_so(0.5))
                call = Machine.clear, queue_type, what, None, chance.choice([1, 3, 100])
            case "I":
                call = Machine.configure, queue_type, [self._setting(queue_id)]
            case "M":
                call = Machine.amend, queue_type, [self._amendment(queue_id)]
            case "R":
                move = chance.choice([Machine.redrive, Machine.discard])
                letters = LetterRange(chance.choice([queue_id, None]), chance.choice([0, 0, 5]))
                call = move, queue_type, letters, chance.choice([1, 5])
            case "L":
                call = self._look(queue_type, queue_id)
            case "P":
                call = Machine.page, *self._listing(queue_type, queue_id), None, 5
            case "A":
                self.now += chance.choice([1, 20, 200, 1000, 60_000, 600_000, 10**9])
                call = Machine.look, queue_type, queue_id
            case "B":
                self.now -= chance.choice([1, 50, 1000, 700_000])
                call = Machine.look, queue_type, queue_id
            case _:
                call = Machine.tend, chance.choice([1, 2, 100]), self._retention()
        return *call, self.now

    def _drawn(self, fields: Fields) -> dict[str, Any]:
        return {name: self._chance.choice(VALUES.get(name, fields[name])) for name in fields}

    def _is_so(self, chance: float) -> bool:
        return self._chance.random() < chance

    def _states(self) -> frozenset[JobState]:
        often = self._chance.choice([0.2, 0.8])
        return frozenset(state for state in JobState if self._is_so(often))

    def _retention(self) -> Retention:
        chance = self._chance
        return Retention(chance.choice([10**9, 1000, 0]), chance.choice([10**6, 10, 3, 0]))

    def _look(self, queue_type: str, queue_id: str) -> tuple[Any, ...]:
        if self._is_so(0.3):
            return find, queue_type, [JobRef(queue_id, name) for name in NEW_JOB["job_id"]]
        return Machine.look, queue_type, self._chance.choice([queue_id, None])

    def _settlement(self, lease: LeaseRef) -> Settlement:
        kind = self._chance.choice(list(SETTLEMENTS))
        fields = self._drawn(SETTLEMENTS[kind])
        if kind in {Release, Fail}:
            fields["freeze_limit"] = self._freeze_limit()
        return kind(lease, **fields)

    def _setting(self, queue_id: str) -> Setting:
        if self._is_so(0.5):
            return self._limit_setting()
        kinds: list[type[Setting]] = [SetInterval, PatchQueue, PatchType]
        kind = self._chance.choice(kinds)
        if kind is SetInterval:
            return SetInterval(queue_id, self._chance.choice([0, 50, 1000]))
        fields = self._drawn(SETTINGS[kind])
        if kind is PatchQueue:
            return PatchQueue(queue_id, self._using(self._patch(*PATCH), 0.5), **fields)
        defaults = self._using(self._patch(*OF_DEFAULTS), 0.3)
        return PatchType(self._patch(*OF_A_GATE), defaults, **fields)

    def _limit_setting(self) -> Setting:
        chance = self._chance
        name = chance.choice(LIMIT_NAMES)
        if self._is_so(0.2):
            return DropLimit(name)
        until = self.now + chance.choice([0, 20, 1000, 70_000])
        remaining = Remaining(chance.choice([0, 1, 3]), until, chance.choice(["job", "tokens"]))
        return PatchLimit(
            name,
            self._patch(*OF_A_GATE),
            freeze=chance.choice([None, None, 0, 50, 1000]),
            remaining=chance.choice([UNSET, UNSET, None, remaining]),
        )

    def _using(self, patch: SettingsPatch, often: float) -> SettingsPatch:
        uses = self._chance.choice([None, None, *USES]) if self._is_so(often) else UNSET
        return replace(patch, uses=uses)

    def _freeze_limit(self) -> FreezeLimit | None:
        chance = self._chance
        is_given = self._is_so(0.3)
        return FreezeLimit(chance.choice(LIMIT_NAMES), chance.choice([0, 50])) if is_given else None

    def _patch(self, *names: str) -> SettingsPatch:
        """Return a change that takes much back: what is paused must go on."""
        drawn = {name: self._chance.choice([None, *PATCH[name]]) for name in names}
        drawn["paused"] = self._is_so(0.1)
        return SettingsPatch(**{name: drawn[name] for name in names if self._is_so(0.5)})

    def _amendment(self, queue_id: str) -> Any:
        chance = self._chance
        job = JobRef(queue_id, chance.choice(NEW_JOB["job_id"]))
        number = LetterRef(chance.randint(1, 20), chance.choice([None, None, queue_id]))
        letter = number if self._is_so(0.5) else job
        return chance.choice(
            [
                Cancel(job, leased=self._is_so(0.5)),
                Reschedule(job, priority=chance.choice([None, 0, 9]), delay=chance.choice([0, 50])),
                Redrive(letter),
                Discard(letter),
            ]
        )

    def _listing(self, queue_type: str, queue_id: str) -> tuple[str | None, Listing]:
        chance = self._chance
        of_types: list[Listing] = [Names(), Types()]
        of_type: list[Listing] = [Names(), Queues(), Queues("a"), Overdue(), Backlogs(), Letters()]
        of_type += [SharedLimits(), SharedLimits(chance.choice(LIMIT_NAMES))]
        of_queue: list[Listing] = [Jobs(queue_id, chance.choice([*JobState])), Letters(queue_id)]
        if self._is_so(0.2):
            return None, chance.choice(of_types)
        return queue_type, chance.choice([*of_type, *of_queue])

    def _job(self) -> NewJob:
        extras = self._extras() if self._is_so(0.6) else None
        return NewJob(**self._drawn(NEW_JOB), extras=extras)

    def _extras(self) -> Extras:
        chance = self._chance
        delays = [None, None, 0, 20, 1000, 70_000]
        late = chance.choice([None, None, None, -50, 20, 1000])
        key = Deduplicate(chance.choice("kl"), chance.choice([20, 1000, 10**6]))
        return Extras(
            delay=chance.choice(delays) if late is None else None,
            at=None if late is None else self.now + late,
            priority=chance.choice([0, 0, 1, 9]),
            ttl=chance.choice([None, None, 1, 200, 70_000]),
            requeue_delay=chance.choice([None, RequeueDelay(20), RequeueDelay(20, 3, 1000)]),
            deduplicate=chance.choice([None, None, key]),
            cost=chance.choice([None, {"job": 2, "tokens": 100}]),
            headers=chance.choice([None, {"a": "b"}]),
            uses=chance.choice([None, tuple(map(self._use, chance.choice(USES)))]),
        )

    def _use(self, name: str) -> Use:
        limits = self._chance.choice([(), *PATCH["limits"][1:]])
        return Use(name, limits if self._is_so(0.8) else None)

    def _take(self) -> Take:
        chance = self._chance
        lease_time = chance.choice([1, 20, 1000, 100_000])
        return Take(
            chance.choice([1, 1, 5]),
            lease_time,
            chance.choice([None, None, "x", "y"]),
            chance.choice([None, None, tuple(chance.sample(VALUES["queue_id"], 3))]),
            together=self._is_so(0.2),
        )

    def _ask(self, machine: Machine, call: Any, *arguments: Any) -> object:
        if call is Machine.dequeue:
            tokens = numbered_tokens(self._tokens)
            queue_type, takes, now = arguments
            answers = machine.dequeue(queue_type, takes, now, tokens)
            if machine is self.machines[-1]:
                self._tokens = int(next(tokens))
                jobs = [job for answer in answers for job in answer.jobs]
                self._leases += [(queue_type, claim(job)) for job in jobs]
            return answers, machine.given
        answer = call(machine, *arguments)
        if isinstance(answer, Tended):
            by_type = sorted(answer.ended, key=lambda lease: lease.queue_type)
            answer = replace(answer, ended=tuple(by_type), more=False)
        return answer, machine.given


def find(machine: Machine, queue_type: str, jobs: list[JobRef], now: int) -> object:
    return machine.find(queue_type, jobs, now, payloads=True)


def claim(job: Any) -> LeaseRef:
    return LeaseRef(job.queue_id, job.job_id, job.token)


def numbered_tokens(number: int) -> Iterator[str]:
    return map(str, count(number))


def copy_of(machine: Machine) -> Machine:
    """Return the machine made of the rows of another, which went through bytes."""
    stored = [msgspec.msgpack.encode(row) for row in machine.rows()]
    return Machine.from_rows(msgspec.msgpack.decode(row) for row in stored)


def rows_of(machine: Machine) -> list[str]:
    """Return a machine's rows in an order that does not depend on its past."""
    return sorted(map(repr, machine.rows()))
