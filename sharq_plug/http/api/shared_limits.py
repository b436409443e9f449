"""What `/limit/` serves: it shows, changes and removes a shared limit."""

from sharq_plug.http.api.answers import Success
from sharq_plug.http.api.etags import if_match
from sharq_plug.http.api.handlers import configure
from sharq_plug.http.api.replies import Reply, success
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.settings import LimitPatch, change_of, remaining_of
from sharq_plug.http.api.views import limit_reply
from sharq_plug.model import DropLimit, PatchLimit


async def show_limit(request: Request, queue_type: str, name: str) -> Reply:
    """Return what is set for a shared limit, why it is closed, and what waits for it."""
    return limit_reply(await request.service.looking.limit(queue_type, name))


async def change_limit(request: Request, patch: LimitPatch, queue_type: str, name: str) -> Reply:
    """Change a shared limit, or create it; return what a look at it shows then."""
    tags = if_match(request)
    change = PatchLimit(name, change_of(patch), patch.freeze, remaining_of(patch), tags)
    await configure(request, queue_type, change)
    return await show_limit(request, queue_type, name)


async def drop_limit(request: Request, queue_type: str, name: str) -> Reply:
    """Remove a shared limit that nothing uses."""
    await configure(request, queue_type, DropLimit(name))
    return success(Success())
