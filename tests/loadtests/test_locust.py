"""Locust in its own process, against a good server and broken ones."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from loadtests.ledger import Rule
from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    Delivery,
    Dequeued,
    EnqueueOutcome,
    EnqueueResult,
    Names,
    NewJob,
    Take,
)
from sharq_plug.store import QueueStore
from support.api import serving

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(find_spec("locust") is None, reason="locust is not installed"),
]

ROOT = Path(__file__).parents[2]
SECONDS = 2
LOST = 50
"""The forgetful store loses one job in this many."""
SOUND = 10
"""The first dequeues are good: a load begins by measuring the lease time."""


class HastyStore(MemoryStore):
    """A store whose intervals are a millisecond too short."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        hasty = [replace(job, interval=max((job.interval or 0) - 1, 0)) for job in jobs]
        return await super().enqueue(queue_type, hasty)


class ForgetfulStore(MemoryStore):
    """A store that acknowledges jobs and loses some of them."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        kept = [job for job in jobs if int(job.job_id, 16) % LOST]
        results = iter(await super().enqueue(queue_type, kept))
        lost = EnqueueResult(EnqueueOutcome.QUEUED)
        return [next(results) if int(job.job_id, 16) % LOST else lost for job in jobs]


class RepeatingStore(MemoryStore):
    """A store that gives its answers twice, to two workers; the first few answers are good."""

    def __init__(self) -> None:
        super().__init__()
        self._given: tuple[Delivery, ...] = ()
        self._dequeues = 0

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        answers = await super().dequeue(queue_type, takes)
        return [self._repeated(take, answer) for take, answer in zip(takes, answers, strict=True)]

    def _repeated(self, take: Take, answer: Dequeued) -> Dequeued:
        self._dequeues += 1
        if self._dequeues > SOUND and self._dequeues % 2 and self._given:
            return replace(answer, jobs=self._given[: take.count], next_ready_at=None)
        self._given = answer.jobs
        return answer


async def run_locust(store: QueueStore) -> subprocess.CompletedProcess[bytes]:
    """Let locust load a server that has this store."""
    async with serving(lambda: store) as served:
        command = [sys.executable, "-m", "locust", "--headless", "--only-summary"]
        options = {
            "--locustfile": "loadtests/locustfile.py",
            "--host": f"http://127.0.0.1:{served.port}",
            "--users": "36",
            "--spawn-rate": "36",
            "--run-time": f"{SECONDS}s",
            "--queues": "1000",
        }
        command += [part for option in options.items() for part in option]
        with anyio.fail_after(60):
            return await anyio.run_process(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
                check=False,
                stderr=subprocess.STDOUT,
            )


async def test_a_good_server_passes_every_check_and_keeps_no_job() -> None:
    store = MemoryStore()
    finished = await run_locust(store)
    assert finished.returncode == 0, finished.stdout.decode()
    for rule in Rule:
        assert f"{rule.value}  " in finished.stdout.decode()
    assert (await store.page(None, Names(), limit=10)).items == ()


@pytest.mark.parametrize(
    ("store", "rule", "words"),
    [
        (HastyStore, Rule.RATE, "ms, gave"),
        (ForgetfulStore, Rule.LOSS, "must still have"),
        (RepeatingStore, Rule.REDELIVERY, "came twice within 0 ms"),
    ],
)
async def test_a_load_on_a_broken_server_fails_and_tells_why(
    store: type[QueueStore], rule: Rule, words: str
) -> None:
    finished = await run_locust(store())
    output = finished.stdout.decode()
    assert finished.returncode == 1, output
    assert f"Not true that {rule.value}: " in output
    assert words in output
