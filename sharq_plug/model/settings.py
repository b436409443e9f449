"""Settings: what is set on purpose for a queue."""

from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from sharq_plug.model.names import check_interval, check_name

__all__ = [
    "ChangeOutcome",
    "SetInterval",
    "Setting",
]


class SetInterval(Struct, frozen=True, gc=False, tag=True):
    """Change the interval (ms) of a queue that exists."""

    queue_id: str
    interval: int

    def __post_init__(self) -> None:
        check_name("queue_id", self.queue_id)
        check_interval(self.interval)


Setting: TypeAlias = SetInterval
"""A change of what is set for a queue."""


class ChangeOutcome(Enum):
    """What became of a change of settings."""

    CHANGED = "changed"
    UNKNOWN = "unknown"
    """There is no such queue; nothing was changed."""
    BROKEN = "broken"
    """What the store keeps of the queue is damaged; nothing was changed."""
