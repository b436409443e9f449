"""How moves around limits, costs and settings are drawn."""

from hypothesis import strategies as st

from sharq_plug.model import MAX_COST, PatchQueue, PatchType, SettingsPatch
from sharq_plug.testing.model_check.drawing import (
    ITEMS,
    drawn_patches,
    earlies,
    queue_ids,
    types,
)
from sharq_plug.testing.model_check.hold_moves import (
    Crowd,
    MatchTags,
    Overfill,
    Rest,
    TakeTurns,
)
from sharq_plug.testing.model_check.limit_moves import (
    ChangeLimits,
    Correct,
    OneQueue,
    PayLimits,
    Precede,
)
from sharq_plug.testing.model_check.steps import Step
from sharq_plug.testing.model_check.type_moves import (
    ChangeDefaults,
    CloseGate,
    MatchTypeTags,
    OneType,
    PassGate,
    RefuseByDefaults,
)
from sharq_plug.testing.model_check.values import (
    ACTUALS,
    LIMITS,
    OF_A_GATE,
    OF_DEFAULTS,
    PATCH,
)
from sharq_plug.testing.model_check.walk import QUEUE_IDS

queues = st.builds(OneQueue, types, queue_ids)
limits = st.sampled_from(LIMITS)
maybe_limits = st.sampled_from([None, *LIMITS])
costs = st.sampled_from(
    [None, None, {"job": 2}, {"token": 3}, {"token": 1, "job": 3}, {"token": MAX_COST}]
)
actuals = st.sampled_from(ACTUALS)
waits = st.sampled_from([0, 0, 5, 7, 10, 30])
ends = st.sampled_from(["finish", "release", "fail", "cancel", "expires", "more"])


@st.composite
def turns(draw: st.DrawFn) -> Step:
    """Draw two queues of a type that take turns."""
    queue_type = draw(types)
    first, second = draw(st.sampled_from([QUEUE_IDS[:2], QUEUE_IDS[1:3], QUEUE_IDS[3:]]))
    return TakeTurns(
        (OneQueue(queue_type, first), OneQueue(queue_type, second)),
        draw(st.tuples(st.sampled_from([2, 3]), st.sampled_from(PATCH["weight"]))),
        draw(st.sampled_from([0, 0, 0, 10])),
        draw(st.sampled_from([[1] * 6, [1] * 6, [2, 1, 2], [3, 2], [7]])),
        draw(st.sampled_from(["", "", "pause", "weight", "release"])),
    )


dear: st.SearchStrategy[Step] = st.builds(
    PayLimits,
    queues,
    st.just(LIMITS[-1]),
    st.just([{"token": MAX_COST}] * 3),
    waits,
    st.booleans(),
    earlies,
)
"""What costs more than one delivery pays."""
cheap: st.SearchStrategy[Step] = st.builds(
    Correct,
    queues,
    st.sampled_from(LIMITS[1:5]),
    st.just(0),
    st.just({"job": 3}),
    st.just({"job": 1}),
    st.sampled_from([20, 30, 50]),
    st.none(),
    earlies,
)
"""What costs less than was paid, when that is earned back."""
crowds: st.SearchStrategy[Step] = st.builds(
    Crowd, queues, st.sampled_from([1, 1, 2]), ends, st.booleans()
)
limit_moves: st.SearchStrategy[Step] = st.one_of(
    crowds,
    crowds,
    dear,
    cheap,
    st.builds(
        PayLimits,
        queues,
        limits,
        st.lists(costs, min_size=2, max_size=4),
        waits,
        st.booleans(),
        earlies,
    ),
    st.builds(
        Correct,
        queues,
        maybe_limits,
        st.sampled_from([0, 50, 50]),
        costs,
        actuals,
        waits,
        st.one_of(st.none(), st.none(), limits),
        earlies,
    ),
    st.builds(
        ChangeLimits,
        queues,
        maybe_limits,
        maybe_limits,
        st.sampled_from([0, 10, 50]),
        waits,
        st.booleans(),
        earlies,
    ),
    st.builds(
        Precede,
        queues,
        limits,
        st.tuples(st.sampled_from([0, 50]), st.sampled_from([0, 20])),
        st.booleans(),
        earlies,
    ),
    turns(),
    st.builds(
        Rest,
        queues,
        st.sampled_from(["pause", "patch", "release", "fail"]),
        st.sampled_from([10, 50]),
        st.booleans(),
        earlies,
    ),
    st.builds(
        MatchTags,
        queues,
        st.lists(drawn_patches(*PATCH), min_size=2, max_size=2),
        st.sampled_from([None, 0, 50]),
    ),
    st.builds(
        Overfill,
        queues,
        st.sampled_from([0, 1, 2, 3]),
        st.sampled_from([1, 2]),
        st.sampled_from([0, 0, 10]),
    ),
)
limit_steps: st.SearchStrategy[Step] = st.one_of(limit_moves, *[ITEMS[PatchQueue]] * 3)
"""What comes only in sequences that change settings."""
two_queues = st.sampled_from([("b", "a"), ("a", "a-"), ("+10", "9")])
types_with_queues = st.builds(OneType, types, two_queues)
some_costs = st.lists(costs, min_size=2, max_size=3)
defaults = drawn_patches(*OF_DEFAULTS)
limiting = st.builds(SettingsPatch, limits=limits, weight=st.sampled_from(PATCH["weight"]))
some_defaults = st.one_of(limiting, limiting, defaults)
ways = st.sampled_from(["enqueue", "finish", "tend", "tend all", "patch", "interval", "", "", ""])
type_moves: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        PassGate,
        types_with_queues,
        maybe_limits,
        st.sampled_from([None, 1, 2]),
        some_costs,
        st.sampled_from(["finish", "fail", "release", "expire", "lift"]),
        st.booleans(),
        earlies,
    ),
    st.builds(
        CloseGate, types_with_queues, st.sampled_from([None, 10, 50]), st.booleans(), earlies
    ),
    st.builds(
        ChangeDefaults,
        types_with_queues,
        some_defaults,
        some_defaults,
        st.one_of(st.just(SettingsPatch()), defaults),
        some_costs,
        waits,
        ways,
        earlies,
    ),
    st.builds(
        RefuseByDefaults,
        types_with_queues,
        some_defaults,
        some_defaults,
        st.sampled_from([None, None, 0]),
    ),
    st.builds(
        MatchTypeTags,
        types,
        st.lists(drawn_patches(*OF_A_GATE), min_size=2, max_size=2),
        st.lists(defaults, min_size=2, max_size=2),
    ),
)
type_steps: st.SearchStrategy[Step] = st.one_of(type_moves, *[ITEMS[PatchType]] * 2)
"""What comes only in sequences that change settings of types too."""
