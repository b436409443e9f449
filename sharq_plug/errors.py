"""Every error that the server raises on purpose, in one small tree."""

from collections.abc import Sequence


class SharqError(Exception):
    """Stand at the root of every error of this package; `str()` is a message for people."""


def told(error: BaseException) -> str:
    """Return what a log line may say of an error: the message of one of ours, else its kind.

    The message of another one may hold a payload or a secret.
    """
    return str(error) if isinstance(error, SharqError) else type(error).__qualname__


class InvalidRequest(SharqError):
    """A value that a caller sent is not acceptable; nothing was changed."""


class Unauthorized(SharqError):
    """The caller has no key, or one that is not known or has expired; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "A key is needed, as `Authorization: Bearer sq_<id>_<secret>`: there is none, or it is "
            "unknown or has expired."
        )


class Forbidden(SharqError):
    """The caller may not do this; nothing was changed. The message names what it lacks."""


class NoInterval(InvalidRequest):
    """A job brought no interval, and its queue has no limits from settings; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("`interval` is a mandatory parameter")


class UnknownLimit(InvalidRequest):
    """A request names shared limits, at least one of which does not exist; nothing was changed."""

    def __init__(self, names: Sequence[str]) -> None:
        if len(names) == 1:
            super().__init__(f"There is no shared limit `{names[0]}`.")
        else:
            listed = " and ".join(f"`{name}`" for name in names)
            super().__init__(f"Of the shared limits {listed} at least one does not exist.")


class NotCharged(InvalidRequest):
    """The lease was not charged to the shared limit to be frozen; nothing was changed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The lease was not charged to the shared limit `{name}`.")


class NoSuchLimit(SharqError):
    """There is no shared limit of this name to look at or to remove."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no shared limit `{name}`.")


class LimitInUse(SharqError):
    """A queue, the defaults or a lease uses the shared limit; nothing was changed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The shared limit `{name}` is in use.")


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


class LeasedJob(SharqError):
    """The job is leased, so it can be neither cancelled nor rescheduled; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("The job is leased.")


class DeadJob(SharqError):
    """The job is dead, so it cannot be rescheduled; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("The job is dead.")


class LimitsSet(SharqError):
    """The queue has limits from settings, so an interval would not count; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("The settings of the queue or its type have limits: change those.")


class SettingsChanged(SharqError):
    """The settings are not those that the caller saw; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("The settings have changed: look at them again.")


class StoreUnavailable(SharqError):
    """The store did not answer or refused; what was asked may or may not have happened.

    Repeating the call is safe: an enqueue by its job id, a finish by its token. `str()` is for the
    log and may name addresses. `public` is one sentence for clients, and names none.
    """

    def __init__(self, detail: str, *, public: str = "The store is unavailable.") -> None:
        super().__init__(detail)
        self.public = public


class BrokenQueue(StoreUnavailable):
    """What the store keeps of one queue is damaged; nothing was changed. Others are fine."""

    def __init__(self, queue_id: str) -> None:
        message = f"The queue {queue_id} is damaged in the store."
        super().__init__(message, public=message)


class Overloaded(SharqError):
    """The server has as much under way as it may; nothing was changed."""

    def __init__(self, message: str = "The server is overloaded.") -> None:
        super().__init__(message)


class ConfigError(SharqError):
    """The configuration cannot work; the message says where it is wrong and what to do."""
