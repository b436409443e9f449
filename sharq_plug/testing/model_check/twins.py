"""A store and its reference, asked the same: each answer compared, everything recorded."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

from sharq_plug.model import Dequeued, LeasedJob, LeaseOutcome, LeaseRef, NewJob, Page
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.model_check.checker import check
from sharq_plug.testing.model_check.exact.judge import Judge
from sharq_plug.testing.model_check.history import History
from sharq_plug.testing.model_check.recording import Recorder, RecordingStore
from sharq_plug.testing.model_check.violations import Violation

OpenStore = Callable[[ManualClock], QueueStore]
"""From a clock to a store that is empty, goes by that clock, and is not entered yet."""
Watch = Callable[[QueueStore], None]
"""What looks at an open store between two calls, and raises AssertionError if it is amiss."""

Answer = TypeVar("Answer")

PATIENCE = 5.0
"""Seconds in which a wake-up must come; it takes about a millisecond."""
PAUSE = 0.001
MAX_PAGES = 1000
"""A listing of more steps than this does not end."""


class AnswersDiffer(AssertionError):
    """A store answered otherwise than its reference."""


class RulesBroken(AssertionError):
    """What a store answered breaks rules of the contract: `violations`."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("\n".join(map(str, violations)))
        self.violations = violations


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim to a lease: the same job, and each store's own token for it."""

    ref: LeaseRef
    reference: LeaseRef
    expires_at: int


class Hearing:
    """Wait for the wake-ups that a store owes its watchers, by what was recorded so far."""

    def __init__(self, recorder: Recorder, patience: float) -> None:
        self._recorder = recorder
        self._patience = patience
        self._judge = Judge()
        self._calls = 0
        self._is_lost = False

    async def all_heard(self) -> None:
        """Return once nobody is to be woken any more, or it has taken too long."""
        tries = int(self._patience / PAUSE)
        while self._is_owed() and tries:
            await asyncio.sleep(PAUSE)
            tries -= 1

    def _is_owed(self) -> bool:
        for event in self._recorder.events(self._calls):
            self._calls = event.call + 1
            self._is_lost = self._is_lost or any(self._judge.findings(event))
            if self._is_lost:  # a rule is broken, and what follows proves nothing
                return False
        return self._judge.owes_a_wake


