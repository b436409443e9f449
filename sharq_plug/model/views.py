"""Views: what a look, a listing and a clearing answer."""

from collections.abc import Mapping

from msgspec import Struct

__all__ = [
    "Cleared",
    "MinuteCounts",
    "Page",
    "View",
]


class Cleared(Struct, frozen=True, gc=False):
    """How many jobs and dead letters a clearing removed."""

    waiting: int
    leased: int
    dead: int
    delayed: int = 0


class MinuteCounts(Struct, frozen=True, gc=False):
    """Enqueues and dequeues of the last ten minutes: a minute's epoch (ms) to its count.

    Always ten entries each, the present minute included.
    """

    enqueues: Mapping[int, int]
    dequeues: Mapping[int, int]


class View(Struct, frozen=True, gc=False):
    """What there is in a queue, or what was counted of a type or of everything.

    The lengths are those of a queue, 0 for all else and for a queue that nobody knows.
    """

    counts: MinuteCounts
    waiting: int = 0
    leased: int = 0
    dead: int = 0
    delayed: int = 0


class Page(Struct, frozen=True, gc=False):
    """One bounded step of a listing; `cursor` leads to the next one, None ends it.

    A name may turn up twice over a listing; one that is there from its first step to its
    last turns up at least once.
    """

    names: tuple[str, ...]
    cursor: str | None
