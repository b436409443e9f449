"""What the takes of one dequeue share."""

from collections.abc import Iterator

from msgspec import Struct

from sharq_plug.model import MAX_DEQUEUE_BYTES, MAX_ENDED, MAX_HEADS, MAX_JOINS, MAX_MOVES


class DequeueCall(Struct, gc=False, eq=False):
    """A call's instant (ms), the tokens that it may give, and the bounds on its work."""

    now: int
    tokens: Iterator[str]
    room: int = MAX_DEQUEUE_BYTES
    """Bytes of payload that it may still hold."""
    served: int = 0
    """Jobs that it leased."""
    has_repeated: bool = False
    is_full: bool = False
    """Whether a job was too large for the room that was left."""
    leases: int = MAX_ENDED
    """Expired leases that it may still end."""
    moves: int = MAX_JOINS
    """Jobs that may still join, or die since their ttl has passed."""
    heads: int = MAX_HEADS
    """Queues at the head of the line that may still take up changed defaults."""
    row_moves: int = MAX_MOVES
    """Rows, and entries of shared limits, that may still move."""

    @property
    def is_over(self) -> bool:
        """Whether it ended early: further takes get nothing."""
        return self.is_full or self.room < 0 or self.is_cut_short

    @property
    def is_cut_short(self) -> bool:
        """Whether a bound on its work ended it: a job may be ready that it did not find."""
        return not (self.moves and self.heads and self.row_moves)

    def admit(self, size: int) -> bool:
        """Take up the payload of one more job, if the call may hold it; it may hold one."""
        if size > self.room and (self.served or self.has_repeated):
            self.is_full = True
        if self.is_full:
            return False
        self.room -= size
        self.served += 1
        return True

    def hold(self, size: int) -> None:
        """Take up the payloads of a repeated attempt, which comes whole."""
        self.room -= size
        self.has_repeated = True
