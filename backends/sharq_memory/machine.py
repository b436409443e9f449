"""The whole store as one state machine: no clock, no chance, no waiting."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from math import inf
from typing import Any, Self

from sortedcontainers import SortedDict

from sharq_memory.call import DequeueCall
from sharq_memory.cursors import names_start
from sharq_memory.due import Due
from sharq_memory.listing import page_by_name
from sharq_memory.rows import VERSION, Row, put_row, rows_of_type
from sharq_memory.state import TypeState
from sharq_memory.tally import Tally
from sharq_plug.model import (
    Absence,
    Amendment,
    AmendOutcome,
    ChangeOutcome,
    Clear,
    Cleared,
    Dequeued,
    EndedLease,
    EnqueueOutcome,
    EnqueueResult,
    Figures,
    JobRef,
    JobView,
    KnownTypes,
    LetterRange,
    LettersMoved,
    Listing,
    Names,
    NewJob,
    Page,
    Retention,
    Setting,
    Settled,
    Settlement,
    Take,
    Tended,
    Types,
    TypeView,
    View,
    check_name,
)

TYPES_A_STEP = 64
"""Types that are tended in one call, at most."""
MOVES_A_STEP = 500
"""After `tend` has moved so many leases, jobs, letters and queues, it tends no further type."""


class Machine:
    """Every verb of the contract, at an instant `now` (ms) that the caller hands in.

    The same calls, instants and tokens lead to the same answers and the same state.
    """

    def __init__(self) -> None:
        self.types = SortedDict()  # queue type -> TypeState
        self.tally = Tally()  # of everything
        self._due = Due()
        self._latest = 0  # the instant of the latest call, since the clock stepped back
        self._doubted: str | None = None  # types up to here were told that it did
        self.given: dict[str, tuple[int, list[str] | None]] = {}
        """Types whose queues got places, but by being served: when the first can be ready (ms), and
        which queues, None for any.

        Whoever reads this clears it.
        """

    def enqueue(self, queue_type: str, jobs: Sequence[NewJob], now: int) -> list[EnqueueResult]:
        """Put jobs into their queues."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        results = [state.enqueue(job, now) for job in jobs]
        queued = [result.outcome for result in results].count(EnqueueOutcome.QUEUED)
        if queued:
            if queue_type not in self.types:
                self.types[queue_type] = state
            state.totals.enqueued += queued
            state.tally.add_enqueues(now, queued)
            self.tally.add_enqueues(now, queued)
        self._changed(state, now)
        return results

    def dequeue(
        self, queue_type: str, takes: Sequence[Take], now: int, tokens: Iterator[str]
    ) -> list[Dequeued]:
        """Lease ready jobs under the next of `tokens`."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        call = DequeueCall(now, tokens)
        answers = [state.dequeue(take, call) for take in takes]
        if call.served:
            state.totals.dequeued += call.served
            state.tally.add_dequeues(now, call.served)
            self.tally.add_dequeues(now, call.served)
        self._changed(state, now, may_be_ready=call.is_cut_short)
        return answers

    def settle(self, queue_type: str, items: Sequence[Settlement], now: int) -> list[Settled]:
        """Do what workers say of their leases."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        outcomes = [state.settle(item, now) for item in items]
        self._changed(state, now)
        return outcomes

    def amend(self, queue_type: str, changes: Sequence[Amendment], now: int) -> list[AmendOutcome]:
        """Change jobs by their ids, and dead letters."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        outcomes = [state.amend(change, now) for change in changes]
        self._changed(state, now)
        return outcomes

    def redrive(self, queue_type: str, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        """Redrive up to `limit` dead letters of a range."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        moved = state.redrive(letters, limit, now)
        self._changed(state, now)
        return moved

    def discard(self, queue_type: str, letters: LetterRange, limit: int, now: int) -> LettersMoved:
        """Remove up to `limit` dead letters of a range."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        moved = state.discard(letters, limit, now)
        self._changed(state, now)
        return moved

    def find(
        self, queue_type: str, jobs: Sequence[JobRef], now: int, *, payloads: bool
    ) -> list[JobView | Absence]:
        """Look at jobs by their ids."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        return [state.find(job, now, payloads=payloads) for job in jobs]

    def configure(
        self, queue_type: str, changes: Sequence[Setting], now: int
    ) -> list[ChangeOutcome]:
        """Change what is set for queues, or for the type."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        outcomes = [state.configure(change, now) for change in changes]
        if queue_type not in self.types:
            if state.is_empty(now):
                return outcomes
            self.types[queue_type] = state
        self._changed(state, now)
        return outcomes

    def tend(self, limit: int, retention: Retention, now: int) -> Tended:
        """Do what is due, up to `limit` of each kind in each of some types."""
        self._doubt_places(now)
        ended: list[EndedLease] = []
        moved = 0
        for queue_type in self._due.first(now, TYPES_A_STEP):
            if moved >= MOVES_A_STEP:
                break
            state = self.types[queue_type]
            ended += self._tend_type(state, limit, retention, now)
            moved += state.moved
        return Tended(tuple(ended), self._doubted is not None or self._due.is_due(now))

    def clear(
        self, queue_type: str, what: Clear, cursor: str | None, limit: int, now: int
    ) -> Cleared:
        """Take one step of a clearing."""
        state = self.types.get(queue_type) or self._unknown(queue_type)
        cleared = state.clear(what, cursor, limit, now)
        self._changed(state, now)
        return cleared

    def look(self, queue_type: str | None, queue_id: str | None, now: int) -> View:
        """Look at a queue, at a type, or at everything."""
        if queue_type is None:
            return View(self.tally.counts(now))
        state = self.types.get(queue_type) or self._unknown(queue_type)
        return state.look(queue_id, now)

    def page(
        self, queue_type: str | None, listing: Listing, cursor: str | None, limit: int, now: int
    ) -> Page:
        """Return one page of a listing."""
        match listing:
            case Types():
                names = self.types.irange(names_start("types", cursor))
                return page_by_name("types", names, limit, lambda name: self._view(name, now))
            case KnownTypes():
                names = self.types.irange(names_start("known", cursor))
                return page_by_name("known", names, limit, lambda name: self._known(name, now))
            case Figures(names=asked):
                states = (self.types.get(name) or self._unknown(name) for name in asked)
                return Page(tuple(state.figures(now) for state in states), None)
            case Names() if queue_type is None:
                names = self.types.irange(names_start("names", cursor))
                return page_by_name("names", names, limit, self._name)
            case _:
                state = self.types.get(queue_type or "") or self._unknown(queue_type or "")
                return state.page(listing, cursor, limit, now)

    def rows(self) -> Iterator[Row]:
        """Yield the whole state as rows of plain values, each of bounded size.

        A machine made of them behaves the same. Nothing may change before the last one came.
        """
        yield VERSION, "machine", self._latest, self._doubted
        yield VERSION, "tally", *self.tally.row()
        for state in self.types.values():
            for row in rows_of_type(state):
                yield VERSION, *row

    @classmethod
    def from_rows(cls, rows: Iterable[Row]) -> Self:
        """Return the machine whose `rows` these are; raise ValueError for another version."""
        machine = cls()
        for version, kind, *values in rows:
            if version != VERSION:
                raise ValueError(f"a row of version {version}; this is version {VERSION}")
            machine._put(kind, values)
        for state in machine.types.values():
            state.due = state.next_due()
            if state.due < inf:
                machine._due.note(state)
        return machine

    def _put(self, kind: str, values: list[Any]) -> None:
        match kind:
            case "machine":
                self._latest, self._doubted = values
            case "tally":
                self.tally = Tally.of_row(values)
            case _:
                queue_type, *rest = values
                if queue_type not in self.types:
                    self.types[queue_type] = self._new_state(queue_type)
                put_row(self.types[queue_type], kind, rest)

    def _name(self, queue_type: str) -> str | None:
        return queue_type if self.types[queue_type].existing else None

    def _known(self, queue_type: str, now: int) -> str | None:
        state = self.types[queue_type]
        is_there = state.existing or state.dead or not state.totals.has_ended(now)
        return queue_type if is_there else None

    def _view(self, queue_type: str, now: int) -> TypeView | None:
        state = self.types[queue_type]
        return state.view(now) if state.existing or state.dead else None

    def _unknown(self, queue_type: str) -> TypeState:
        """Return a state for a type that is not known; it is not kept, unless jobs are queued."""
        return self._new_state(check_name("queue_type", queue_type))

    def _new_state(self, queue_type: str) -> TypeState:
        return TypeState(queue_type)

    def _changed(self, state: TypeState, now: int, *, may_be_ready: bool = False) -> None:
        """End a call: note from when on its type is due, and which places were given.

        If a job may be ready of which the call does not tell, any queue may have it.
        """
        if now > self._latest:
            self._latest = now
        if state.due < state.noted_due:
            self._due.note(state)
        line = state.line
        if may_be_ready:
            line.soonest = now
        is_for_any = may_be_ready
        if line.benches.limits and line.end_call(now):
            is_for_any = True
        if state.gate is not None and state.open_gate(state.gate, now):
            is_for_any = True
        if line.soonest < inf:
            placed = None if is_for_any else line.placed
            self.given[state.queue_type] = int(line.soonest), placed
            line.soonest, line.placed = inf, []

    def _tend_type(
        self, state: TypeState, limit: int, retention: Retention, now: int
    ) -> list[EndedLease]:
        self._due.drop(state)
        ended = state.tend(limit, retention, now)
        if state.is_empty(now):
            del self.types[state.queue_type]
        else:
            self._changed(state, now)
        return ended

    def _doubt_places(self, now: int) -> None:
        """Have places that lie ahead looked at where the clock has stepped back, type by type."""
        if now < self._latest:
            self._latest, self._doubted = now, ""
        if self._doubted is None:
            return
        following = self.types.irange(minimum=self._doubted, inclusive=(False, True))
        names = list(islice(following, TYPES_A_STEP))
        self._doubted = names[-1] if len(names) == TYPES_A_STEP else None
        for name in names:
            state = self.types[name]
            if state.gate is not None:
                state.gate.limiter.bring_to(now)
            if state.line.doubt(now):
                state.due = 0
                self._changed(state, now)
