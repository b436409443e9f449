"""Tracebacks for the log: where an exception was raised, without what it says.

The message of an exception that nobody expected may hold a payload, a token, or whatever a value
was. Messages of the server's own errors and of the operating system are known to hold none.
"""

import traceback
from collections.abc import Iterator

from sharq_plug.errors import SharqError

NOT_SHOWN = "(its message is not logged: it may hold a payload or a secret)"
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n"


def title(error: BaseException) -> str:
    """Return the last line of a traceback."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    if not error.args:
        return name
    is_harmless = isinstance(error, SharqError) or (
        isinstance(error, OSError) and error.errno is not None
    )
    return f"{name}: {error if is_harmless else NOT_SHOWN}"


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an exception, after those of its causes."""
    return "\n".join(_lines(error, set()))


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before, words = error.__cause__, _CAUSE
    if before is None and not error.__suppress_context__:
        before, words = error.__context__, _CONTEXT
    if before is not None and id(before) not in seen:
        yield from _lines(before, seen)
        yield words
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):"
        yield "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    yield title(error)
    if isinstance(error, BaseExceptionGroup):
        for number, each in enumerate(error.exceptions, 1):
            if id(each) not in seen:
                yield f"\nException {number} of the group:\n"
                yield from _lines(each, seen)
