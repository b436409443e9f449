"""What ends a lease: each way, under its name."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import pytest

from sharq_plug.model import JobState
from sharq_plug.store import QueueStore
from sharq_plug.testing.conformance.amending import cancel
from sharq_plug.testing.conformance.named_queues import take_from
from sharq_plug.testing.conformance.operating import clear_states
from sharq_plug.testing.conformance.vocabulary import (
    Ending,
    fail_job,
    finish_job,
    reclaim,
    release_job,
)

Tending: TypeAlias = Callable[[QueueStore], Awaitable[object]]

ENDS: Final[Mapping[str, Ending]] = {
    "finish": finish_job,
    "release": release_job,
    "fail": fail_job,
    "death": lambda store, job: fail_job(store, job, dead=True),
    "cancel": lambda store, job: cancel(store, job.queue_id, job.job_id, leased=True),
    "clear leased": lambda store, job: clear_states(store, job.queue_id, JobState.LEASED),
}
"""What somebody does to a lease, and it ends while its queue lives on."""
every_way_to_tend = pytest.mark.parametrize(
    "tends", [reclaim, lambda store: take_from(store, "no")], ids=["tend", "dequeue"]
)
"""Who ends leases that have expired: `tend`, and a dequeue that finds too few jobs."""
