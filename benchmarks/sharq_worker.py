"""SharQ's library in its own process and environment: see sharq_library.py."""

import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from importlib import import_module
from itertools import count, islice
from typing import Any

from benchmarks.remote import obey

CONFIGURATION = """
[sharq]
job_expire_interval: 600000
job_requeue_interval: 600000
default_job_requeue_limit: -1

[redis]
db: 0
key_prefix: {prefix}
conn_type: tcp_sock
host: 127.0.0.1
port: {port}
password:
"""
KEY_PREFIX = "sharq_library"
FILL_STEP = 1000


class Worker:
    """The jobs of `sharq_plug.testing.benchmarks`, through SharQ's own calls."""

    def __init__(self, port: str) -> None:
        warnings.simplefilter("ignore")  # SharQ uses what Python 3.12 does not have any more
        self._utils = import_module("sharq.utils")
        self._sharq = self._connected(port)
        self._numbers = count(1_000_000)

    @staticmethod
    def _connected(port: str) -> Any:
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(CONFIGURATION.format(port=port, prefix=KEY_PREFIX))
            file.flush()
            return import_module("sharq").SharQ(file.name)

    def _jobs(self, queues: int, jobs: int) -> Iterator[dict[str, Any]]:
        for _ in range(jobs):
            number = next(self._numbers)
            yield {
                "payload": {"number": number, "text": "x" * 72},
                "interval": 0,
                "job_id": str(uuid.UUID(int=number)),
                "queue_id": f"queue-{number % queues}",
            }

    def fill(self, queue_type: str, queues: int, depth: int) -> None:
        """Enqueue `depth` jobs into each queue: SharQ's own script, in a pipeline."""
        script, pipeline = self._sharq._lua_enqueue, self._sharq.redis_client().pipeline(False)
        jobs = self._jobs(queues, queues * depth)
        while some := list(islice(jobs, FILL_STEP)):
            for job in some:
                payload = self._utils.serialize_payload(job["payload"])
                now = str(self._utils.generate_epoch())
                arguments = [now, job["queue_id"], job["job_id"], payload, 0, -1]
                script(keys=[KEY_PREFIX, queue_type], args=arguments, client=pipeline)
            pipeline.execute()

    def dequeue(self, queue_type: str, jobs: int) -> None:
        """Dequeue `jobs` jobs."""
        for _ in range(jobs):
            job = self._sharq.dequeue(queue_type=queue_type)
            assert job["status"] == "success", job

    def cycle(self, queue_type: str, queues: int, jobs: int) -> None:
        """Enqueue `jobs` jobs, dequeue as many, finish them."""
        sharq = self._sharq
        for job in self._jobs(queues, jobs):
            sharq.enqueue(queue_type=queue_type, **job)
        taken = [sharq.dequeue(queue_type=queue_type) for _ in range(jobs)]
        for job in taken:
            ended = sharq.finish(
                queue_type=queue_type, queue_id=job["queue_id"], job_id=job["job_id"]
            )
            assert ended["status"] == "success", ended


def main() -> None:
    worker = Worker(sys.argv[1])
    obey({"fill": worker.fill, "dequeue": worker.dequeue, "cycle": worker.cycle})


if __name__ == "__main__":
    main()
