"""Handlers of the verbs that are not on items: decode, call the service, encode."""

from collections.abc import Sequence
from functools import partial

from msgspec import UNSET

from sharq_plug.errors import InvalidRequest, SharqError
from sharq_plug.http.api.answers import Greeting, Success
from sharq_plug.http.api.bodies import DequeueBody
from sharq_plug.http.api.etags import if_match
from sharq_plug.http.api.queries import NOTHING_ASKED, read_dequeue_query
from sharq_plug.http.api.replies import (
    Reply,
    deliveries_reply,
    delivery_reply,
    no_job_reply,
    success,
)
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.rights import check_shared_limits, seen_types
from sharq_plug.http.api.settings import QueuePatch, TypePatch, change_of, defaults_of
from sharq_plug.http.api.shown import Counted, TypeCounted
from sharq_plug.http.api.turns import may_build
from sharq_plug.http.api.views import added, count_fields, metrics_reply, view_reply
from sharq_plug.model import Delivery, PatchQueue, PatchType, Setting

DEFAULT_QUEUE_TYPE = "default"


async def index(_request: Request) -> Reply:
    """Greet."""
    return success(Greeting("Hello, SharQ!"))


async def dequeue_by_post(
    request: Request, asked: DequeueBody, queue_type: str = DEFAULT_QUEUE_TYPE
) -> Reply:
    """Lease the next job of a type, or with `count` the next ones, as the body asks for."""
    if read_dequeue_query(request.query_string) != NOTHING_ASKED:
        raise InvalidRequest("A POST asks in its body, not in its query.")
    return await dequeue(request, asked, queue_type)


async def dequeue(
    request: Request, asked: DequeueBody, queue_type: str = DEFAULT_QUEUE_TYPE
) -> Reply:
    """Lease the next job of a type, or with `count` the next ones."""
    count = 1 if asked.count is None else asked.count
    if count > 1:
        await request.server.memory.room()
    dequeued = await request.service.dequeue(
        queue_type,
        count=count,
        wait=asked.wait or 0,
        attempt_id=asked.attempt_id,
        lease_time=asked.lease_time,
        queues=asked.queues,
        together=bool(asked.together),
    )
    if not dequeued.jobs:
        return no_job_reply(dequeued)
    is_repeatable = asked.attempt_id is not None
    await _take_turn(request, queue_type, dequeued.jobs, is_repeatable=is_repeatable)
    reply = (
        delivery_reply(dequeued.jobs[0]) if asked.count is None else deliveries_reply(dequeued.jobs)
    )
    if len(dequeued.jobs) == 1:
        reply.job = dequeued.jobs[0]
    if not is_repeatable:
        reply.undelivered = partial(request.service.hand_back, queue_type, dequeued.jobs)
    return reply


async def metrics(request: Request) -> Reply:
    """List the types, and return the counts of everything."""
    async with request.server.listings:
        looking = request.service.looking
        queue_types = await looking.names()
        counts = (await looking.look()).counts
        sees = seen_types(request)
        if sees is not None:
            queue_types = list(filter(sees, queue_types))
            looks = [await looking.look(name) for name in queue_types]
            counts = added(counts, [view.counts for view in looks])
        return success(Counted(queue_types, **count_fields(counts)))


async def type_metrics(request: Request, queue_type: str) -> Reply:
    """List the queues of a type, and return its counts."""
    async with request.server.listings:
        queue_ids = await request.service.looking.names(queue_type)
        view = await request.service.looking.look(queue_type)
        return success(TypeCounted(queue_ids, **count_fields(view.counts)))


async def queue_metrics(request: Request, queue_type: str, queue_id: str) -> Reply:
    """Return what there is in a queue, and its counts."""
    if not queue_type:
        raise InvalidRequest("`queue_id` should be accompanied by `queue_type`.")
    return metrics_reply(await request.service.looking.look(queue_type, queue_id))


async def show_queue(request: Request, queue_type: str, queue_id: str) -> Reply:
    """Return what there is in a queue, when its next job can go, its settings and its counts."""
    return view_reply(await request.service.looking.look(queue_type, queue_id))


async def change_queue(
    request: Request, patch: QueuePatch, queue_type: str, queue_id: str
) -> Reply:
    """Change the settings of a queue; return what a look at it shows then."""
    check_shared_limits(request.caller, asked=patch.uses is not UNSET)
    change = PatchQueue(queue_id, change_of(patch), patch.freeze, if_match(request))
    await configure(request, queue_type, change)
    return await show_queue(request, queue_type, queue_id)


async def show_type(request: Request, queue_type: str) -> Reply:
    """Return what there is in a type, when its next job can go, its settings and its counts."""
    return view_reply(await request.service.looking.look(queue_type))


async def change_type(request: Request, patch: TypePatch, queue_type: str) -> Reply:
    """Change the settings of a type and its defaults; return what a look at it shows then."""
    change = PatchType(change_of(patch), defaults_of(patch), patch.freeze, if_match(request))
    await configure(request, queue_type, change)
    return await show_type(request, queue_type)


async def configure(request: Request, queue_type: str, change: Setting) -> None:
    """Make a change of settings. Raises what `QueueService.configure` answers."""
    [outcome] = await request.service.configure(queue_type, [change])
    if isinstance(outcome, SharqError):
        raise outcome


async def deep_status(request: Request) -> Reply:
    """Make a round trip to the store: make sure that a dequeue and a finish can run there."""
    await request.service.health()
    return success(Success())


async def _take_turn(
    request: Request, queue_type: str, jobs: Sequence[Delivery], *, is_repeatable: bool
) -> None:
    """Wait until a large response may be built; hand the jobs back if their client is gone.

    Jobs of a dequeue that can be repeated stay leased.
    """
    is_gone = True
    try:
        await may_build(request.server, sum(len(job.payload) for job in jobs))
        is_gone = request.is_abandoned  # Sanic may not have noticed yet
    finally:
        if is_gone and not is_repeatable:
            request.service.hand_back(queue_type, jobs)
