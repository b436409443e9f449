"""How moves around shared limits are drawn."""

from hypothesis import strategies as st

from sharq_plug.model import MAX_MOVES, DropLimit, Limit, PatchLimit, SettingsPatch
from sharq_plug.testing.model_check.drawing import (
    ITEMS,
    drawn_patches,
    earlies,
    limits,
    listings_of_limits,
    types,
)
from sharq_plug.testing.model_check.drawn_limits import (
    actuals,
    costs,
    maybe_limits,
    queues,
    some_costs,
)
from sharq_plug.testing.model_check.shared_moves import (
    CloseShared,
    CountDown,
    MatchLimitTags,
    Names,
    PayShared,
    Sharers,
    TwoLimits,
)
from sharq_plug.testing.model_check.steps import FollowListing, Step
from sharq_plug.testing.model_check.use_moves import BringNames, ChangeUses, DropUsed, Throng
from sharq_plug.testing.model_check.values import OF_A_GATE, USED
from sharq_plug.testing.model_check.walk import LIMIT_NAMES, QUEUE_IDS

names = st.sampled_from(LIMIT_NAMES)
some_uses: list[Names] = [(), ("x",), ("x",), ("y",), ("x", "y"), ("x-",), ("x", "x-")]
maybe_uses = st.sampled_from([None, *some_uses])


@st.composite
def drawn_sharers(draw: st.DrawFn, *uses: Names) -> Sharers:
    """Draw queues that use these, and one more of any uses at times."""
    found = [*uses, *draw(st.lists(st.sampled_from(some_uses), max_size=2))]
    shuffled = draw(st.permutations(QUEUE_IDS))
    return Sharers(draw(types), dict(zip(shuffled, found, strict=False)))


of_one = drawn_sharers(("x",))
of_two = st.one_of(drawn_sharers(("x",), ("x",)), drawn_sharers(("x",), ("x", "y")))
of_both = st.one_of(
    drawn_sharers(("x", "y"), ("x",)),
    drawn_sharers(("x", "y"), ()),
    drawn_sharers(("x", "y"), ("y",), ("x", "x-")),
)
patches = st.sampled_from([SettingsPatch(), SettingsPatch(), SettingsPatch(concurrency=1)])
some_patches = st.one_of(patches, st.builds(SettingsPatch, limits=maybe_limits))
sizes = st.sampled_from([2, 3] * 6 + [MAX_MOVES + 2])
"""The last one takes its time, so it comes seldom."""
brought = st.sampled_from([None, *USED])
shared_moves: st.SearchStrategy[Step] = st.one_of(
    *[
        st.builds(
            PayShared,
            of_two,
            st.just("x"),
            maybe_limits,
            st.sampled_from([None, None, 1, 2]),
            some_costs,
            st.sampled_from(["finish"] * 4 + ["fail", "release", "freeze", "expire", "lift"]),
            actuals,
            st.sampled_from([False, False, True]),
            st.booleans(),
            earlies,
        )
    ]
    * 3,
    *[
        st.builds(
            CloseShared,
            of_two,
            st.sampled_from(["x", "x", "y"]),
            st.sampled_from(["pause", "full", "count", "worker", "freeze"]),
            st.booleans(),
            st.booleans(),
            earlies,
        )
    ]
    * 2,
    *[
        st.builds(
            TwoLimits,
            of_both,
            st.sampled_from([("x", "y"), ("y", "x")]),
            st.tuples(some_patches, some_patches),
            st.sampled_from([[1], [1, 1], [2], [5]]),
            st.booleans(),
            earlies,
        )
    ]
    * 2,
    st.builds(
        CountDown,
        of_one,
        st.just("x"),
        st.tuples(st.sampled_from([0, 1, 2, 4]), st.sampled_from([0, 1, 3])),
        st.tuples(st.sampled_from([10, 50]), st.sampled_from([5, 50, 70])),
        st.sampled_from(["job", "job", "token"]),
        costs,
        actuals,
        earlies,
    ),
    st.builds(
        MatchLimitTags,
        of_one,
        names,
        st.lists(drawn_patches(*OF_A_GATE), min_size=2, max_size=2),
    ),
    st.builds(
        DropUsed,
        of_one,
        names,
        st.sampled_from(["settings", "defaults", "taken up", "brought", "lease"]),
    ),
    st.builds(
        BringNames,
        queues,
        st.tuples(brought, brought),
        st.sampled_from([None, None, (), ("x",)]),
        st.booleans(),
        st.booleans(),
    ),
    *[
        st.builds(
            ChangeUses,
            of_two,
            maybe_uses,
            maybe_uses,
            names,
            st.sampled_from(["settings", "tend", "finish", "enqueue", ""]),
            st.booleans(),
        )
    ]
    * 2,
    st.builds(Throng, types, sizes, st.sampled_from([(), (Limit(1, 50),)])),
)
shared_steps: st.SearchStrategy[Step] = st.one_of(
    *[shared_moves] * 2,
    *[ITEMS[PatchLimit]] * 2,
    ITEMS[DropLimit],
    st.builds(FollowListing, types, listings_of_limits, limits),
)
"""What comes only in sequences with shared limits."""
