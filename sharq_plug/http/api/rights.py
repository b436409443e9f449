"""What a caller may see and do beside what its route needs."""

from collections.abc import Callable
from typing import TypeAlias

from sharq_plug.errors import Forbidden
from sharq_plug.http.api.request import Request
from sharq_plug.model import Caller, Scope

Sees: TypeAlias = Callable[[str], bool]
"""Returns whether a name is one that the caller sees."""


def lacks(scope: Scope) -> Forbidden:
    """Return the refusal of a caller whose key has not a scope."""
    return Forbidden(f"This key lacks the scope `{scope}`.")


def may_read_payloads(request: Request) -> bool:
    """Return whether the caller may look at payloads."""
    return request.caller is None or request.caller.may_read_payloads


def seen_types(request: Request) -> Sees | None:
    """Return what tells which queue types the caller sees; None: all."""
    caller = request.caller
    return None if caller is None or caller.types is None else caller.may_use_type


def seen_queues(request: Request) -> Sees | None:
    """Return what tells which queues the caller sees; None: all."""
    caller = request.caller
    return None if caller is None or caller.queues is None else caller.may_use_queue


def check_payloads(request: Request, *, asked: bool) -> None:
    """Raise Forbidden if a caller asks for payloads that it may not look at."""
    if asked and not may_read_payloads(request):
        raise lacks(Scope.READ_PAYLOADS)


def check_shared_limits(caller: Caller | None, *, asked: bool) -> None:
    """Raise Forbidden if a caller for some queues only says which shared limits a queue uses.

    Shared limits belong to the type: it could spend what is left for others, or create one under a
    name that others will use.
    """
    if asked and caller is not None and caller.queues is not None:
        raise Forbidden(
            "This key is for some queues only, and shared limits belong to a whole queue type: it "
            "may not send `uses`."
        )


def check_whole_server(caller: Caller | None) -> None:
    """Raise Forbidden if a caller for some types or queues only asks about the whole server."""
    if caller is None or (caller.types is None and caller.queues is None):
        return
    what = "queues" if caller.types is None else "queue types"
    raise Forbidden(f"This key is for some {what} only, and this is about the whole server.")
