"""How single calls are drawn, from the values of `values`; what matters most, most often.

`ITEMS` has a strategy for each type of item.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from hypothesis import strategies as st

from sharq_plug.model import (
    Amendment,
    Extras,
    Finish,
    JobRef,
    LeaseRef,
    NewJob,
    Reschedule,
    Setting,
    Settlement,
    Take,
)
from sharq_plug.testing.model_check.moves import (
    LONG_LEASE_TIME,
    SHORT_LEASE_TIME,
)
from sharq_plug.testing.model_check.operations import Clear, Item, ListNames, Look, Tend
from sharq_plug.testing.model_check.steps import (
    FollowListing,
    OneCall,
    Settle,
    Step,
)
from sharq_plug.testing.model_check.values import (
    AMENDMENTS,
    EXTRAS,
    INSTANTS,
    NEW_JOB,
    SETTINGS,
    SETTLEMENTS,
    Fields,
)
from sharq_plug.testing.model_check.walk import (
    QUEUE_IDS,
    TYPES,
    Manner,
    Pick,
)

types = st.sampled_from([TYPES[0], TYPES[0], TYPES[0], TYPES[1]])


def sampled(fields: Fields) -> dict[str, st.SearchStrategy[Any]]:
    """Draw a value for each field."""
    return {name: st.sampled_from(values) for name, values in fields.items()}


new_job_fields = sampled(NEW_JOB)
queue_ids, intervals = new_job_fields["queue_id"], new_job_fields["interval"]
requeue_limits = new_job_fields["requeue_limit"]
is_plain = st.shared(st.sampled_from([True, False, False]), key="is_plain")
"""Whether a sequence goes without extras: one for all of its steps."""
extra_fields = sampled(EXTRAS)


@st.composite
def drawn_extras(draw: st.DrawFn) -> Extras | None:
    """Draw the extras of a job: none for most, and seldom more than a few of them."""
    if draw(is_plain) or draw(st.sampled_from([True, True, False])):
        return None
    names = draw(st.lists(st.sampled_from(sorted(EXTRAS)), min_size=1, max_size=4, unique=True))
    fields = {name: draw(extra_fields[name]) for name in names}
    if fields.get("at") is not None:
        fields.pop("delay", None)
    return Extras(**fields)


extras = drawn_extras()
new_jobs = st.builds(NewJob, **new_job_fields, extras=extras)
limits = st.sampled_from([1, 2, 100])
some = st.integers(1, 4)
counts = st.sampled_from([1, 1, 2, 5, 1000])
lease_times = st.sampled_from([1, SHORT_LEASE_TIME, 100, LONG_LEASE_TIME])
attempt_ids = st.sampled_from([None, None, None, "one", "t+w.o"])
names_of_queues: list[tuple[str, ...]] = [
    (QUEUE_IDS[0],),
    (QUEUE_IDS[2], QUEUE_IDS[1]),
    (*QUEUE_IDS[2:], "no"),
]
queue_names = st.sampled_from([None] * 6 + names_of_queues)
takes = st.builds(
    Take,
    counts,
    lease_times,
    attempt_ids,
    queue_names,
    st.sampled_from([False] * 5 + [True]),
)
jobs = st.builds(JobRef, queue_ids, new_job_fields["job_id"])
picks = st.builds(Pick, st.sampled_from([Manner.OWN, Manner.OWN, *Manner]), st.integers(0, 5))
earlies = st.sampled_from([0, 0, 1, -1])
receipt_times = st.sampled_from(SETTLEMENTS[Finish]["receipt_time"])
Settled: TypeAlias = Callable[[LeaseRef], Settlement]
settlements: Mapping[type[Settlement], st.SearchStrategy[Settled]] = {
    kind: st.builds(partial, st.just(kind), **sampled(fields))
    for kind, fields in SETTLEMENTS.items()
}
"""How a settlement of each kind is drawn: as a function of the lease that it settles."""


def settling(*made: st.SearchStrategy[Settled]) -> st.SearchStrategy[Step]:
    """Draw a call of up to three settlements."""
    settled = st.tuples(picks, st.one_of(made))
    return st.builds(Settle, types, st.lists(settled, min_size=1, max_size=3))


def setting(kind: type[Setting], fields: Fields) -> st.SearchStrategy[Step]:
    """Draw a call of up to two settings."""
    changes = st.builds(kind, queue_ids, **sampled(fields))
    return st.builds(OneCall, types, st.lists(changes, min_size=1, max_size=2))


@st.composite
def amending(draw: st.DrawFn, kind: type[Amendment], fields: Fields) -> Step:
    """Draw a call of up to two amendments."""
    changes: list[Item] = []
    for _ in range(draw(st.integers(1, 2))):
        drawn = {name: draw(values) for name, values in sampled(fields).items()}
        if kind is Reschedule:
            [name] = draw(st.sampled_from([["delay"], ["at"]]))
            drawn[name] = draw(st.sampled_from(INSTANTS[name]))
        changes.append(kind(draw(jobs), **drawn))
    return OneCall(draw(types), changes)


ITEMS: dict[type, st.SearchStrategy[Step]] = {
    NewJob: st.builds(OneCall, types, st.lists(new_jobs, min_size=1, max_size=4)),
    Take: st.builds(OneCall, types, st.lists(takes, min_size=1, max_size=2)),
    **{kind: settling(made, made, settlements[Finish]) for kind, made in settlements.items()},
    **{kind: amending(kind, fields) for kind, fields in AMENDMENTS.items()},
    JobRef: st.builds(OneCall, types, st.lists(jobs, min_size=1, max_size=3)),
    **{kind: setting(kind, fields) for kind, fields in SETTINGS.items()},
    Tend: st.builds(OneCall, st.none(), st.lists(st.builds(Tend, limits), min_size=1, max_size=1)),
    Clear: st.builds(
        OneCall,
        types,
        st.lists(st.builds(Clear, queue_ids, st.booleans()), min_size=1, max_size=1),
    ),
    Look: st.one_of(
        st.builds(OneCall, types, st.lists(st.builds(Look, queue_ids), min_size=1, max_size=1)),
        st.builds(OneCall, st.one_of(types, st.none()), st.just([Look()])),
    ),
    ListNames: st.builds(FollowListing, st.one_of(types, st.none()), limits),
}
"""How a call of each type of item is drawn."""
