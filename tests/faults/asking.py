"""The requests of a crowd, with all that is left to chance."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self, TypeAlias
from urllib.parse import urlencode

import msgspec

from support.wire_schema import DeliveryBody, DequeueBody

INTERVALS = (0, 1, 2, 5, 10, 20, 30, 40, 60, 80)
"""The interval (ms) of each queue."""
WEIGHTS = [1 / (interval + 10) for interval in INTERVALS]
"""How many jobs each queue gets. None is empty or full all the time."""
LEASE = 800
"""ms that a lease lasts on every server of the suite, unless a worker asks for another time."""
KEPT = 600_000
"""ms for which every server of the suite remembers a job under an idempotency key."""
LONGEST_WAIT = 2000
"""The longest wait (ms) that a worker asks for."""
LONGEST_DELAY = 300
"""The longest delay (ms) of a job."""
LONGEST_FREEZE = 40
"""The longest freeze (ms) by a worker."""
ACTUALS = (1, 3, {"units": 0}, {"units": 6}, {"units": 2, "job": 1})
"""What a worker says that a job took."""
LIFE = 300_000
"""The least ttl (ms) of a job. No run lasts so long."""
MOST_OFFERS = 5
"""The largest batch of a worker: its jobs must be done before their leases expire."""

Saying: TypeAlias = Literal["finish", "release", "fail", "extend"]
"""What a worker says of a lease."""

_encode = msgspec.json.Encoder().encode


class Order(NamedTuple):
    """An enqueue. `key` is its `Idempotency-Key`; a batch has a key in each job, if any."""

    path: str
    body: bytes
    key: str | None


def enqueue(
    queue_type: str, jobs: Sequence[int], chance: random.Random, *, is_batch: bool, has_keys: bool
) -> Order:
    """Return the enqueue of the jobs of these numbers, in a batch or of a single one."""
    if is_batch:
        keys = [{"idempotency_key": _key(job)} if has_keys else {} for job in jobs]
        items = [_new_job(job, chance) | key for job, key in zip(jobs, keys, strict=True)]
        return Order(f"/enqueue/{queue_type}/", _encode({"jobs": items}), None)
    [number] = jobs
    new = _new_job(number, chance)
    path = f"/enqueue/{queue_type}/{new.pop('queue_id')}/"
    return Order(path, _encode(new), _key(number) if has_keys else None)


def _key(number: int) -> str:
    return f"key-{number}"


def _new_job(number: int, chance: random.Random) -> dict[str, Any]:
    [queue] = chance.choices(range(len(INTERVALS)), WEIGHTS)
    return {
        "queue_id": f"q{queue}",
        "job_id": f"job-{number}",
        "interval": INTERVALS[queue],
        "payload": {"n": number, "text": "x" * chance.randrange(100)},
        "requeue_limit": chance.choice((-1, 100)),
        **_extras(number, chance),
    }


def _extras(number: int, chance: random.Random) -> dict[str, Any]:
    """Return further fields of a job. Most jobs have none or one."""
    first = chance.randint(1, LONGEST_DELAY)
    fields = {
        "delay": chance.randint(1, LONGEST_DELAY),
        "priority": chance.randint(0, 9),
        "ttl": chance.randint(LIFE, 2 * LIFE),
        "requeue_delay": chance.choice((first, {"first": first, "factor": 2, "most": 1000})),
        "cost": chance.choice(({"units": chance.randint(0, 9)}, {"units": 3, "job": 2}, 2)),
        "headers": {"number": str(number)},
    }
    return {name: value for name, value in fields.items() if chance.random() < 0.12}


class Ask(NamedTuple):
    """A dequeue, by GET or by POST. It asks to `wait` so many seconds."""

    method: str
    path: str
    body: bytes
    wait: float


@dataclass(frozen=True, slots=True)
class Habits:
    """How a worker asks for jobs: in batches of up to `count`, waiting up to `wait` ms.

    One that `repeats` names each attempt, so that none of its jobs stays leased unseen. One that
    `posts` has its wishes in the body, the others in the query.
    """

    count: int | None
    wait: int
    repeats: bool
    posts: bool
    lease_time: int | None

    @classmethod
    def drawn(cls, chance: random.Random) -> Self:
        """Return random habits."""
        return cls(
            count=chance.randint(2, MOST_OFFERS) if chance.random() < 0.4 else None,
            wait=chance.randint(50, LONGEST_WAIT) if chance.random() < 0.5 else 0,
            repeats=chance.random() < 0.6,
            posts=chance.random() < 0.6,
            lease_time=chance.randint(LEASE // 2, 2 * LEASE) if chance.random() < 0.4 else None,
        )

    def ask(self, queue_type: str, attempt_id: str) -> Ask:
        """Return a dequeue."""
        body = DequeueBody(
            count=self.count,
            wait=self.wait,
            attempt_id=attempt_id if self.repeats else None,
            lease_time=self.lease_time,
        )
        path, wait = f"/dequeue/{queue_type}/", self.wait / 1000
        if self.posts:
            return Ask("POST", path, _encode(body), wait)
        return Ask("GET", f"{path}?{urlencode(msgspec.to_builtins(body))}", b"", wait)


def say(
    saying: Saying,
    queue_type: str,
    jobs: Sequence[DeliveryBody],
    chance: random.Random,
    *,
    limit: str | None = None,
) -> tuple[str, bytes]:
    """Return the path and the body with which a worker says the same of all its jobs.

    With a `limit` it freezes that shared limit, else their queues.
    """
    claims = [{"lease": job.lease, **_fields(saying, chance, limit)} for job in jobs]
    if len(jobs) == 1:
        [job], [claim] = jobs, claims
        return f"/{saying}/{queue_type}/{job.queue_id}/{job.job_id}/", _encode(claim)
    names = [{"queue_id": job.queue_id, "job_id": job.job_id} for job in jobs]
    items = [name | claim for name, claim in zip(names, claims, strict=True)]
    return f"/{saying}/{queue_type}/", _encode({"jobs": items})


def _fields(saying: Saying, chance: random.Random, limit: str | None) -> dict[str, Any]:
    delay = {"delay": chance.randint(1, LONGEST_DELAY)} if chance.random() < 0.5 else {}
    span = chance.randint(1, LONGEST_FREEZE)
    frozen: Any = span if limit is None else {"limit": limit, "for": span}
    freeze = {"freeze": frozen} if chance.random() < 0.3 else {}
    match saying:
        case "finish":
            return {"actual": chance.choice(ACTUALS)} if chance.random() < 0.3 else {}
        case "release":
            return {**delay, **freeze}
        case "fail":
            return {"error": "It did not work.", **delay, **freeze}
        case "extend":
            return {"for": 2 * LEASE}
