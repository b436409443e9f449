"""How many random requests are sent, and how Hypothesis draws them.

SHARQ_HOSTILE_REQUESTS says how many at least; `tox -e hostile` sends many, and prints its count.
"""

import os
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

REQUESTS = int(os.environ.get("SHARQ_HOSTILE_REQUESTS", "600"))
AT_ONCE = 20
"""Requests of one example."""

T = TypeVar("T")

drawn_once = settings(
    max_examples=-(-REQUESTS // AT_ONCE),
    deadline=None,
    database=None,
    phases=(Phase.generate,),  # the store has a memory: a smaller example proves nothing
    suppress_health_check=list(HealthCheck),
)


def rows_of(one: st.SearchStrategy[T]) -> st.SearchStrategy[Sequence[T]]:
    """Return examples of as many as are sent at once."""
    return st.lists(one, min_size=AT_ONCE, max_size=AT_ONCE)
