"""What docs/shared-limits.md shows is what the server answers, and its limits hold."""

import re
from collections import deque
from collections.abc import Sequence

import msgspec
import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.api.settings import LimitPatch, change_of
from sharq_plug.model import (
    Delivery,
    Extras,
    Finish,
    FreezeLimit,
    LeaseRef,
    Limit,
    NewJob,
    PatchLimit,
    PatchType,
    Release,
    SettingsPatch,
    Take,
    Use,
)
from sharq_plug.testing import ManualClock
from support.curl_lines import check_curl_lines
from support.readme import README, ROOT, quoted, table
from support.server import ServerProcess

pytestmark = pytest.mark.anyio

PAGE = (ROOT / "docs" / "shared-limits.md").read_text()
PATCHES = {
    name: change_of(msgspec.json.decode(body, type=LimitPatch))
    for name, body in re.findall(r"/limit/sms/(\w+)/ -X PATCH -d '(\{\"limits.*\})'", PAGE)
}
"""What the page sets for its shared limits."""
PROVIDERS = {"acme": "north", "globex": "north", "initech": "south"}
CUSTOMER = Limit(5, 1000, 5)
NUMBERS = 20
"""Queues of each customer."""
JOBS = 40
"""Jobs of each queue."""
STEP = 50
END = 30_000
WORK = 6000
"""How long a worker has a job (ms): at 10 a second, 50 at a time are too few."""
FROZEN = range(10_000, 15_000)


def test_every_curl_line_gives_what_stands_below_it(server: ServerProcess) -> None:
    check_curl_lines(PAGE, server.url)


def test_the_table_of_settings_is_that_of_the_body() -> None:
    told = [name for row in table("setting", PAGE) for name in quoted(row[0])]
    assert set(told) == set(LimitPatch.__struct_fields__)


@pytest.mark.parametrize("page", ["limits.md", "workers.md", "troubleshooting.md"])
def test_the_page_is_linked(page: str) -> None:
    assert "](docs/shared-limits.md)" in README
    assert "](shared-limits.md" in (ROOT / "docs" / page).read_text()


class Run:
    """Workers that take all they can get of the page's example, for half a minute."""

    def __init__(self, store: MemoryStore, clock: ManualClock) -> None:
        self._store = store
        self._clock = clock
        self._began = clock.now()
        self._at_work: deque[tuple[int, Delivery]] = deque()
        self.delivered: list[tuple[int, str]] = []
        """When a job was delivered (ms from the beginning), and of which queue."""
        self.most_at_work = 0
        """The most jobs that workers had of `north` at a time."""

    async def prepare(self) -> None:
        """Set the limits of the page; fill the queues."""
        limits = [PatchLimit(name, patch) for name, patch in PATCHES.items()]
        defaults = PatchType(defaults=SettingsPatch(limits=(Limit(1, 1000),)))
        await self._store.configure("sms", [*limits, defaults])
        for customer, provider in PROVIDERS.items():
            extras = Extras(uses=(Use(customer, (CUSTOMER,)), Use(provider)))
            for number in range(NUMBERS):
                queue_id = f"{customer}:{number}"
                jobs = [NewJob(queue_id, f"{n}", b"1", None, extras=extras) for n in range(JOBS)]
                await self._store.enqueue("sms", jobs)

    async def go(self) -> None:
        """Take jobs, finish them, and freeze the provider when the time has come."""
        for now in range(0, END, STEP):
            await self._finish(now)
            if now == FROZEN.start:
                await self._hear_429()
            [got] = await self._store.dequeue("sms", [Take(1000, lease_time=END)])
            self.delivered += [(now, job.queue_id) for job in got.jobs]
            self._at_work.extend((now + WORK, job) for job in got.jobs)
            of_north = [job for _, job in self._at_work if not job.queue_id.startswith("initech")]
            self.most_at_work = max(self.most_at_work, len(of_north))
            self._clock.advance(STEP)

    async def _finish(self, now: int) -> None:
        done = []
        while self._at_work and self._at_work[0][0] <= now:
            _, job = self._at_work.popleft()
            done.append(Finish(lease_of(job), 60_000))
        await self._store.settle("sms", done)

    async def _hear_429(self) -> None:
        refused = next(entry for entry in self._at_work if entry[1].queue_id.startswith("acme"))
        self._at_work.remove(refused)
        freeze = FreezeLimit("north", len(FROZEN))
        release = Release(lease_of(refused[1]), freeze_limit=freeze)
        await self._store.settle("sms", [release])

    def times(self, *beginnings: str) -> list[int]:
        """Return when jobs were delivered of the queues whose ids begin so."""
        return [now for now, queue_id in self.delivered if queue_id.startswith(beginnings)]


def lease_of(job: Delivery) -> LeaseRef:
    return LeaseRef(job.queue_id, job.job_id, job.token)


def check_rate(times: Sequence[int], *, rate: int, burst: int) -> None:
    """Check every window that ends just before a delivery."""
    for end, last in enumerate(times):
        for start, first in enumerate(times[:end]):
            assert end - start <= burst - 1 + (last - first) * rate // 1000


async def test_the_limits_of_the_example_hold_all_at_once() -> None:
    clock = ManualClock()
    async with MemoryStore(clock) as store:
        run = Run(store, clock)
        await run.prepare()
        await run.go()
    for queue_id in {queue_id for _, queue_id in run.delivered}:
        check_rate([now for now, name in run.delivered if name == queue_id], rate=1, burst=1)
    for customer in PROVIDERS:
        check_rate(run.times(customer), rate=5, burst=5)
    north, south = run.times("acme", "globex"), run.times("initech")
    for times in (north, south):
        check_rate(times, rate=10, burst=10)
    assert run.most_at_work == 50
    assert [now for now in north if now in FROZEN] == []
    assert len([now for now in south if now in FROZEN]) == 5 * len(FROZEN) // 1000
