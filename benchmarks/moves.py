"""How often rows move, and how long queues with two names wait.

`python -m benchmarks.moves [names]` prints a table.

Time is simulated: the memory store's state machine is handed each millisecond. In each, workers ask
for ten jobs a call until a call finds none. Every name is a shared limit. All names together allow
as many jobs a second as there are names on a side.

`customers`   each queue uses its customer, which may do 1 job a second; there are ten a customer
`providers`   likewise, and each uses one of five providers as well: the honest case
`cross`       each queue uses one of the names A and one of as many names B: the adversarial case
`full ...`    the same, with jobs waiting in every queue at all times; else 80 % of what is allowed
`swung`       a full cross where all A are frozen for a second, then all B, and so on: no job can go

Beside them stand ten queues that use none. They get a job each ms.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random

from sharq_memory.benches import Benches
from sharq_memory.machine import Machine
from sharq_memory.queue import Queue
from sharq_memory.shared import SharedLimit
from sharq_plug.model import (
    MAX_MOVES,
    Delivery,
    Extras,
    Finish,
    LeaseRef,
    Limit,
    NewJob,
    PatchLimit,
    SettingsPatch,
    Take,
    Use,
)

START = 1_700_000_000_000
SECOND = 1000
TYPE = "moves"
PROVIDERS = 5
QUEUES_A_CUSTOMER = 10
PLAIN = 10
LOAD = 0.8
JOBS_A_CALL = 10
LEASE_TIME = 60_000


class CountedBenches(Benches):
    """Benches that count the moves."""

    moves = 0

    def next_queue(self, limit: SharedLimit, now: int) -> Queue | None:
        """Return the queue to serve; count a move if there is none."""
        queue = super().next_queue(limit, now)
        self.moves += queue is None
        return queue


@dataclass(kw_only=True)
class Case:
    """Queues with their names, what the names allow, and what was seen."""

    title: str
    uses: Mapping[str, tuple[str, ...]]
    """By queue id."""
    limits: Mapping[str, Limit]
    is_full: bool = False
    is_swung: bool = False
    waits: list[int] = field(default_factory=list)
    """ms from the enqueue of a job with names to its delivery."""
    plain_calls: list[int] = field(default_factory=list)
    """The calls that it took until a job without names was delivered."""
    calls_at_the_bound: int = 0
    most_moves: int = 0
    moves: int = 0


def cases(names: int) -> Iterator[Case]:
    """Yield all cases with so many names on a side."""
    slow, fast = Limit(1, SECOND), Limit(max(1, names // PROVIDERS), SECOND)
    customers = {f"a{number}": slow for number in range(names)}
    providers = {f"b{number}": fast for number in range(PROVIDERS)}
    crossed = {f"b{number}": slow for number in range(names)}
    numbers = [(name, nth) for nth in range(QUEUES_A_CUSTOMER) for name in customers]
    alone = {f"{name}-{nth}": (name,) for name, nth in numbers}
    shared = {f"{name}-{nth}": (name, f"b{nth % PROVIDERS}") for name, nth in numbers}
    cross = {f"{one}-{other}": (one, other) for one in customers for other in crossed}
    yield Case(title="customers", uses=alone, limits=customers)
    yield Case(title="providers", uses=shared, limits=customers | providers)
    yield Case(title="full providers", uses=shared, limits=customers | providers, is_full=True)
    yield Case(title="cross", uses=cross, limits=customers | crossed)
    yield Case(title="full cross", uses=cross, limits=customers | crossed, is_full=True)
    yield Case(title="swung", uses=cross, limits=customers | crossed, is_full=True, is_swung=True)


class Run:
    """One case on a state machine of its own."""

    def __init__(self, case: Case, rate: float) -> None:
        self._case, self._rate = case, rate
        self._machine, self._now = Machine(), START
        self._numbers, self._tokens = count(), map(str, count())
        self._since: dict[str, int] = {}  # job id -> when it was enqueued
        self._calls: dict[str, int] = {}  # job id of a plain queue -> calls so far
        self._enqueue("plain-0")
        self._benches = CountedBenches()
        self._machine.types[TYPE].line.benches = self._benches
        patches = [
            PatchLimit(name, SettingsPatch(limits=(limit,))) for name, limit in case.limits.items()
        ]
        self._machine.configure(TYPE, patches, START)
        for queue_id in case.uses if case.is_full else ():
            self._enqueue(queue_id)

    def take(self, seconds: int) -> None:
        """Let so much time pass."""
        random, queue_ids, owed = Random(1), list(self._case.uses), 0.0
        for passed in range(seconds * SECOND):
            self._now = START + passed
            if self._case.is_swung and passed % SECOND == 0:
                self._swing(frozen="ab"[passed // SECOND % 2])
            owed += 0 if self._case.is_full else self._rate * LOAD / SECOND
            while owed >= 1:
                owed -= 1
                self._enqueue(random.choice(queue_ids))
            self._enqueue(f"plain-{passed % PLAIN}")
            while self._call():
                pass
        self._case.moves = self._benches.moves

    def _swing(self, *, frozen: str) -> None:
        patches = [
            PatchLimit(name, SettingsPatch(), freeze=SECOND if name.startswith(frozen) else 0)
            for name in self._case.limits
        ]
        self._machine.configure(TYPE, patches, self._now)

    def _enqueue(self, queue_id: str) -> None:
        names = self._case.uses.get(queue_id)
        extras = None if names is None else Extras(uses=tuple(Use(name) for name in names))
        job_id = str(next(self._numbers))
        job = NewJob(queue_id, job_id, b"", interval=0, extras=extras)
        self._machine.enqueue(TYPE, [job], self._now)
        (self._calls if names is None else self._since)[job_id] = 0 if names is None else self._now

    def _call(self) -> bool:
        """Dequeue once, and finish what came; return whether to ask again at this instant."""
        before = self._benches.moves
        take = Take(JOBS_A_CALL, LEASE_TIME)
        [got] = self._machine.dequeue(TYPE, [take], self._now, self._tokens)
        self._machine.given.clear()
        moves = self._benches.moves - before
        self._case.most_moves = max(self._case.most_moves, moves)
        self._case.calls_at_the_bound += moves == MAX_MOVES
        for job_id in self._calls:
            self._calls[job_id] += 1
        for job in got.jobs:
            self._end(job)
        return got.next_ready_at is None or got.next_ready_at <= self._now

    def _end(self, job: Delivery) -> None:
        finish = Finish(LeaseRef(job.queue_id, job.job_id, job.token), LEASE_TIME)
        self._machine.settle(TYPE, [finish], self._now)
        if job.job_id in self._calls:
            self._case.plain_calls.append(self._calls.pop(job.job_id))
            return
        self._case.waits.append(self._now - self._since.pop(job.job_id))
        if self._case.is_full:
            self._enqueue(job.queue_id)


HEADER = (
    "case",
    "queues",
    "jobs/s",
    "of allowed",
    "moves a job",
    "most a call",
    "calls at 64",
    "median wait",
    "99 %",
    "longest",
    "plain: calls",
)


def row(case: Case, names: int, seconds: int) -> tuple[object, ...]:
    """Return a line of the table; waits are in seconds."""
    waits = sorted(case.waits)
    jobs = len(waits)
    at = (jobs // 2, jobs * 99 // 100, jobs - 1)
    return (
        case.title,
        len(case.uses),
        round(jobs / seconds),
        f"{jobs / seconds / names:.2f}",
        f"{case.moves / jobs:.2f}" if jobs else f"{case.moves} moves",
        case.most_moves,
        case.calls_at_the_bound,
        *(f"{waits[nth] / SECOND:.2f}" if jobs else "-" for nth in at),
        max(case.plain_calls),
    )


def show(cells: tuple[object, ...]) -> None:
    sys.stdout.write("".join(f"{cell!s:>15}" for cell in cells) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="?", type=int, default=100, help="on each side")
    parser.add_argument("--seconds", type=int, default=30, help="of simulated time")
    parser.add_argument("--case", help="run this one alone")
    arguments = parser.parse_args()
    show(HEADER)
    for case in cases(arguments.names):
        if arguments.case in {None, case.title}:
            Run(case, rate=arguments.names).take(arguments.seconds)
            show(row(case, arguments.names, arguments.seconds))


if __name__ == "__main__":
    main()
