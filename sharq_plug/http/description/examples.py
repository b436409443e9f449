"""Examples: values for names, and a body for each operation that needs one."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sharq_plug.http.api.bodies import (
    DequeueBody,
    EnqueueBody,
    ExtendBody,
    FailBody,
    FinishBody,
    IntervalBody,
    ReleaseBody,
)
from sharq_plug.http.api.jobs import JobPatch
from sharq_plug.http.api.letters import LettersBody
from sharq_plug.http.api.settings import LimitPatch, QueuePatch, TypePatch
from sharq_plug.http.corner.sessions import SessionBody

NAMES: Mapping[str, str] = {
    "queue_type": "sms",
    "queue_id": "acme",
    "job_id": "job-1",
    "name": "provider",
}
LEASE = "the-token-of-the-lease"
BODIES: Mapping[type[Struct], Mapping[str, Any]] = {
    EnqueueBody: {"job_id": "job-1", "interval": 2000, "payload": {"to": "+441632960001"}},
    DequeueBody: {"wait": 5000, "attempt_id": "worker-7-call-1"},
    FinishBody: {"lease": LEASE},
    ReleaseBody: {"lease": LEASE, "delay": 60000},
    FailBody: {"lease": LEASE, "error": "no such customer"},
    ExtendBody: {"lease": LEASE, "for": 60000},
    IntervalBody: {"interval": 2000},
    JobPatch: {"priority": 5},
    QueuePatch: {"limits": [{"rate": 10, "per": 1000}], "concurrency": 5},
    TypePatch: {"concurrency": 50, "defaults": {"interval": 1000}},
    LimitPatch: {"limits": [{"rate": 100, "per": 1000}], "concurrency": 20},
    LettersBody: {"count": 100},
    SessionBody: {"key": "sq_dashboard_SECRET"},
}


def body_example(body: type[Struct], names: tuple[str, ...] = ()) -> Mapping[str, Any] | None:
    """Return an example of a body; None if it is usually empty.

    With `names` it is a batch of one item, which has these names.
    """
    example = BODIES.get(body)
    if example is None or not names:
        return example
    return {"jobs": [{**{name: NAMES[name] for name in names}, **example}]}
