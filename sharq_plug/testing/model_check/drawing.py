"""How steps are drawn, from the values of `values`; equal instants; what matters most, most often.

`ITEMS` has a strategy for each type of item. One strategy draws every step, so that no sequence
goes without jobs, as many do where each step is a rule and Hypothesis leaves some rules out.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from hypothesis import strategies as st

from sharq_plug.model import (
    MAX_ENDED,
    Finish,
    LeaseRef,
    NewJob,
    Release,
    SetInterval,
    Setting,
    Settlement,
    Take,
)
from sharq_plug.testing.model_check.moves import (
    LONG_LEASE_TIME,
    SHORT_LEASE_TIME,
    EndOneLease,
    Fill,
    FinishAgain,
    HandBack,
    LetExpire,
    LetMany,
    LookLater,
    Refill,
    Repeat,
    RepeatInVain,
    Tie,
    Work,
)
from sharq_plug.testing.model_check.operations import Clear, ListNames, Look, Tend
from sharq_plug.testing.model_check.steps import (
    Advance,
    AdvanceTo,
    FollowListing,
    OneCall,
    Settle,
    StartWatching,
    Step,
    StopWatching,
)
from sharq_plug.testing.model_check.values import NEW_JOB, SETTINGS, SETTLEMENTS, Fields
from sharq_plug.testing.model_check.walk import (
    JOB_IDS,
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
new_jobs = st.builds(NewJob, **new_job_fields)
limits = st.sampled_from([1, 2, 100])
some = st.integers(1, 4)
counts = st.sampled_from([1, 1, 2, 5, 1000])
lease_times = st.sampled_from([1, SHORT_LEASE_TIME, 100, LONG_LEASE_TIME])
takes = st.builds(Take, counts, lease_times, st.sampled_from([None, None, None, "one", "t+w.o"]))
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


ITEMS: dict[type, st.SearchStrategy[Step]] = {
    NewJob: st.builds(OneCall, types, st.lists(new_jobs, min_size=1, max_size=4)),
    Take: st.builds(OneCall, types, st.lists(takes, min_size=1, max_size=2)),
    **{kind: settling(made, made, settlements[Finish]) for kind, made in settlements.items()},
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


@st.composite
def refills(draw: st.DrawFn) -> Refill:
    """Draw a refill, with what may make a store forget the rate of a queue that went."""
    queue_type, queue_id = draw(types), draw(queue_ids)
    interval = draw(st.sampled_from([1, 10, 50]))
    refused = NewJob(queue_id, JOB_IDS[1], b"", interval, max_queued_length=0)
    meanwhile: list[Step] = [
        OneCall(queue_type, [Clear(queue_id, purge=True)]),
        OneCall(queue_type, [Clear(queue_id, purge=False)]),
        OneCall(queue_type, [refused]),
        OneCall(queue_type, [SetInterval(queue_id, 0)]),
        OneCall(None, [Tend(100)]),
        EndOneLease(queue_type, QUEUE_IDS[-1]),
    ]
    steps = [
        draw(st.sampled_from(meanwhile)),
        *draw(st.lists(st.sampled_from(meanwhile), max_size=1)),
    ]
    early = draw(st.sampled_from([1, 1, 0, -1]))
    return Refill(queue_type, queue_id, interval, draw(st.booleans()), steps, early)


@st.composite
def ties(draw: st.DrawFn) -> Tie:
    """Draw a tie, with what may make the first of two queues lose its place."""
    queue_type, queue_id = draw(types), QUEUE_IDS[0]
    interval = draw(st.sampled_from([0, 10, 50]))
    meanwhile: list[list[Step]] = [
        [],
        [OneCall(queue_type, [SetInterval(queue_id, each)]) for each in (2 * interval, interval)],
        [
            *(OneCall(queue_type, [SetInterval(queue_id, each)]) for each in (0, interval)),
            OneCall(queue_type, [Take(1, LONG_LEASE_TIME)]),
        ],
        [Settle(queue_type, [(Pick(Manner.OWN, 1), Release)])],
        [OneCall(queue_type, [NewJob(queue_id, job_id, b"", interval)]) for job_id in JOB_IDS[3:5]],
    ]
    return Tie(queue_type, interval, draw(st.sampled_from(meanwhile)))


advances_to = st.builds(AdvanceTo, st.integers(0, 5), earlies)
steps: st.SearchStrategy[Step] = st.one_of(
    *ITEMS.values(),
    ITEMS[NewJob],
    ITEMS[Take],
    ITEMS[Finish],
    st.builds(Fill, types, queue_ids, intervals, requeue_limits, some),
    st.builds(Repeat, types, some, st.sampled_from(["one", "t+w.o"]), st.booleans(), earlies),
    st.builds(RepeatInVain, types, queue_ids, st.sampled_from(["one", "t+w.o"])),
    st.builds(Work, types, some, st.booleans()),
    st.builds(FinishAgain, types, some, receipt_times, st.booleans(), earlies),
    st.builds(HandBack, types, some),
    refills(),
    ties(),
    st.builds(LetExpire, types, some, st.booleans()),
    st.builds(
        LetMany, types, queue_ids, requeue_limits, st.sampled_from([3, 3, 3, 5, MAX_ENDED + 10])
    ),
    st.builds(Advance, st.sampled_from([1, 5, 10, 49, 50, 51, 200, 1000, 60_000, 600_000])),
    advances_to,
    advances_to,
    st.builds(LookLater, types, queue_ids, st.sampled_from([9, 9, 10])),
    st.builds(StartWatching, types),
    st.builds(StopWatching, types),
)
