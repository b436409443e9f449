"""Dropping what may be large, a little at a time."""

from collections import deque
from typing import Any

from sharq_memory.entries import Entries


class Garbage:
    """Containers that nobody needs. To free one of a million entries at once would stall."""

    __slots__ = ("_containers",)

    def __init__(self) -> None:
        self._containers: deque[dict[Any, Any] | Entries] = deque()

    def __bool__(self) -> bool:
        """Whether anything is left to free."""
        return bool(self._containers)

    def add(self, *containers: dict[Any, Any] | Entries | None) -> None:
        """Take containers over."""
        self._containers.extend(container for container in containers if container)

    def free(self, limit: int) -> None:
        """Free up to `limit` entries."""
        for _ in range(limit):
            if not self._containers:
                return
            container = self._containers[0]
            if isinstance(container, dict):
                container.popitem()
            else:
                container.pop()
            if not container:
                self._containers.popleft()
