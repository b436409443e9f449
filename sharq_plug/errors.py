"""Every error that the server raises on purpose, in one small tree."""


class SharqError(Exception):
    """Stand at the root of every error of this package; `str()` is a message for people."""


class InvalidRequest(SharqError):
    """A value that a caller sent is not acceptable; nothing was changed."""


class QueueFull(SharqError):
    """The queue holds as many waiting jobs as the caller allowed; nothing was changed.

    `queue_length` is the number of jobs that wait.
    """

    def __init__(self, queue_length: int) -> None:
        super().__init__("Max queue length reached")
        self.queue_length = queue_length


class StaleLease(SharqError):
    """The token belongs to a lease that has ended; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("The lease has ended.")


class StoreUnavailable(SharqError):
    """The store did not answer; what was asked may or may not have happened.

    Repeating the call is safe: an enqueue by its job id, a finish by its token.
    """


class BrokenQueue(StoreUnavailable):
    """What the store keeps of one queue is damaged; nothing was changed. Others are fine."""

    def __init__(self, queue_id: str) -> None:
        super().__init__(f"The queue {queue_id} is damaged in the store.")


class Overloaded(SharqError):
    """The server has as much under way as it may; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("The server is overloaded.")


class ConfigError(SharqError):
    """The configuration cannot work; the message says where it is wrong and what to do."""
