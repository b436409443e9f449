"""Who is to be woken when queues of a type get places in line."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sharq_plug.store import Wake


class Watchers:
    """The watchers of each type."""

    __slots__ = ("_by_type",)

    def __init__(self) -> None:
        self._by_type: dict[str, list[Wake]] = {}

    @contextmanager
    def watching(self, queue_type: str, wake: Wake) -> Iterator[None]:
        """Let `wake` be called for a type while the context is entered."""
        self._by_type.setdefault(queue_type, []).append(wake)
        try:
            yield
        finally:
            self._by_type[queue_type].remove(wake)
            if not self._by_type[queue_type]:
                del self._by_type[queue_type]

    def wake_given(self, given: dict[str, tuple[int, list[str] | None]], now: int) -> None:
        """Wake for the places that the machine gave in the call at `now` (ms); clear `given`."""
        for queue_type, (ready_since, queue_ids) in given.items():
            self.wake(queue_type, max(0, ready_since - now), queue_ids)
        given.clear()

    def wake(self, queue_type: str, delay: int, queue_ids: Collection[str] | None) -> None:
        """Tell all who watch a type that a job may be ready in `delay` ms, in any queue if None."""
        for wake in tuple(self._by_type.get(queue_type, ())):
            wake(delay, queue_ids)