class Twins:
    """Ask a store and, if there is one, a reference; raise AnswersDiffer if the answers do.

    The store alone is watched: which wake-ups come in vain, each store decides for itself.
    """

    def __init__(
        self,
        open_store: OpenStore,
        open_reference: OpenStore | None,
        watch: Watch | None,
        patience: float = PATIENCE,
    ) -> None:
        self.clock = ManualClock()
        self._recorder = Recorder(self.clock.now)
        self._watch = watch
        self._watched = [open_store(self.clock)]
        self._store = RecordingStore(self._watched[0], self._recorder)
        self._reference: QueueStore | None = None
        if open_reference is not None:
            self._reference = open_reference(self.clock)
            self._watched.append(self._reference)
        self._stack = AsyncExitStack()
        self._hearing = Hearing(self._recorder, patience)
        self._watches: dict[str, list[AsyncExitStack]] = {}

    async def open(self) -> None:
        """Enter both stores."""
        await self._stack.enter_async_context(self._store)
        if self._reference is not None:
            await self._stack.enter_async_context(self._reference)

    async def close(self) -> None:
        """Leave off watching and close both stores."""
        try:
            await self.leave_all()
        finally:
            await self._stack.aclose()

    def check(self) -> None:
        """Raise RulesBroken if what was recorded so far breaks rules."""
        violations = check(self.history())
        if violations:
            raise RulesBroken(violations)

    def history(self) -> History:
        """Return what the store was asked and answered so far."""
        return self._recorder.history(complete=True)

    async def advance(self, duration: int) -> None:
        """Let so many ms pass, once all wake-ups of the present are heard."""
        if self._watches:
            await self._hearing.all_heard()
        self.clock.advance(duration)

    async def watch(self, queue_type: str) -> None:
        """Watch a type once more."""
        stack = AsyncExitStack()
        await stack.enter_async_context(self._store.watching(queue_type, _hear_nothing))
        self._watches.setdefault(queue_type, []).append(stack)

    async def leave(self, queue_type: str) -> None:
        """Let the first who watches a type leave, if anybody does."""
        stacks = self._watches.get(queue_type, [])
        if stacks:
            await self._hearing.all_heard()
            await stacks.pop(0).aclose()
        if not stacks:
            self._watches.pop(queue_type, None)

    async def leave_all(self) -> None:
        """Leave off watching."""
        while self._watches:
            await self.leave(next(iter(self._watches)))

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> None:
        """Enqueue jobs."""
        await self._both(lambda store: store.enqueue(queue_type, jobs))

    async def dequeue(
        self, queue_type: str, *, count: int, lease: int, attempt_id: str | None = None
    ) -> tuple[Dequeued, list[Claim]]:
        """Dequeue; return the answer, and a claim to each lease with each store's own token."""
        answers = await self._both(
            lambda store: store.dequeue(
                queue_type, count=count, lease=lease, attempt_id=attempt_id
            ),
            _comparable,
        )
        jobs = zip(answers[0].jobs, answers[-1].jobs, strict=True)
        return answers[0], [Claim(_ref(job), _ref(other), job.expires_at) for job, other in jobs]

    async def finish(
        self, queue_type: str, claims: Sequence[Claim], *, receipt_time: int
    ) -> list[LeaseOutcome]:
        """Finish what is claimed; return the outcomes."""
        answers = await self._both(
            lambda store: store.finish(
                queue_type, self._refs(claims, store), receipt_time=receipt_time
            )
        )
        return answers[0]

    async def release(self, queue_type: str, claims: Sequence[Claim]) -> list[LeaseOutcome]:
        """Release what is claimed; return the outcomes."""
        answers = await self._both(
            lambda store: store.release(queue_type, self._refs(claims, store))
        )
        return answers[0]

    async def reclaim(self, queue_type: str, *, limit: int) -> bool:
        """Reclaim; return whether the store says that there is more to do."""
        answers = await self._both(
            lambda store: store.reclaim(queue_type, limit=limit),
            lambda reclaimed: (reclaimed.requeued, reclaimed.dead),
        )
        return answers[0].more

    async def set_interval(self, queue_type: str, queue_id: str, interval: int) -> None:
        """Change an interval."""
        await self._both(lambda store: store.set_interval(queue_type, queue_id, interval))

    async def clear(self, queue_type: str, queue_id: str, *, purge: bool) -> None:
        """Clear a queue."""
        await self._both(lambda store: store.clear(queue_type, queue_id, purge=purge))

    async def measure(self, queue_type: str, queue_id: str) -> None:
        """Look at a queue."""
        await self._both(lambda store: store.queue_metrics(queue_type, queue_id))

    async def count(self, queue_type: str | None) -> None:
        """Look at the minute counts of a type, or of everything."""
        await self._both(lambda store: store.counts(queue_type))

    async def list_queues(self, queue_type: str, *, limit: int) -> None:
        """List the queues of a type in steps of `limit`."""
        await self._both(
            lambda store: _listed(
                lambda cursor: store.queue_ids(queue_type, cursor=cursor, limit=limit)
            )
        )

    async def list_types(self, *, limit: int) -> None:
        """List the types in steps of `limit`; the types to reclaim may well differ."""
        await self._both(
            lambda store: _listed(lambda cursor: store.queue_types(cursor=cursor, limit=limit))
        )
        await self._both(
            lambda store: _listed(lambda cursor: store.known_types(cursor=cursor, limit=limit)),
            lambda _: None,
        )

    async def tend(self) -> None:
        """Let both stores do a step of their upkeep, and answer a ping."""
        await self._both(lambda store: store.maintain())
        await self._both(lambda store: store.ping())

    def _stores(self) -> Iterator[QueueStore]:
        yield self._store
        if self._reference is not None:
            yield self._reference

    def _refs(self, claims: Sequence[Claim], store: QueueStore) -> list[LeaseRef]:
        is_reference = store is self._reference
        return [claim.reference if is_reference else claim.ref for claim in claims]

    async def _both(
        self,
        ask: Callable[[QueueStore], Awaitable[Answer]],
        compared: Callable[[Answer], object] = lambda answer: answer,
    ) -> list[Answer]:
        answers = [await ask(store) for store in self._stores()]
        for answer in answers[1:]:
            found, expected = compared(answers[0]), compared(answer)
            if found != expected:
                raise AnswersDiffer(f"answer: {found}\nreference: {expected}")
        if self._watch is not None:
            for store in self._watched:
                self._watch(store)
        return answers


def _hear_nothing(_delay: int) -> None:
    """Be woken; the recorder has noted it."""


async def _listed(step: Callable[[str | None], Awaitable[Page]]) -> set[str]:
    names: set[str] = set()
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await step(cursor)
        names.update(page.names)
        cursor = page.cursor
        if cursor is None:
            return names
    raise AssertionError(f"a listing has no end: {names}")


def _comparable(answer: Dequeued) -> tuple[Dequeued, int]:
    jobs = tuple(replace(job, token="") for job in answer.jobs)
    return replace(answer, jobs=jobs), answer.now


def _ref(job: LeasedJob) -> LeaseRef:
    return LeaseRef(job.queue_id, job.job_id, job.token)
