"""Verbs on items: one row serves single items and batches of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from sharq_plug.errors import Forbidden, SharqError
from sharq_plug.http.api.batches import BatchReader, Completion
from sharq_plug.http.api.bodies import BatchBody, item_schema, read_body
from sharq_plug.http.api.failures import BAD_REQUEST, error_answer
from sharq_plug.http.api.replies import Answer, Reply, results_reply
from sharq_plug.http.api.request import Request
from sharq_plug.http.api.rights import Sees, seen_queues
from sharq_plug.http.api.routes import Answers, Reach, Results, Route, Terms, told
from sharq_plug.model import Scope
from sharq_plug.service import QueueService

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def _service(request: Request, *, is_batch: bool) -> QueueService:  # noqa: ARG001  # a source
    return request.service


@dataclass(frozen=True, slots=True)
class ItemVerb(Generic[Item, Outcome]):
    """A verb whose requests bring one item, or with `has_batches` also batches, of a queue type.

    A single item has its `names` in the path, after the queue type, and the fields of `body` in its
    body, which `read(decoder, body)` reads. An item of a batch has its names among its fields. Both
    ways, `completion` completes the fields, `item(source, fields, *names)` makes the item that the
    service's `operation` takes, and `answer` says what became of it: one of `answers`. What
    `source` returns for the request is the same for all its items: the service, unless items need
    more of their request. `takes` are headers that mean something to the verb, `takes_alone` those
    that a batch must not have.
    """

    verb: str
    names: tuple[str, ...]
    body: type[msgspec.Struct]
    item: Callable[..., Item]
    operation: Callable[[QueueService, str, Sequence[Item]], Awaitable[list[Outcome | SharqError]]]
    answer: Callable[[Outcome], Answer]
    answers: Answers
    scope: Scope
    method: str = "POST"
    source: Callable[..., Any] = _service
    read: Callable[[msgspec.json.Decoder[Any], bytes], Any] = read_body
    completion: Completion[Any] | None = None
    has_batches: bool = False
    takes: tuple[str, ...] = ()
    takes_alone: tuple[str, ...] = ()

    def routes(self) -> Sequence[Route]:
        """Return the route of single items and, if there are any, that of batches."""
        names, methods = ("queue_type", *self.names), (self.method,)
        serve_one = partial(self._serve_one, msgspec.json.Decoder(self.body))
        alone = Terms(
            self.answers,
            self.body,
            is_body_optional=self.read is not read_body,
            takes=(*self.takes_alone, *self.takes),
        )
        single = Route(self.verb, names, methods, serve_one, self.scope, terms=alone)
        if not self.has_batches:
            return [single]
        serve_batch = partial(self._serve_batch, self.batch_reader())
        item: Any = item_schema(self.body, self.names)
        results = Results(tuple(self.answers.values()))
        together = Terms(told(results, BAD_REQUEST), BatchBody[item], takes=self.takes)
        batch = Route(
            self.verb,
            names[:1],
            methods,
            serve_batch,
            self.scope,
            Reach.ALLOWED,
            is_batch=True,
            terms=together,
        )
        return [single, batch]

    def batch_reader(self) -> BatchReader[Any]:
        """Return what reads batches of this verb."""
        return BatchReader(self.body, self.names, self.completion)

    async def _serve_one(
        self, decoder: msgspec.json.Decoder[Any], request: Request, queue_type: str, **names: str
    ) -> Reply:
        """Answer a single item: a batch of one, whose error is the request's."""
        fields = self.read(decoder, request.body)
        if self.completion is not None:
            fields = self.completion.complete(fields)
        item = self.item(self.source(request, is_batch=False), fields, *names.values())
        [outcome] = await self.operation(request.service, queue_type, [item])
        if isinstance(outcome, SharqError):
            raise outcome
        reply = self.answer(outcome).reply()
        reply.job = item
        return reply

    async def _serve_batch(
        self, reader: BatchReader[Any], request: Request, queue_type: str
    ) -> Reply:
        """Answer each item as if it came alone: those that are refused, and the rest."""
        service = request.service
        make = partial(self.item, self.source(request, is_batch=True))
        items = await reader.read(
            request.body,
            _allowed(make, seen_queues(request)),
            max_item_size=request.server.max_body_size,
        )
        request.body = b""  # it may be large, and the items have copies
        accepted = [item for item in items if not isinstance(item, SharqError)]
        outcomes = await self.operation(service, queue_type, accepted)
        if len(accepted) < len(items):
            each = iter(outcomes)
            outcomes = [item if isinstance(item, SharqError) else next(each) for item in items]
        if outcomes and outcomes.count(outcomes[0]) == len(outcomes):  # as usual, all fare alike
            return results_reply([self._answer(outcomes[0])] * len(outcomes))
        return results_reply(map(self._answer, outcomes))

    def _answer(self, outcome: Outcome | SharqError) -> Answer:
        return error_answer(outcome) if isinstance(outcome, SharqError) else self.answer(outcome)


def _allowed(make: Callable[..., Item], may_use: Sees | None) -> Callable[..., Item]:
    """Return what makes the items of queues that the caller may use, and refuses the others."""
    if may_use is None:
        return make

    def make_allowed(fields: msgspec.Struct, queue_id: str, *names: str) -> Item:
        if not may_use(queue_id):
            raise Forbidden(f"This key may not use the queue `{queue_id}`.")
        return make(fields, queue_id, *names)

    return make_allowed
