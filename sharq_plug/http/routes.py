"""The routes: decode, one call of the service, encode."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from msgspec import Raw
from sanic import Sanic
from sanic.exceptions import PayloadTooLarge

from sharq_plug.errors import InvalidRequest, SharqError
from sharq_plug.http.bodies import (
    EnqueueBody,
    decode_batch,
    decode_enqueue,
    decode_enqueue_item,
    decode_finish,
    decode_finish_item,
    decode_interval,
    decode_purge_all,
)
from sharq_plug.http.errors import failed
from sharq_plug.http.outages import watched
from sharq_plug.http.queries import decode_dequeue_query
from sharq_plug.http.request import Request
from sharq_plug.http.responses import (
    Content,
    Response,
    count_fields,
    failure,
    finished,
    leased_job,
    leased_jobs,
    no_job,
    queue_metrics,
    queued,
    respond,
    results,
    success,
)
from sharq_plug.model import LeasedJob, LeaseRef, NewJob
from sharq_plug.service import QueueService

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

Handler: TypeAlias = Callable[..., Coroutine[Any, Any, Any]]
"""What it returns is a `Response`, of which Sanic's types know nothing."""

DEFAULT_QUEUE_TYPE = "default"
LARGE = 1024 * 1024
"""Bytes of payload with which requests go few at a time."""


async def index(_request: Request) -> Response:
    """Greet."""
    return respond(200, {"message": "Hello, SharQ!"})


async def enqueue(request: Request, queue_type: str, queue_id: str) -> Response:
    """Put a job into a queue."""
    job = _new_job(request.service, queue_id, decode_enqueue(request.body))
    return respond(*queued(await request.service.enqueue(queue_type, job)))


async def enqueue_batch(request: Request, queue_type: str) -> Response:
    """Put jobs into their queues, each as if it came alone."""

    def new_job(item: Raw) -> NewJob:
        fields = decode_enqueue_item(item)
        return _new_job(request.service, fields.queue_id, fields)

    return await _answer_batch(
        request, new_job, partial(request.service.enqueue_all, queue_type), queued
    )


async def dequeue(request: Request, queue_type: str = DEFAULT_QUEUE_TYPE) -> Response:
    """Lease the next job of a type, or with `count` the next ones."""
    asked = decode_dequeue_query(request.query_string)
    count = 1 if asked.count is None else asked.count
    if count > 1 and not request.app.ctx.memory.has_room:
        await request.app.ctx.memory.room()
    dequeued = await request.service.dequeue(
        queue_type, count=count, wait=asked.wait, attempt_id=asked.attempt_id
    )
    if not dequeued.jobs:
        return no_job(dequeued)
    is_repeatable = asked.attempt_id is not None
    await _take_turn(request, queue_type, dequeued.jobs, is_repeatable=is_repeatable)
    response = leased_job(dequeued.jobs[0]) if asked.count is None else leased_jobs(dequeued.jobs)
    if not is_repeatable:
        response.undelivered = partial(request.service.hand_back, queue_type, dequeued.jobs)
    return response


async def finish(request: Request, queue_type: str, queue_id: str, job_id: str) -> Response:
    """End a lease, its job done."""
    lease = LeaseRef(queue_id, job_id, decode_finish(request.body).lease)
    return respond(*finished(await request.service.finish(queue_type, lease)))


async def finish_batch(request: Request, queue_type: str) -> Response:
    """End leases, each as if it came alone."""

    def lease_ref(item: Raw) -> LeaseRef:
        fields = decode_finish_item(item)
        return LeaseRef(fields.queue_id, fields.job_id, fields.lease)

    return await _answer_batch(
        request, lease_ref, partial(request.service.finish_all, queue_type), finished
    )


async def interval(request: Request, queue_type: str, queue_id: str) -> Response:
    """Change the interval of a queue."""
    body = decode_interval(request.body)
    changed = await request.service.set_interval(queue_type, queue_id, body.interval)
    return success() if changed else failure(404)


async def metrics(request: Request) -> Response:
    """List the types, and count everything."""
    async with request.app.ctx.listings:
        queue_types = await request.service.queue_types()
        counts = await request.service.counts()
        return success(queue_types=queue_types, **count_fields(counts))


async def type_metrics(request: Request, queue_type: str) -> Response:
    """List the queues of a type, and count what went through it."""
    async with request.app.ctx.listings:
        queue_ids = await request.service.queue_ids(queue_type)
        counts = await request.service.counts(queue_type)
        return success(queue_ids=queue_ids, **count_fields(counts))


async def one_queue_metrics(request: Request, queue_type: str, queue_id: str) -> Response:
    """Say what there is in a queue, and count what went through it."""
    if not queue_type:
        raise InvalidRequest("`queue_id` should be accompanied by `queue_type`.")
    return queue_metrics(await request.service.queue_metrics(queue_type, queue_id))


