"""The values that random items are made of: a row for each field, and for each kind of item.

Few names and instants, so that they meet. What matters most comes most often.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sharq_plug.model import Finish, Release, SetInterval, Setting, Settlement
from sharq_plug.testing.model_check.walk import JOB_IDS, QUEUE_IDS, RECEIPT_TIME

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
"""The fields of a new job."""
SETTLEMENTS: Mapping[type[Settlement], Fields] = {
    Finish: {"receipt_time": [RECEIPT_TIME, RECEIPT_TIME, 0, 50, 1000]},
    Release: {},
}
"""The fields of each kind of settlement, its lease aside."""
SETTINGS: Mapping[type[Setting], Fields] = {
    SetInterval: {"interval": INTERVALS},
}
"""The fields of each kind of setting, its queue aside."""
