"""Looks: what there is in a queue or a type, and the minute counts."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import MINUTE, MinuteCounts, TypeView, View
from sharq_redis.buckets import Buckets
from sharq_redis.counts import counts_of_everything
from sharq_redis.replies import checked, minute_counts
from sharq_redis.routing.route import Route
from sharq_redis.tending import Run
from sharq_redis.views import queue_rules, queue_view, totals_of, type_rules, type_view


class Looks:
    """Look at a queue, at a type, or at everything."""

    def __init__(self, route: Route, buckets: Buckets, run: Run) -> None:
        self._route = route
        self._buckets = buckets
        self._run = run

    async def at_queue(self, queue_type: str, queue_id: str) -> View:
        """Look at a queue. Raises BrokenQueue."""
        reply = await self._run("look", queue_type, queue_id)
        now, values, counted, rules = checked(queue_id, reply)
        return View(
            _counts(now, counted), queue=queue_view(queue_id, values), rules=queue_rules(rules)
        )

    async def at_type(self, queue_type: str) -> View:
        """Look at a type. Raises StoreUnavailable, also if its keys are damaged."""
        reply = await self._run("look", queue_type, "", "counts")
        if isinstance(reply, bytes):
            message = f"The type {queue_type} is damaged in the store."
            raise StoreUnavailable(f"{message} {reply.decode(errors='replace')}", public=message)
        now, values, counted, rules, totals = reply
        view = await counted_view(self._run, queue_type, values)
        return View(
            _counts(now, counted), type=view, totals=totals_of(totals), rules=type_rules(rules)
        )

    async def at_everything(self, now: int) -> View:
        """Add up the counts of all types at `now` (ms)."""
        return View(await counts_of_everything(self._route, self._buckets, now))


async def counted_view(run: Run, queue_type: str, values: Sequence[Any]) -> TypeView:
    """Return what there is in a type, from a look that counted some of the ready queues.

    The others are counted by calls that go on where the one before them ended.
    """
    view, further = type_view(queue_type, values), values[-1]
    ready, since = view.ready_queues, [] if view.ready_since is None else [view.ready_since]
    while further:
        counted, first, further = await run("count_ready", queue_type, *further)
        ready += counted
        since += [first] if first >= 0 else []
    return replace(view, ready_queues=ready, ready_since=min(since, default=None))


def _counts(now: int, counted: list[int]) -> MinuteCounts:
    minutes = (minute * MINUTE for minute in counted[::3])
    return minute_counts(now, zip(minutes, counted[1::3], counted[2::3], strict=True))
