"""One run: a crowd works, a fault happens, and the record is judged."""

import asyncio
import contextlib
import itertools
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from signal import SIGTERM
from typing import Generic, TypeAlias, TypeVar

import msgspec

from faults.asking import INTERVALS
from faults.client import Caller
from faults.crowd import OK, PEOPLE, TOIL, Act, Part, start
from faults.house import Servers
from faults.journal import Journal
from faults.reading import late_answers, read_history
from faults.settings import Change
from faults.verdict import Verdict, judge
from support.http_client import Answer
from support.redis_keys import tag
from support.waiting import comes_true, until

PATIENCE = 30.0
"""Seconds for each step of a run."""
POLL = 0.02
WAIT = 20_000
"""The wait (ms) of workers who wait through a fault; longer than any fault lasts."""
WORKER_PROCESSES = 2
AGAIN_IN = 1.0
"""Seconds after which a probe is enqueued again, if the fault may lose it."""
SLOW = 0.4
"""The longest work (s) on a job before a fault that may lose jobs, so that many jobs wait."""
PROBE_JOB = b'{"job_id": "probe", "interval": 0, "payload": null}'

Process: TypeAlias = subprocess.Popen[bytes]
H = TypeVar("H", bound=Servers)


@dataclass(frozen=True, slots=True)
class Scenario(Generic[H]):
    """A fault by its name.

    While it is inflicted the jobs arrive over `duration` seconds. If it `may_lose`, what it
    loses is measured; else nothing may be lost and no rule be broken. Its `settings` are made
    first, and stay; without any, an operator changes some all the time. `workers` is how many
    workers there are in each process. They freeze the shared limit `limit`, or queues. In a cluster
    each primary has so many `replicas`.
    """

    name: str
    inflict: Callable[["Run[H]"], None]
    duration: float = 1.2
    fsync: str = "always"
    may_lose: bool = False
    settings: Callable[[str], Sequence[Change]] | None = None
    workers: int = PEOPLE
    limit: str | None = None
    replicas: int = 0


