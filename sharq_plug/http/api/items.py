"""Verbs on items: one row serves single items and batches of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from sharq_plug.errors import SharqError
from sharq_plug.http.api.batches import BatchReader
from sharq_plug.http.api.failures import error_answer
from sharq_plug.http.api.replies import Answer, Reply, results_reply
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.routes import Route
from sharq_plug.service import QueueService

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class ItemVerb(Generic[Item, Outcome]):
    """A verb whose requests bring one item, or a batch of items, of a queue type.

    A single item has its `names` in the path, after the queue type; `read` turns its body into
    fields. In a batch, an item has its names among its fields. Both ways, `item(service, fields,
    *names)` makes the item that the service's `operation` takes, and `answer` says what became
    of it.
    """

    verb: str
    names: tuple[str, ...]
    body: type[msgspec.Struct]
    read: Callable[[bytes], Any]
    item: Callable[..., Item]
    operation: Callable[[QueueService, str, Sequence[Item]], Awaitable[list[Outcome | SharqError]]]
    answer: Callable[[Outcome], Answer]
    batch: BatchReader[Any] | None = None

    def routes(self) -> Sequence[Route]:
        """Return the route of single items and, if there is one, that of batches."""
        names = ("queue_type", *self.names)
        single = Route(self.verb, names, ("POST",), self._serve_one, self.body)
        if self.batch is None:
            return [single]
        serve, schema = partial(self._serve_batch, self.batch), self.batch.schema
        return [single, Route(self.verb, names[:1], ("POST",), serve, schema, is_batch=True)]

    async def _serve_one(self, request: Request, queue_type: str, **names: str) -> Reply:
        """Answer a single item: a batch of one, whose error is the request's."""
        item = self.item(request.service, self.read(request.body), *names.values())
        [outcome] = await self.operation(request.service, queue_type, [item])
        if isinstance(outcome, SharqError):
            raise outcome
        return self.answer(outcome).reply()

    async def _serve_batch(
        self, batch: BatchReader[Any], request: Request, queue_type: str
    ) -> Reply:
        """Answer each item as if it came alone: those that are refused, and the rest."""
        service = request.service
        items = await batch.read(
            request.body,
            partial(self.item, service),
            max_item_size=request.server.max_body_size,
        )
        accepted = [item for item in items if not isinstance(item, SharqError)]
        outcomes = await self.operation(service, queue_type, accepted)
        if len(accepted) < len(items):
            each = iter(outcomes)
            outcomes = [item if isinstance(item, SharqError) else next(each) for item in items]
        return results_reply(map(self._answer, outcomes))

    def _answer(self, outcome: Outcome | SharqError) -> Answer:
        return error_answer(outcome) if isinstance(outcome, SharqError) else self.answer(outcome)
