"""How steps are drawn: single calls, and moves of several; equal instants come often.

One strategy draws every step, so that no sequence goes without jobs, as many do where each step is
a rule and Hypothesis leaves some rules out.
"""

from hypothesis import strategies as st

from sharq_plug.model import (
    ALL_STATES,
    MAX_ENDED,
    MAX_JOINS,
    Clear,
    DropLimit,
    Finish,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    Release,
    SetInterval,
    Take,
)
from sharq_plug.testing.model_check.drawing import (
    ITEMS,
    earlies,
    extra_fields,
    intervals,
    is_gated,
    is_limited,
    is_plain,
    is_shared,
    names_of_queues,
    queue_ids,
    receipt_times,
    requeue_limits,
    some,
    types,
)
from sharq_plug.testing.model_check.drawn_letters import letter_moves
from sharq_plug.testing.model_check.drawn_limits import limit_steps, type_steps
from sharq_plug.testing.model_check.drawn_shared import shared_steps
from sharq_plug.testing.model_check.job_moves import CancelKeyed, CancelLetters, LetGo, TakeOf
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
from sharq_plug.testing.model_check.steps import (
    Advance,
    AdvanceTo,
    ClearOut,
    OneCall,
    Settle,
    StartWatching,
    Step,
    StopWatching,
    TendOnce,
)
from sharq_plug.testing.model_check.timed_moves import (
    ComeDue,
    ComeDueTogether,
    FailOften,
    KeepLonger,
    Outlive,
    Ranked,
    SameKey,
)
from sharq_plug.testing.model_check.values import (
    REQUEUE_DELAYS,
)
from sharq_plug.testing.model_check.walk import (
    JOB_IDS,
    QUEUE_IDS,
    Manner,
    Pick,
)


@st.composite
def refills(draw: st.DrawFn) -> Refill:
    """Draw a refill, with what may make a store forget the rate of a queue that went."""
    queue_type, queue_id = draw(types), draw(queue_ids)
    interval = draw(st.sampled_from([1, 10, 50]))
    refused = NewJob(queue_id, JOB_IDS[1], b"", interval, max_queued_length=0)
    meanwhile: list[Step] = [
        ClearOut(queue_type, Clear(queue_id, ALL_STATES, counts=True), 100),
        ClearOut(queue_type, Clear(queue_id), 100),
        OneCall(queue_type, [refused]),
        OneCall(queue_type, [SetInterval(queue_id, 0)]),
        TendOnce(100),
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


advances_to: st.SearchStrategy[Step] = st.builds(AdvanceTo, st.integers(0, 5), earlies)
MANY = MAX_JOINS + 3
"""More due jobs than a call lets join. They take their time, so they come seldom."""
sizes = st.sampled_from([3, 3, 5, MANY])
ttls = st.sampled_from([1, 20, 50])
ranked: st.SearchStrategy[Step] = st.builds(
    Ranked,
    types,
    queue_ids,
    st.lists(extra_fields["priority"], min_size=2, max_size=5),
    st.sampled_from([0, 0, 10]),
)
timed_moves: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        ComeDue,
        types,
        queue_ids,
        st.sampled_from([1, 10, 50]),
        st.booleans(),
        st.booleans(),
        earlies,
    ),
    ranked,
    ranked,
    st.builds(
        Outlive,
        types,
        queue_ids,
        st.sampled_from([0, 0, 10]),
        ttls,
        st.sampled_from(["release", "fail", "expires", "keeps", "waits"]),
        earlies,
    ),
    st.builds(
        FailOften,
        types,
        queue_ids,
        st.sampled_from(REQUEUE_DELAYS),
        st.sampled_from([-1, 1, 2, 9]),
        earlies,
    ),
    st.builds(
        KeepLonger,
        types,
        queue_ids,
        some,
        st.sampled_from([0, 5, SHORT_LEASE_TIME]),
        st.sampled_from([1, 10, 50]),
        st.booleans(),
        earlies,
    ),
    st.builds(
        SameKey,
        types,
        queue_ids,
        st.sampled_from([10, 50]),
        st.sampled_from(["stay", "finish", "finish", "fail", "clear", "refuse"]),
        earlies,
    ),
    st.builds(ComeDueTogether, types, st.just(QUEUE_IDS[-2:]), sizes, st.booleans()),
)


job_moves: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        CancelKeyed, types, queue_ids, st.sampled_from([10, 50]), st.booleans(), st.booleans()
    ),
    st.builds(CancelLetters, types, queue_ids),
    st.builds(
        LetGo,
        types,
        queue_ids,
        st.sampled_from([0, 0, 1, 2]),
        st.sampled_from([None, 0, 0, 1]),
        st.sampled_from([None, None, 0, 10]),
        ttls,
        st.booleans(),
        earlies,
    ),
)
takes_of: st.SearchStrategy[Step] = st.builds(
    TakeOf,
    types,
    st.just(QUEUE_IDS[1:3]),
    st.sampled_from([0, 0, 10]),
    st.sampled_from([None, *names_of_queues[1:]]),
    st.sampled_from([1, 2, 3]),
    st.booleans(),
)


@st.composite
def timed_steps(draw: st.DrawFn) -> Step:
    """Draw a move around the times of jobs or by their ids, where the sequence is not plain."""
    return draw(advances_to if draw(is_plain) else st.one_of(timed_moves, timed_moves, job_moves))


OF_SETTINGS = {PatchQueue, PatchType, PatchLimit, DropLimit}
plain_steps: st.SearchStrategy[Step] = st.one_of(
    *(step for kind, step in ITEMS.items() if kind not in OF_SETTINGS),
    ITEMS[NewJob],
    ITEMS[Take],
    ITEMS[Finish],
    st.builds(Fill, types, queue_ids, intervals, requeue_limits, some),
    st.builds(Repeat, types, some, st.sampled_from(["one", "t+w.o"]), st.booleans(), earlies),
    st.builds(RepeatInVain, types, queue_ids, st.sampled_from(["one", "t+w.o"])),
    st.builds(Work, types, some, st.booleans()),
    st.builds(FinishAgain, types, some, receipt_times, st.booleans(), earlies),
    st.builds(HandBack, types, some, st.booleans()),
    refills(),
    ties(),
    st.builds(LetExpire, types, some, st.booleans()),
    st.builds(
        LetMany, types, queue_ids, requeue_limits, st.sampled_from([3, 3, 3, 5, MAX_ENDED + 10])
    ),
    st.builds(Advance, st.sampled_from([1, 5, 10, 49, 50, 51, 200, 1000, 60_000, 600_000])),
    advances_to,
    advances_to,
    timed_steps(),
    timed_steps(),
    timed_steps(),
    timed_steps(),
    letter_moves,
    letter_moves,
    letter_moves,
    takes_of,
    st.builds(LookLater, types, queue_ids, st.sampled_from([9, 9, 10])),
    st.builds(StartWatching, types),
    st.builds(StopWatching, types),
)


@st.composite
def drawn_steps(draw: st.DrawFn) -> Step:
    """Draw a step, at times one around settings if the sequence changes any."""
    if draw(is_shared) and draw(st.sampled_from([True, False, False])):
        return draw(shared_steps)
    if draw(is_limited) and draw(st.sampled_from([True, False, False])):
        of_types = draw(is_gated) and draw(st.booleans())
        return draw(type_steps if of_types else limit_steps)
    return draw(plain_steps)


steps = drawn_steps()
