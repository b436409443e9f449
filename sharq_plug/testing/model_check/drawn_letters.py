"""How moves around dead letters, clearings, listings and totals are drawn."""

from hypothesis import strategies as st

from sharq_plug.model import Deduplicate, Extras, Jobs, JobState, Listing, RequeueDelay, Take
from sharq_plug.testing.model_check.drawing import (
    ITEMS,
    earlies,
    limits,
    listings_of_a_type,
    listings_of_types,
    queue_ids,
    requeue_limits,
    some,
    states,
    types,
)
from sharq_plug.testing.model_check.letter_moves import (
    ClearStates,
    DieTwice,
    ForgetType,
    GrowOld,
    ListMeanwhile,
    MoveLetters,
    RedriveOne,
)
from sharq_plug.testing.model_check.moves import LONG_LEASE_TIME, Fill
from sharq_plug.testing.model_check.operations import ClearStep
from sharq_plug.testing.model_check.steps import OneCall, Step
from sharq_plug.testing.model_check.walk import QUEUE_IDS

two_queues = st.sampled_from([QUEUE_IDS[:2], QUEUE_IDS[2:4], QUEUE_IDS[1::-1]])
extras_of_the_dead = st.builds(
    Extras,
    priority=st.sampled_from([0, 0, 1]),
    ttl=st.sampled_from([None, None, 50, 200]),
    requeue_delay=st.sampled_from([None, None, RequeueDelay(10, 2)]),
    deduplicate=st.sampled_from([None, None, Deduplicate("k", 1000)]),
)
redrives: st.SearchStrategy[Step] = st.builds(
    RedriveOne,
    types,
    two_queues,
    extras_of_the_dead,
    st.sampled_from([-1, 0, 1, 2, 2]),
    st.sampled_from([0, 0, 10, 50]),
    st.sampled_from(["job", "job", "number", "oldest", "elsewhere", "range"]),
    st.sampled_from([False, False, True]),
    st.sampled_from([False, False, True]),
    st.booleans(),
    st.sampled_from([0, 1, 10, 10]),
)


@st.composite
def listings_meanwhile(draw: st.DrawFn) -> Step:
    """Draw a listing, and what happens between its steps: calls on the same queues."""
    queue_type, queue_id = draw(types), draw(queue_ids)
    of = draw(st.sampled_from([queue_type, queue_type, queue_type, None]))
    jobs = st.builds(Jobs, st.just(queue_id), st.sampled_from(JobState))
    listing: Listing = draw(
        listings_of_types if of is None else st.one_of(listings_of_a_type, jobs)
    )
    take = OneCall(queue_type, [Take(1, LONG_LEASE_TIME, queues=(queue_id,))])
    fill = st.builds(Fill, st.just(queue_type), queue_ids, st.just(0), requeue_limits, some)
    meanwhile = st.lists(
        st.one_of(st.just(take), fill, ITEMS[ClearStep], ITEMS[Take]), min_size=1, max_size=5
    )
    filling = Fill(queue_type, queue_id, 0, -1, 5)
    return ListMeanwhile(of, filling, listing, draw(st.sampled_from([1, 1, 2])), draw(meanwhile))


letter_moves: st.SearchStrategy[Step] = st.one_of(
    redrives,
    redrives,
    st.builds(MoveLetters, types, two_queues, st.booleans(), st.booleans(), limits, st.booleans()),
    st.builds(DieTwice, types, queue_ids, st.booleans()),
    st.builds(GrowOld, types, queue_ids, st.integers(2, 5), limits, earlies),
    st.builds(ClearStates, types, queue_ids, states, st.booleans(), limits),
    st.builds(ForgetType, types, queue_ids, st.sampled_from([0, 1, 1])),
    listings_meanwhile(),
    listings_meanwhile(),
)
