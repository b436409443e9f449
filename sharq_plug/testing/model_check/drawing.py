"""How steps are drawn: few names, so that they meet; equal instants; what matters most, most often.

One strategy draws every step, so that no sequence goes without jobs, as many do where each step
is a rule and Hypothesis leaves some rules out.
"""

from hypothesis import strategies as st

from sharq_plug.model import NewJob
from sharq_plug.testing.model_check.moves import (
    LONG_LEASE,
    SHORT_LEASE,
    Fill,
    FinishAgain,
    HandBack,
    LetExpire,
    LookLater,
    ReclaimOne,
    Refill,
    Repeat,
    Tie,
    Work,
)
from sharq_plug.testing.model_check.steps import (
    Advance,
    AdvanceTo,
    Clear,
    Dequeue,
    Enqueue,
    Finish,
    Leave,
    Look,
    Reclaim,
    Release,
    SetInterval,
    Step,
    Watch,
)
from sharq_plug.testing.model_check.walk import (
    JOB_IDS,
    QUEUE_IDS,
    RECEIPT_TIME,
    TYPES,
    Manner,
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
manners = st.sampled_from([Manner.OWN, Manner.OWN, *Manner])
picks = st.lists(st.tuples(manners, st.integers(0, 5)), min_size=1, max_size=3)
earlies = st.sampled_from([0, 0, 1, -1])
receipt_times = st.sampled_from([RECEIPT_TIME, RECEIPT_TIME, 0, 50, 1000])
attempt_ids = st.sampled_from([None, None, None, "one", "t+w.o"])


@st.composite
def refills(draw: st.DrawFn) -> Refill:
    """Draw a refill, with what may make a store forget the rate of a queue that went."""
    queue_type, queue_id = draw(types), draw(queue_ids)
    interval = draw(st.sampled_from([1, 10, 50]))
    refused = NewJob(queue_id, JOB_IDS[1], b"", interval, max_queued_length=0)
    meanwhile: list[Step] = [
        Clear(queue_type, queue_id, purge=True),
        Clear(queue_type, queue_id, purge=False),
        Enqueue(queue_type, [refused]),
        SetInterval(queue_type, queue_id, 0),
        Reclaim(queue_type, 100),
        ReclaimOne(queue_type, QUEUE_IDS[-1]),
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
        [SetInterval(queue_type, queue_id, each) for each in (2 * interval, interval)],
        [Release(queue_type, [(Manner.OWN, 1)])],
        [Enqueue(queue_type, [NewJob(queue_id, job_id, b"", interval)]) for job_id in JOB_IDS[3:5]],
    ]
    return Tie(queue_type, interval, draw(st.sampled_from(meanwhile)))


enqueues = st.builds(Enqueue, types, st.lists(new_jobs, min_size=1, max_size=4))
fills = st.builds(Fill, types, queue_ids, intervals, requeue_limits, some)
counts = st.sampled_from([1, 1, 2, 5, 1000])
dequeues = st.builds(
    Dequeue, types, counts, st.sampled_from([1, SHORT_LEASE, 100, LONG_LEASE]), attempt_ids
)
advances_to = st.builds(AdvanceTo, st.integers(0, 5), earlies)
steps: st.SearchStrategy[Step] = st.one_of(
    enqueues,
    enqueues,
    fills,
    dequeues,
    dequeues,
    st.builds(Repeat, types, some, st.sampled_from(["one", "t+w.o"]), st.booleans(), earlies),
    st.builds(Work, types, some, st.booleans()),
    st.builds(FinishAgain, types, some, receipt_times, st.booleans(), earlies),
    st.builds(HandBack, types, some),
    refills(),
    ties(),
    st.builds(LetExpire, types, some),
    st.builds(Finish, types, picks, receipt_times),
    st.builds(Finish, types, picks, receipt_times),
    st.builds(Release, types, picks),
    st.builds(Reclaim, types, limits),
    st.builds(SetInterval, types, queue_ids, intervals),
    st.builds(Clear, types, queue_ids, st.booleans()),
    st.builds(Advance, st.sampled_from([1, 5, 10, 49, 50, 51, 200, 1000, 60_000, 600_000])),
    advances_to,
    advances_to,
    st.builds(Look, types, queue_ids, limits),
    st.builds(LookLater, types, queue_ids, st.sampled_from([9, 9, 10])),
    st.builds(Watch, types),
    st.builds(Leave, types),
)
