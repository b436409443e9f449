"""The values that random items are made of: a row for each field, and for each kind of item.

Few names and instants, so that they meet. What matters most comes most often.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import UNSET

from sharq_plug.model import (
    ALL_STATES,
    LIVING,
    MAX_COST,
    Amendment,
    Cancel,
    Deduplicate,
    Discard,
    DropLimit,
    Extend,
    Fail,
    Finish,
    FreezeLimit,
    JobState,
    Limit,
    LimitRules,
    PatchLimit,
    PatchQueue,
    PatchType,
    QueueRules,
    Redrive,
    Release,
    Remaining,
    RequeueDelay,
    Reschedule,
    Retention,
    SetInterval,
    Setting,
    Settlement,
    TypeRules,
    Use,
)
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.model_check.walk import JOB_IDS, LIMIT_NAMES, QUEUE_IDS, RECEIPT_TIME

Fields: TypeAlias = Mapping[str, Sequence[Any]]
"""The values that each field may have."""

INTERVALS = [0, 0, 0, 1, 10, 10, 50, 50, 70, 1000, 10**12]
NEW_JOB: Fields = {
    "queue_id": [*QUEUE_IDS[:1] * 4, *QUEUE_IDS[:2] * 2, *QUEUE_IDS],
    "job_id": JOB_IDS,
    "payload": [b"1", b"", bytes(range(256))],
    "interval": INTERVALS,
    "requeue_limit": [-1, 0, 0, 1, 2],
    "max_queued_length": [None, None, None, 0, 1, 3],
}
"""The fields of a new job, its extras aside."""
BEGIN = ManualClock().now()
KEYS = [Deduplicate("k", 50), Deduplicate("k", 200), Deduplicate("k.2", 50), Deduplicate("k", 1000)]
REQUEUE_DELAYS = [RequeueDelay(10), RequeueDelay(5, 3), RequeueDelay(10, 10, 50), RequeueDelay(0)]
EXTRAS: Fields = {
    "delay": [None, None, None, 0, 1, 10, 50, 50, 200],
    "at": [None, None, None, 0, BEGIN + 50, BEGIN + 1000, BEGIN + 60_000],
    "priority": [0, 0, 0, 1, 1, 9],
    "ttl": [None, None, None, 1, 50, 50, 200, 1000],
    "requeue_delay": [None, None, None, *REQUEUE_DELAYS],
    "deduplicate": [None, None, None, *KEYS],
    "cost": [None, None, {"job": 2}, {"token": 3}, {"token": 0, "job": 3}, {"token": MAX_COST}],
    "headers": [None, None, None, {"traceparent": "00-1-2-01"}, {"": "\u00fc", "a": ""}],
}
"""The fields of the extras of a job. Of `delay` and `at` one at most is given."""
ACTUALS = [{"job": 1}, {"job": 3}, {"token": 0}, {"token": 5, "job": 2}, {"token": MAX_COST}, {}]
"""What jobs took, where it is told."""
FREEZES = [0, 0, 0, 0, 0, 0, 10, 50]
SETTLEMENTS: Mapping[type[Settlement], Fields] = {
    Finish: {
        "receipt_time": [RECEIPT_TIME, RECEIPT_TIME, 0, 50, 1000],
        "actual": [None, None, None, None, *ACTUALS],
    },
    Release: {"delay": [0, 0, 0, 1, 10, 50], "freeze": FREEZES},
    Fail: {
        "error": [None, "it broke", "\u00fc"],
        "delay": [None, None, None, 0, 10, 50],
        "dead": [False, False, False, True],
        "freeze": FREEZES,
    },
    Extend: {"lease_time": [1, 20, 50, 100, 5000]},
}
"""The fields of each kind of settlement, its lease aside."""
INSTANTS: Fields = {
    "delay": [None, None, 0, 10, 50],
    "at": [None, None, None, 0, BEGIN + 50, BEGIN + 1000],
}
"""When a job is to be due; of both one at most is given."""
AMENDMENTS: Mapping[type[Amendment], Fields] = {
    Cancel: {"leased": [False, True]},
    Reschedule: {"priority": [None, None, 0, 1, 9]},
    Redrive: {},
    Discard: {},
}
"""The fields of each kind of amendment, but for its job or letter, and a time."""
RETENTIONS = [
    *[Retention()] * 5,
    Retention(max_age=200),
    Retention(max_age=60_000, max_count=3),
    Retention(max_count=2),
    Retention(max_age=0),
    Retention(max_count=0),
]
"""One of them holds for a whole walk."""
WAITING, DELAYED, LEASED, DEAD = JobState
STATES = [
    *[LIVING, ALL_STATES] * 2,
    *map(frozenset, [{WAITING}, {DELAYED}, {LEASED}, {DEAD}]),
    *map(frozenset, [{WAITING, DELAYED}, {WAITING, DEAD}, {DELAYED, LEASED}, {LEASED, DEAD}]),
]
"""States that are cleared together."""
LIMITS: Sequence[tuple[Limit, ...]] = [
    (),
    (Limit(1, 10),),
    (Limit(1, 50),),
    (Limit(2, 10, 2),),
    (Limit(3, 50, 2),),
    (Limit(1, 10), Limit(2, 70, 3)),
    (Limit(2, 70, 3), Limit(1, 10)),
    (Limit(3, 20, 4, "token"),),
    (Limit(1, 10), Limit(3, 50, 2, "token")),
    (Limit(7, 50, 3, "token"), Limit(3, 50, 2)),
    (Limit(10**6, 10**12, 4000, "token"),),
]
"""Limits in whose debts rounding, bursts, units and places matter soon."""
PATCH: Fields = {
    "limits": [None, *LIMITS],
    "concurrency": [None, 1, 1, 2],
    "weight": [None, 1, 2, 3],
    "max_length": [None, 0, 1, 3],
    "paused": [None, False, True],
}
"""The fields of a change of settings; None takes one back."""
USES = [None, (), *[(name,) for name in LIMIT_NAMES] * 2, ("x", "y"), ("x", "x-"), ("no",)]
"""The shared limits that settings name."""
USED = [
    (),
    (Use("x"),),
    (Use("y"),),
    (Use("x", ()),),
    (Use("x", (Limit(1, 10),)),),
    (Use("x", (Limit(2, 10, 2),)), Use("y")),
    (Use("x-", (Limit(3, 20, 4, "token"),)), Use("y", (Limit(1, 50),))),
]
"""The shared limits that an enqueue brings."""
REMAINING = [
    None,
    *[Remaining(count, BEGIN + 50) for count in (0, 1, 3)],
    *[Remaining(2, BEGIN + until) for until in (10, 200, 1000)],
    *[Remaining(4, BEGIN + 200, "token"), Remaining(1, BEGIN + 1000, "token")],
    Remaining(1, BEGIN + 10**12),
]
"""What an upstream says."""
FREEZE_LIMITS = [None, *[FreezeLimit(name, 10) for name in LIMIT_NAMES], FreezeLimit("x", 50)]
"""What a worker freezes besides, in sequences with shared limits."""
OF_A_GATE = ("limits", "concurrency", "paused")
OF_DEFAULTS = ("limits", "concurrency", "weight", "max_length")
OTHER_CHANGES: Fields = {
    "freeze": [None, None, None, 0, 10, 50],
    "if_match": [None, None, None, None, ("no",)],
}
SETTINGS: Mapping[type[Setting], Fields] = {
    SetInterval: {"interval": INTERVALS},
    PatchQueue: {
        **OTHER_CHANGES,
        "if_match": [*OTHER_CHANGES["if_match"], (QueueRules().tag(), "no")],
    },
    PatchType: {
        **OTHER_CHANGES,
        "if_match": [*OTHER_CHANGES["if_match"], (TypeRules().tag(), "no")],
    },
    PatchLimit: {
        **OTHER_CHANGES,
        "name": LIMIT_NAMES,
        "remaining": [UNSET, UNSET, UNSET, *REMAINING],
        "if_match": [*OTHER_CHANGES["if_match"], (LimitRules().tag(), "no")],
    },
    DropLimit: {"name": [*LIMIT_NAMES, "no"]},
}
"""The fields of each kind of setting, its queue and its patches aside."""
