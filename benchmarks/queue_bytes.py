"""The bytes of queues and waiting jobs in a cluster, by how much `used_memory` grows.

`python -m benchmarks.queue_bytes` prints a table, for a Redis alone and for a cluster of one.
"""

import asyncio
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.cluster_time import SIDES, started
from benchmarks.redis_time import show
from benchmarks.test_memory import JOBS, growth, in_redis
from sharq_plug.plugins import open_store

DEPTHS = (1, 10, 100)
"""Waiting jobs in each queue."""


async def main() -> None:
    show("", "jobs each", "bytes a job", "a queue")
    for name in SIDES[:2]:
        for depth in DEPTHS:
            with tempfile.TemporaryDirectory() as folder, started(Path(folder), name) as where:
                [server], options = where
                used = partial(in_redis, server.client())
                store = open_store("redis", options)
                each = await growth(store, JOBS // depth, used)
                show(name, depth, round(each), round(each * depth))


if __name__ == "__main__":
    asyncio.run(main())
