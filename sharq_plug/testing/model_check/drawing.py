"""How steps are drawn: few names, so that they meet; equal instants; what matters most, most often.

`ITEMS` has a strategy for each type of item. One strategy draws every step, so that no sequence
goes without jobs, as many do where each step is a rule and Hypothesis leaves some rules out.
"""

from hypothesis import strategies as st

from sharq_plug.model import MAX_ENDED, Finish, NewJob, Release, SetInterval, Take
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
from sharq_plug.testing.model_check.walk import (
    JOB_IDS,
    QUEUE_IDS,
    RECEIPT_TIME,
    TYPES,
    Manner,
    Pick,
)

types = st.sampled_from([TYPES[0], TYPES[0], TYPES[0], TYPES[1]])
queue_ids = st.sampled_from([*QUEUE_IDS[:1] * 4, *QUEUE_IDS[:2] * 2, *QUEUE_IDS])
intervals = st.sampled_from([0, 0, 0, 1, 10, 10, 50, 50, 70, 1000, 10**12])
requeue_limits = st.sampled_from([-1, 0, 0, 1, 2])
limits = st.sampled_from([1, 2, 100])
some = st.integers(1, 4)
new_jobs = st.builds(
    NewJob,
    queue_ids,
    st.sampled_from(JOB_IDS),
    st.sampled_from([b"1", b"", bytes(range(256))]),
    intervals,
    requeue_limits,
    st.sampled_from([None, None, None, 0, 1, 3]),
)
counts = st.sampled_from([1, 1, 2, 5, 1000])
lease_times = st.sampled_from([1, SHORT_LEASE_TIME, 100, LONG_LEASE_TIME])
takes = st.builds(Take, counts, lease_times, st.sampled_from([None, None, None, "one", "t+w.o"]))
picks = st.builds(Pick, st.sampled_from([Manner.OWN, Manner.OWN, *Manner]), st.integers(0, 5))
earlies = st.sampled_from([0, 0, 1, -1])
receipt_times = st.sampled_from([RECEIPT_TIME, RECEIPT_TIME, 0, 50, 1000])
finishes = st.tuples(picks, receipt_times)
releases = st.tuples(picks, st.none())


def settling(settlements: st.SearchStrategy[tuple[Pick, int | None]]) -> st.SearchStrategy[Step]:
    """Draw a call of up to three settlements."""
    return st.builds(Settle, types, st.lists(settlements, min_size=1, max_size=3))


ITEMS: dict[type, st.SearchStrategy[Step]] = {
    NewJob: st.builds(OneCall, types, st.lists(new_jobs, min_size=1, max_size=4)),
    Take: st.builds(OneCall, types, st.lists(takes, min_size=1, max_size=2)),
    Finish: settling(finishes),
    Release: settling(st.one_of(releases, releases, finishes)),
    SetInterval: st.builds(
        OneCall,
        types,
        st.lists(st.builds(SetInterval, queue_ids, intervals), min_size=1, max_size=2),
    ),
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
        [Settle(queue_type, [(Pick(Manner.OWN, 1), None)])],
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
