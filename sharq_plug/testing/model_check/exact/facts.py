"""What the rules of a sequential history share: every type's facts, and the work of a call."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from sharq_plug.model import MAX_DEQUEUE_BYTES, MAX_HEADS, MAX_JOINS, MAX_MOVES, JobState
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.exact.listings import Listings
from sharq_plug.testing.model_check.exact.tallies import Tallies
from sharq_plug.testing.model_check.exact.wakes import Wakes
from sharq_plug.testing.model_check.history import Event
from sharq_plug.testing.model_check.violations import Rule

Finding: TypeAlias = tuple[Rule, str]


@dataclass(slots=True)
class CallWork:
    """What the items of one call have done so far towards its bounds."""

    number: int = -1
    size: int = 0
    """Bytes of payload that were served."""
    is_full: bool = False
    """Whether one more payload would have been too much."""
    ended: int = 0
    """Expired leases that were ended."""
    moves: int = MAX_JOINS
    """Due jobs that may still join, or ended ones that may still die."""
    heads: int = MAX_HEADS
    """Queues at the head of the line that may still take up changed defaults."""
    row_moves: int = MAX_MOVES
    """Entries that may still be set anew at the head of the line, or rows that may be moved."""

    @property
    def is_over(self) -> bool:
        """Return whether the call has reached a bound: it serves nothing more."""
        is_cut_short = not (self.moves and self.heads and self.row_moves)
        return self.is_full or self.size > MAX_DEQUEUE_BYTES or is_cut_short


@dataclass(slots=True)
class Facts:
    """What a history has led to so far.

    `left_out` are the types that the next step of tending leaves out; `taking_up` says in how many
    queues of each other type it has changed defaults taken up. `to_clear` says how many jobs
    and letters of each state the steps of the latest clearing are still to name.
    """

    types: dict[str, TypeLedger] = field(default_factory=dict)
    tallies: Tallies = field(default_factory=Tallies)
    listings: Listings = field(default_factory=Listings)
    call: CallWork = field(default_factory=CallWork)
    wakes: Wakes = field(default_factory=Wakes)
    left_out: frozenset[str] = frozenset()
    taking_up: dict[str, int] = field(default_factory=dict)
    to_clear: Counter[JobState] = field(default_factory=Counter)

    def of(self, queue_type: str | None) -> TypeLedger:
        """Return the ledger of a type, a new one if nothing is known of it."""
        return self.types.setdefault(queue_type or "", TypeLedger())

    def begin(self, event: Event) -> None:
        """Note the call that an event belongs to."""
        if event.call != self.call.number:
            self.call = CallWork(event.call)
            self.wakes.begin()
            for ledger in self.types.values():
                ledger.begin(event.invoked_at)


def differences(rule: Rule, what: str, found: object, expected: object) -> Iterator[Finding]:
    """Yield that something was found other than it must be, if it was."""
    if found != expected:
        yield rule, f"{what} is {found!r}, and must be {expected!r}"
