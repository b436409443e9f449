"""A queue as one row: its rate and its place in the line of its type."""

from dataclasses import dataclass


@dataclass(slots=True)
class Queue:
    """The columns of the table `queue`, in their order. Instants are ms since the epoch."""

    type: str
    id: str
    interval: int = 0
    last: int | None = None
    waiting: int = 0
    leased: int = 0
    ready_since: int = 0
    place: int = 0

    @property
    def exists(self) -> bool:
        """Whether it has a waiting or a leased job."""
        return self.waiting + self.leased > 0

    @property
    def allowed_at(self) -> int:
        """The instant from which its rate allows a dequeue."""
        return 0 if self.last is None else self.last + self.interval

    @property
    def place_in_line(self) -> tuple[int, int] | None:
        """Its place while jobs wait."""
        return (self.ready_since, self.place) if self.waiting else None

    def bring_last_back(self, now: int) -> None:
        """Let the latest dequeue be now, if the clock has stepped back behind it."""
        if self.last is not None and self.last > now:
            self.last = now

    def change_interval(self, interval: int, *, now: int, number: int) -> None:
        """Hold a new interval at once; `number` is the place of a queue that it frees."""
        self.interval = interval
        if self.allowed_at > now:
            self.ready_since = self.allowed_at
        elif self.ready_since > now:
            self.ready_since, self.place = now, number

    def add_waiting(self, *, now: int, number: int) -> None:
        """Let one more job wait; `number` is the queue's place if that job is the first."""
        self.waiting += 1
        if self.waiting == 1:
            self._line_up(now, number)

    def serve(self, *, now: int, number: int) -> None:
        """Let the first job be leased; the queue stands at `number` with what is left."""
        self.waiting -= 1
        self.leased += 1
        self.last = now
        self._line_up(now, number)

    def _line_up(self, now: int, number: int) -> None:
        self.ready_since, self.place = max(now, self.allowed_at), number
