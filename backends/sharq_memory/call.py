"""What a call is made of: the results of an enqueue, and what a dequeue may still do."""

from collections.abc import Iterator

from msgspec import Struct

from sharq_plug.model import MAX_DEQUEUE_BYTES, MAX_ENDED, EnqueueOutcome, EnqueueResult


class DequeueCall(Struct, gc=False, eq=False):
    """A call's instant (ms), the tokens that it may give, and the bounds on its work."""

    now: int
    tokens: Iterator[str]
    room: int = MAX_DEQUEUE_BYTES
    """Bytes of payload that it may still hold."""
    served: int = 0
    is_full: bool = False
    leases: int = MAX_ENDED
    """Expired leases that it may still end."""

    def admit(self, size: int) -> bool:
        """Take up the payload of one more job, if the call may hold it; it may hold one."""
        if size > self.room and self.served:
            self.is_full = True
        if self.is_full:
            return False
        self.room -= size
        self.served += 1
        return True


_results = {outcome: EnqueueResult(outcome) for outcome in EnqueueOutcome}


def result_of(outcome: EnqueueOutcome, queue_length: int | None) -> EnqueueResult:
    """Return the result of one enqueue."""
    return _results[outcome] if queue_length is None else EnqueueResult(outcome, queue_length)
