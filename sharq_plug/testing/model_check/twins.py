"""A store and its reference, asked the same: each answer compared, everything recorded."""

import asyncio
from collections.abc import Callable, Collection, Sequence, Set
from contextlib import AsyncExitStack, suppress
from typing import Any

from sharq_plug.model import (
    Clear,
    EndedLease,
    Extras,
    Fail,
    Listing,
    NewJob,
    PatchType,
    Release,
    Tended,
)
from sharq_plug.store import DEFAULT_RETENTION, QueueStore
from sharq_plug.testing.calls import clear_all, cleared_in_all, pages_of, tend_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.model_check.checker import check_soundly
from sharq_plug.testing.model_check.comparing import Tokens, by_fate, comparable, listed
from sharq_plug.testing.model_check.exact.judge import Judge
from sharq_plug.testing.model_check.history import History
from sharq_plug.testing.model_check.operations import Item, Outcome, PageStep, Tend, ask
from sharq_plug.testing.model_check.recording import Recorder, RecordingStore
from sharq_plug.testing.model_check.violations import Violation

OpenStore = Callable[[ManualClock], QueueStore]
"""From a clock to a store that is empty, goes by that clock, and is not entered yet."""
Inspect = Callable[[QueueStore], None]
"""What looks at an open store between two calls, and raises AssertionError if it is amiss."""

PATIENCE = 5.0
"""Seconds in which a wake-up must come; it takes about a millisecond."""
MAX_STEPS = 1000
"""A listing, or tending, that takes more steps than this does not end."""


class AnswersDiffer(AssertionError):
    """A store answered otherwise than its reference."""


class RulesBroken(AssertionError):
    """What a store answered breaks rules of the contract: `violations`."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("\n".join(map(str, violations)))
        self.violations = violations


class Hearing:
    """Judge what was recorded, each event once, and wait for the wake-ups that a store owes."""

    def __init__(self, recorder: Recorder, patience: float) -> None:
        self._recorder = recorder
        self._patience = patience
        self._judge = Judge()
        self._calls = 0
        self._violations: list[Violation] = []
        self._told = asyncio.Event()

    def wake(self, _delay: int, _queue_ids: Collection[str] | None) -> None:
        """Be woken; the recorder has noted it."""
        self._told.set()

    async def all_heard(self) -> None:
        """Return once no wake-up is owed, or patience has run out."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                while self._is_owed():
                    self._told.clear()
                    await self._told.wait()

    def violations(self) -> Sequence[Violation]:
        """Return the violations of the first event that has any: what follows proves nothing."""
        for event in self._recorder.events(self._calls):
            if self._violations:
                break
            self._calls = event.call + 1
            self._violations = self._judge.violations(event)
        return self._violations

    def _is_owed(self) -> bool:
        return not self.violations() and self._judge.owes_a_wake


