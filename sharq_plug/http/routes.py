"""The routes: decode, one call of the service, encode."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from sanic import HTTPResponse, Sanic

from sharq_plug.errors import InvalidRequest
from sharq_plug.http.bodies import (
    decode_delete_queue,
    decode_enqueue,
    decode_finish,
    decode_interval,
)
from sharq_plug.http.request import Request
from sharq_plug.http.responses import (
    count_fields,
    failure,
    leased_job,
    queue_metrics,
    respond,
    success,
)
from sharq_plug.model import EnqueueOutcome

Handler: TypeAlias = Callable[..., Coroutine[Any, Any, HTTPResponse]]

DEFAULT_QUEUE_TYPE = "default"


async def index(_request: Request) -> HTTPResponse:
    """Greet."""
    return respond(200, {"message": "Hello, SharQ!"})


async def enqueue(request: Request, queue_type: str, queue_id: str) -> HTTPResponse:
    """Put a job into a queue."""
    body = decode_enqueue(request.body)
    result = await request.service.enqueue(
        queue_type,
        queue_id,
        job_id=body.job_id,
        interval=body.interval,
        payload=bytes(body.payload),
        requeue_limit=body.requeue_limit,
        max_queued_length=body.max_queued_length,
    )
    duplicate = {"duplicate": True} if result.outcome is EnqueueOutcome.DUPLICATE else {}
    length = {} if result.queue_length is None else {"current_queue_length": result.queue_length}
    return respond(201, {"status": "queued", **duplicate, **length})


async def dequeue(request: Request, queue_type: str = DEFAULT_QUEUE_TYPE) -> HTTPResponse:
    """Lease the next job of a type."""
    attempt_id = request.args.get("attempt_id")
    dequeued = await request.service.dequeue(queue_type, attempt_id=attempt_id)
    if not dequeued.jobs:
        return failure(404)
    if attempt_id is None and request.transport.is_closing():  # gone, and Sanic has not seen it
        request.service.hand_back(queue_type, dequeued.jobs)
    return leased_job(dequeued.jobs[0])


async def finish(request: Request, queue_type: str, queue_id: str, job_id: str) -> HTTPResponse:
    """End a lease, its job done."""
    body = decode_finish(request.body)
    ended = await request.service.finish(queue_type, queue_id, job_id, token=body.lease)
    return success() if ended else failure(404)


async def interval(request: Request, queue_type: str, queue_id: str) -> HTTPResponse:
    """Change the interval of a queue."""
    body = decode_interval(request.body)
    changed = await request.service.set_interval(queue_type, queue_id, body.interval)
    return success() if changed else failure(404)


async def metrics(request: Request) -> HTTPResponse:
    """List the types, and count everything."""
    async with request.app.ctx.listings:
        queue_types = await request.service.queue_types()
        counts = await request.service.counts()
        return success(queue_types=queue_types, **count_fields(counts))


async def type_metrics(request: Request, queue_type: str) -> HTTPResponse:
    """List the queues of a type, and count what went through it."""
    async with request.app.ctx.listings:
        queue_ids = await request.service.queue_ids(queue_type)
        counts = await request.service.counts(queue_type)
        return success(queue_ids=queue_ids, **count_fields(counts))


async def one_queue_metrics(request: Request, queue_type: str, queue_id: str) -> HTTPResponse:
    """Say what there is in a queue, and count what went through it."""
    if not queue_type:
        raise InvalidRequest("`queue_id` should be accompanied by `queue_type`.")
    return queue_metrics(await request.service.queue_metrics(queue_type, queue_id))


async def delete_queue(request: Request, queue_type: str, queue_id: str) -> HTTPResponse:
    """Clear a queue."""
    purge = bool(decode_delete_queue(request.body).purge_all)
    cleared = await request.service.clear(queue_type, queue_id, purge=purge)
    if not (cleared.waiting or cleared.leased or cleared.dead):
        return respond(200, {"status": "Failure", "message": "No queued calls found"})
    message = "Successfully removed all queued calls"
    if purge:
        message += " and purged related resources"
    return respond(200, {"status": "Success", "message": message})


async def deep_status(request: Request) -> HTTPResponse:
    """Make a round trip to the store."""
    await request.service.ping()
    return success()


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """A path, the methods it knows, and its handler."""

    path: str
    methods: tuple[str, ...]
    handler: Handler


_READ = ("GET", "HEAD")

ROUTES = (
    RouteSpec("/", _READ, index),
    RouteSpec("/enqueue/<queue_type>/<queue_id>", ("POST",), enqueue),
    RouteSpec("/dequeue", ("GET",), dequeue),
    RouteSpec("/dequeue/<queue_type>", ("GET",), dequeue),
    RouteSpec("/finish/<queue_type>/<queue_id>/<job_id>", ("POST",), finish),
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
            route.handler, route.path, route.methods, name=f"{route.handler.__name__}_{number}"
        )
        app.add_route(_options(allowed), route.path, ["OPTIONS"], name=f"options_{number}")


def _options(allowed: list[str]) -> Handler:
    async def options(_request: Request, **_names: str) -> HTTPResponse:
        return respond(200, {"status": "success"}, headers={"Allow": ", ".join(allowed)})

    return options