class Run(Generic[H]):
    """A crowd of producers and workers at the servers of a house, and a fault.

    Everything that is left to chance comes from `seed`, but for the timing of the processes.
    """

    def __init__(self, house: H, scenario: Scenario[H], seed: int, *, jobs: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.queue_type = f"run-{seed}-{time.monotonic_ns()}"
        self.recoveries: list[float] = []
        self._folder = house.folder / self.queue_type
        self._folder.mkdir()
        self.journal = Journal(self._folder / "run.journal")
        self._scenario, self._seed, self._jobs = scenario, seed, jobs
        self._again_in = AGAIN_IN if scenario.may_lose else None
        self._numbers = itertools.count()
        self._people: list[Process] = []
        self._workers: list[Process] = []

    def verdict(self) -> Verdict:
        """Let the crowd work through the fault until no job is left, and judge."""
        toil = SLOW if self._scenario.may_lose else TOIL
        with self.journal:
            try:
                operator = self._arrange()
                producers = self._join("produce")
                self._workers = [
                    self._join("work", toil=toil, people=self._scenario.workers)
                    for _ in range(WORKER_PROCESSES)
                ]
                until(self._has_begun, within=PATIENCE)
                self._scenario.inflict(self)
                self._workers.append(self._join("work"))
                assert producers.wait(PATIENCE) == 0
                if operator is not None:
                    operator.terminate()
                    assert operator.wait(PATIENCE) == 0
                asyncio.run(self._until_drained())
                self._dismiss_workers()
                asyncio.run(self._measure())
            finally:
                self._kill_everybody()
        journals = list(self._folder.glob("*.journal"))
        history, late = read_history(journals), late_answers(journals)
        return judge(history, self.queue_type, late=late, recoveries=self.recoveries)

    def pause(self, least: float, most: float) -> None:
        """Sleep for a random time (s)."""
        time.sleep(self.chance.uniform(least, most))

    def kill_a_worker(self) -> None:
        """Kill a process of workers, and start another."""
        worker = self._workers.pop(0)
        worker.kill()
        worker.wait()
        self._workers.append(self._join("work"))

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """Measure how long everything takes to work again after the block.

        That is enqueue, dequeue and reclaim, and that those are served who have been waiting
        since before it.
        """
        probe = self._beside(f"{self.queue_type}-probe-{len(self.recoveries)}")
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(asyncio.run, self._await_jobs(probe))
            expires_at = asyncio.run(self.plant(probe))
            yield
            ended_at = time.time()
            recovery = asyncio.run(self._recovery(probe, ended_at, expires_at, waiting.done))
            self.recoveries.append(max(recovery, waiting.result() - ended_at))

    def caller(self, *, patience: float = 1.0) -> Caller:
        """Return a recorded caller of all servers."""
        return Caller(self.house.ports, self.journal, self.chance, patience=patience)

    def _beside(self, name: str) -> str:
        """Return a type whose name begins like this, and that lives where the type of the run does.

        No other run may come to the same name: the jobs of its probes may still be there.
        """
        bucket = tag(self.queue_type)
        names = (f"{name}-{number}" for number in itertools.count())
        return next(name for name in names if tag(name) == bucket)

    def _join(self, act: Act, *, toil: float = TOIL, people: int = PEOPLE) -> Process:
        name = f"{act}-{next(self._numbers)}"
        part = Part(
            act=act,
            name=name,
            ports=self.house.ports,
            queue_type=self.queue_type,
            seed=self._seed,
            journal=str(self._folder / f"{name}.journal"),
            jobs=self._jobs,
            duration=self._scenario.duration,
            toil=toil,
            people=people,
            limit=self._scenario.limit,
        )
        self._people.append(start(part))
        return self._people[-1]

    def _arrange(self) -> Process | None:
        """Make the settings of the scenario, or let an operator join who changes some."""
        if self._scenario.settings is None:
            return self._join("operate", people=1)
        asyncio.run(self._set(self._scenario.settings(self.queue_type)))
        return None

    async def _set(self, changes: Sequence[Change]) -> None:
        async with asyncio.timeout(PATIENCE), self.caller() as caller:
            for path, body in changes:
                await caller.insist("PATCH", path, body)

    def _dismiss_workers(self) -> None:
        for worker in self._workers:
            worker.terminate()
        ends = {worker.wait(PATIENCE) for worker in self._workers}
        assert ends <= {0, -SIGTERM}  # one that has only just begun knows no better

    def _kill_everybody(self) -> None:
        for process in self._people:
            process.kill()
            process.wait()

    def _has_begun(self) -> bool:
        return any(path.stat().st_size for path in self._folder.glob("produce-*.journal"))

    async def _until_drained(self) -> None:
        """Wait until the workers have emptied every queue."""
        async with self.caller() as caller:

            async def is_drained() -> bool:
                answer = await caller.insist("GET", f"/metrics/{self.queue_type}/")
                return not msgspec.json.decode(answer.body)["queue_ids"]

            await comes_true(is_drained, within=PATIENCE)

    async def _measure(self) -> None:
        """Record what is left in each queue."""
        async with asyncio.timeout(PATIENCE), self.caller() as caller:
            for queue in range(len(INTERVALS)):
                await caller.insist("GET", f"/metrics/{self.queue_type}/q{queue}/")

    async def plant(self, queue_type: str) -> float:
        """Lease a job that nobody will finish; return when its lease expires (s)."""
        async with asyncio.timeout(PATIENCE), self.caller() as caller:
            await caller.insist("POST", f"/enqueue/{queue_type}/left/", PROBE_JOB)
            answer = await until_leased(caller, queue_type)
            expires_at: int = msgspec.json.decode(answer.body)["expires_at"]
            return expires_at / 1000

    async def _recovery(
        self, probe: str, ended_at: float, expires_at: float, all_came: Callable[[], bool]
    ) -> float:
        """Return the seconds until every server serves again and the planted job is back."""
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            serving = [
                group.create_task(self._until_served(port, self._beside(f"{probe}-{port}")))
                for port in self.house.ports
            ]
            back = group.create_task(self._until_back(probe, ended_at, expires_at))
            for port in self.house.ports:
                awaited = self._beside(f"{probe}-awaited-{port}")
                group.create_task(self._serve_who_waits(awaited, all_came))
        served = max(task.result() for task in serving) - ended_at
        return max(served, back.result())

    async def _await_jobs(self, probe: str) -> float:
        """Wait at every server until a job has come; return when the last one came."""
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for port in self.house.ports:
                group.create_task(self._await_job(port, self._beside(f"{probe}-awaited-{port}")))
        return time.time()

    async def _await_job(self, port: int, queue_type: str) -> None:
        chance = random.Random(queue_type)  # that of the run is another thread's
        async with Caller((port,), self.journal, chance, patience=6) as caller:
            await until_leased(caller, queue_type, wait=WAIT)

    async def _until_back(self, probe: str, ended_at: float, expires_at: float) -> float:
        """Return how long it takes until the planted job is back; a lost one is planted anew.

        That is how long after its lease has expired and the outage is over, in seconds.
        """
        async with self.caller() as caller:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._again_in):
                        await until_leased(caller, probe)
                        return time.time() - max(ended_at, expires_at)
                expires_at = await self.plant(probe)

    async def _until_served(self, port: int, queue_type: str) -> float:
        async with Caller((port,), self.journal, self.chance) as caller:
            while True:
                await caller.insist("POST", f"/enqueue/{queue_type}/new/", PROBE_JOB)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._again_in):
                        await until_leased(caller, queue_type)
                        return time.time()

    async def _serve_who_waits(self, queue_type: str, all_came: Callable[[], bool]) -> None:
        async with self.caller() as caller:
            await caller.insist("POST", f"/enqueue/{queue_type}/new/", PROBE_JOB)
            while self._again_in is not None and not all_came():
                await asyncio.sleep(self._again_in)
                await caller.insist("POST", f"/enqueue/{queue_type}/new/", PROBE_JOB)


async def until_leased(caller: Caller, queue_type: str, *, wait: int = 0) -> Answer:
    """Dequeue until there is a job of the type, waiting `wait` ms each time, and return it."""
    ask = f"/dequeue/{queue_type}/" + (f"?attempt_id=only&wait={wait}" if wait else "")
    while True:
        answer = await caller.insist("GET", ask, wait=wait / 1000)
        if answer.status == OK:
            return answer
        await asyncio.sleep(POLL)