class Twins:
    """Ask a store and, if there is one, a reference; raise AnswersDiffer if the answers do.

    All tending has the same `retention`, which is set before the first call.
    The store alone is watched: which wake-ups come in vain, each store decides for itself.
    """

    def __init__(
        self,
        open_store: OpenStore,
        open_reference: OpenStore | None,
        inspect: Inspect | None,
        patience: float = PATIENCE,
    ) -> None:
        self.clock = ManualClock()
        self.retention = DEFAULT_RETENTION
        self._recorder = Recorder(self.clock.now)
        self._inspect = inspect
        self._inspected = [open_store(self.clock)]
        self._store = RecordingStore(self._inspected[0], self._recorder)
        self._reference: QueueStore | None = None
        if open_reference is not None:
            self._reference = open_reference(self.clock)
            self._inspected.append(self._reference)
        self._stack = AsyncExitStack()
        self._tokens = Tokens()
        self._hearing = Hearing(self._recorder, patience)
        self._watches: dict[str, list[AsyncExitStack]] = {}
        self._is_timed = False

    async def open(self) -> None:
        """Enter both stores."""
        await self._stack.enter_async_context(self._store)
        if self._reference is not None:
            await self._stack.enter_async_context(self._reference)

    async def close(self) -> None:
        """Let all watchers leave, and close both stores."""
        try:
            await self.leave_all()
        finally:
            await self._stack.aclose()

    def check(self) -> None:
        """Raise RulesBroken if an answer so far was not what the calls before it say."""
        violations = self._hearing.violations()
        if violations:
            raise RulesBroken([*violations, *check_soundly(self.history())])

    def check_all(self) -> None:
        """Raise RulesBroken if what was recorded so far breaks any rule."""
        self.check()
        violations = check_soundly(self.history())
        if violations:
            raise RulesBroken(violations)

    def history(self) -> History:
        """Return what the store was asked and answered so far."""
        return self._recorder.history(complete=True)

    async def advance(self, duration: int) -> None:
        """Hear all wake-ups that are due, then let `duration` ms pass."""
        if self._watches:
            await self._hearing.all_heard()
        self.clock.advance(duration)

    async def watch(self, queue_type: str) -> None:
        """Watch a type once more."""
        stack = AsyncExitStack()
        await stack.enter_async_context(self._store.watching(queue_type, self._hearing.wake))
        self._watches.setdefault(queue_type, []).append(stack)

    async def leave(self, queue_type: str) -> None:
        """Let the first watcher of a type leave, if there is one."""
        stacks = self._watches.get(queue_type, [])
        if stacks:
            await self._hearing.all_heard()
            await stacks.pop(0).aclose()
        if not stacks:
            self._watches.pop(queue_type, None)

    async def leave_all(self) -> None:
        """Let all watchers leave."""
        while self._watches:
            await self.leave(next(iter(self._watches)))

    async def ask(self, queue_type: str | None, items: Sequence[Item]) -> Sequence[Outcome]:
        """Make one call; return the store's outcomes, one for each item."""
        self._is_timed |= any(map(_is_timed, items))
        outcomes = await ask(self._store, queue_type, items)
        if self._reference is not None:
            theirs = self._tokens.translated(list(items))
            expected = await ask(self._reference, queue_type, theirs)
            self._tokens.learn(outcomes, expected)
            found = self._tokens.translated(list(outcomes))
            _compare(comparable(found), comparable(expected))
            for item, ours, other in zip(items, found, expected, strict=True):
                if isinstance(item, Tend) and isinstance(ours, Tended):
                    await self._compare_tended(self._reference, item, ours, other)
        self._inspect_all()
        return outcomes

    async def tend_all(self) -> None:
        """Tend until neither store says that there is more to do."""
        for _ in range(MAX_STEPS):
            [answer] = await self.ask(None, [Tend(100, self.retention)])
            if isinstance(answer, Tended) and not answer.more:
                break
        else:
            raise AssertionError("tending has no end")
        if self._reference is not None:
            await _tended(self._reference, Tend(100, self.retention))

    async def health(self) -> None:
        """Ask both stores whether a dequeue and a finish can run."""
        for store in self._inspected:
            await store.health()

    async def follow(self, queue_type: str | None, listing: Listing, *, limit: int) -> list[Any]:
        """Follow a listing to its end in steps of `limit`; return the store's items."""
        found = await _followed(self._store, queue_type, listing, limit)
        if self._reference is not None:
            expected = await _followed(self._reference, queue_type, listing, limit)
            _compare(listed(listing, found), listed(listing, expected))
        return found

    async def page(self, queue_type: str | None, step: PageStep) -> str | None:
        """Ask the store alone for a page, and return its cursor.

        Two good stores may show other pages where something changes between the steps.
        """
        page = await self._store.page(
            queue_type, step.listing, cursor=step.cursor, limit=step.limit
        )
        return page.cursor

    async def clear(self, queue_type: str, what: Clear, *, limit: int) -> None:
        """Clear to the end in steps of `limit`."""
        found = cleared_in_all(await clear_all(self._store, queue_type, what, limit=limit))
        if self._reference is not None:
            steps = await clear_all(self._reference, queue_type, what, limit=limit)
            _compare(found, cleared_in_all(steps))
        self._inspect_all()

    async def _compare_tended(
        self, reference: QueueStore, tend: Tend, ours: Tended, theirs: Outcome
    ) -> None:
        """Compare the leases that were ended. Who left out a type must say that there is more.

        Then both go on to the end, and must have ended the same leases by then. So they do where
        jobs that join or die may have been left out, which no answer tells.
        """
        if not isinstance(theirs, Tended):
            raise TypeError(f"{theirs!r} is no outcome of tending")
        types = [{lease.queue_type for lease in tended.ended} for tended in (ours, theirs)]
        both = types[0] & types[1]
        _compare(_of_types(ours.ended, both), _of_types(theirs.ended, both))
        may_hide = self._is_timed and (ours.more or theirs.more)
        if types[0] == types[1] and not may_hide:
            return
        if not (ours.more or types[0] >= types[1]) or not (theirs.more or types[1] >= types[0]):
            raise AnswersDiffer(f"answer: {ours}\nreference: {theirs}")
        found = [*ours.ended, *self._tokens.translated(await _tended(self._store, tend))]
        _compare(by_fate(found), by_fate([*theirs.ended, *await _tended(reference, tend)]))

    def _inspect_all(self) -> None:
        if self._inspect is not None:
            for store in self._inspected:
                self._inspect(store)


def _is_timed(item: Item) -> bool:
    """Return whether an item may leave what tending does unseen: jobs, letters, new defaults."""
    match item:
        case NewJob(extras=Extras()) | PatchType():
            return True
        case Release(delay=delay) | Fail(delay=delay):
            return bool(delay)
        case Tend(retention=retention):
            return retention != DEFAULT_RETENTION
        case _:
            return False


def _compare(found: object, expected: object) -> None:
    if found != expected:
        raise AnswersDiffer(f"answer: {found}\nreference: {expected}")


def _of_types(ended: Sequence[EndedLease], queue_types: Set[str]) -> object:
    return by_fate([lease for lease in ended if lease.queue_type in queue_types])


async def _followed(
    store: QueueStore, queue_type: str | None, listing: Listing, limit: int
) -> list[Any]:
    pages = pages_of(store, queue_type, listing, limit=limit, max_steps=MAX_STEPS)
    return [item async for page in pages for item in page.items]


async def _tended(store: QueueStore, tend: Tend) -> list[EndedLease]:
    """Tend until there is no more to do; return the leases that this ended."""
    steps = await tend_all(store, limit=tend.limit, retention=tend.retention, max_steps=MAX_STEPS)
    return [lease for tended in steps for lease in tended.ended]