async def delete_queue(request: Request, queue_type: str, queue_id: str) -> Response:
    """Clear a queue."""
    purge = decode_purge_all(request.body)
    cleared = await request.service.clear(queue_type, queue_id, purge=purge)
    if not (cleared.waiting or cleared.leased or cleared.dead):
        return respond(200, {"status": "Failure", "message": "No queued calls found"})
    message = "Successfully removed all queued calls"
    if purge:
        message += " and purged related resources"
    return respond(200, {"status": "Success", "message": message})


async def deep_status(request: Request) -> Response:
    """Make sure that the store can carry out a dequeue and a finish."""
    await request.service.ping()
    return success()


async def _take_turn(
    request: Request, queue_type: str, jobs: Sequence[LeasedJob], *, is_repeatable: bool
) -> None:
    """Hand jobs back if their client is gone, unless it can repeat its dequeue.

    A large answer is not made before there is room for it: clients that do not read give way first.
    """
    is_gone = True
    try:
        size = sum(len(job.payload) for job in jobs)
        if size > LARGE:
            async with request.app.ctx.memory.building(size):
                pass
        is_gone = request.transport.is_closing()  # Sanic may not have seen it yet
    finally:
        if is_gone and not is_repeatable:
            request.service.hand_back(queue_type, jobs)


def _new_job(service: QueueService, queue_id: str, fields: EnqueueBody) -> NewJob:
    return service.new_job(
        queue_id,
        job_id=fields.job_id,
        interval=fields.interval,
        payload=bytes(fields.payload),
        requeue_limit=fields.requeue_limit,
        max_queued_length=fields.max_queued_length,
    )


async def _answer_batch(
    request: Request,
    read: Callable[[Raw], Item],
    call: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome | SharqError]]],
    say: Callable[[Outcome], Content],
) -> Response:
    """Answer each item of a batch by itself: what cannot be read, and the rest in one call."""
    items = await _read_each(request, read)
    outcomes = iter(await call([item for item in items if not isinstance(item, Exception)]))
    said = (item if isinstance(item, Exception) else next(outcomes) for item in items)
    return results(
        failed(outcome) if isinstance(outcome, Exception) else say(outcome) for outcome in said
    )


async def _read_each(request: Request, read: Callable[[Raw], Item]) -> list[Item | Exception]:
    """Read the items of a batch; what would be too large by itself is so here too."""
    items: list[Item | Exception] = []
    read_in_a_row = 0
    for item in decode_batch(request.body):
        size = len(memoryview(item))
        if size > request.app.ctx.max_body_size:
            items.append(PayloadTooLarge("Request body exceeds the size limit"))
        else:
            try:
                items.append(read(item))
            except InvalidRequest as error:
                items.append(error)
        read_in_a_row += size
        if read_in_a_row > LARGE:
            read_in_a_row = 0
            await asyncio.sleep(0)
    return items


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """A path, the methods it knows, its handler, and whether its body is a batch."""

    path: str
    methods: tuple[str, ...]
    handler: Handler
    is_batch: bool = False


_READ = ("GET", "HEAD")

ROUTES = (
    RouteSpec("/", _READ, index),
    RouteSpec("/enqueue/<queue_type>/<queue_id>", ("POST",), enqueue),
    RouteSpec("/enqueue/<queue_type>", ("POST",), enqueue_batch, is_batch=True),
    RouteSpec("/dequeue", ("GET",), dequeue),
    RouteSpec("/dequeue/<queue_type>", ("GET",), dequeue),
    RouteSpec("/finish/<queue_type>/<queue_id>/<job_id>", ("POST",), finish),
    RouteSpec("/finish/<queue_type>", ("POST",), finish_batch, is_batch=True),
    RouteSpec("/interval/<queue_type>/<queue_id>", ("POST",), interval),
    RouteSpec("/metrics", _READ, metrics),
    RouteSpec("/metrics/<queue_type>", _READ, type_metrics),
    RouteSpec("/metrics/<queue_type>/<queue_id>", _READ, one_queue_metrics),
    RouteSpec("/deletequeue/<queue_type>/<queue_id>", ("DELETE",), delete_queue),
    RouteSpec("/deepstatus", _READ, deep_status),
)


def add_routes(app: Sanic[Any, Any]) -> None:
    """Give the app every route, each of them with OPTIONS too."""
    for number, route in enumerate(ROUTES):
        allowed = sorted((*route.methods, "OPTIONS"))
        app.add_route(
            watched(route.handler, route.path, app.ctx.outages),
            route.path,
            route.methods,
            name=f"{route.handler.__name__}_{number}",
            ctx_is_batch=route.is_batch,
        )
        app.add_route(
            _options(allowed),
            route.path,
            ["OPTIONS"],
            name=f"options_{number}",
            ctx_is_batch=False,
        )


def _options(allowed: list[str]) -> Handler:
    async def options(_request: Request, **_names: str) -> Response:
        return respond(200, {"status": "success"}, headers={"Allow": ", ".join(allowed)})

    return options
