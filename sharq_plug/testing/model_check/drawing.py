"""How single calls are drawn, from the values of `values`; what matters most, most often.

`ITEMS` has a strategy for each type of item.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from hypothesis import strategies as st

from sharq_plug.model import (
    Amendment,
    Backlogs,
    Clear,
    Discard,
    Extras,
    Fail,
    Figures,
    Finish,
    JobRef,
    Jobs,
    JobState,
    KnownTypes,
    LeaseRef,
    LetterRange,
    LetterRef,
    Letters,
    Listing,
    Names,
    NewJob,
    Overdue,
    PatchLimit,
    PatchQueue,
    PatchType,
    Queues,
    Redrive,
    Release,
    Reschedule,
    SetInterval,
    Setting,
    SettingsPatch,
    Settlement,
    SharedLimits,
    Take,
    Types,
)
from sharq_plug.testing.model_check.moves import (
    LONG_LEASE_TIME,
    SHORT_LEASE_TIME,
)
from sharq_plug.testing.model_check.operations import (
    ClearStep,
    DiscardRange,
    Item,
    Look,
    PageStep,
    RedriveRange,
    Tend,
)
from sharq_plug.testing.model_check.steps import (
    ClearOut,
    FollowListing,
    OneCall,
    Settle,
    Step,
    TendOnce,
)
from sharq_plug.testing.model_check.values import (
    AMENDMENTS,
    EXTRAS,
    FREEZE_LIMITS,
    INSTANTS,
    INTERVALS,
    NEW_JOB,
    OF_A_GATE,
    OF_DEFAULTS,
    PATCH,
    SETTINGS,
    SETTLEMENTS,
    STATES,
    USED,
    USES,
    Fields,
)
from sharq_plug.testing.model_check.walk import (
    LIMIT_NAMES,
    QUEUE_IDS,
    TYPES,
    Manner,
    Pick,
)

types = st.sampled_from([TYPES[0], TYPES[0], TYPES[0], TYPES[1]])


def sampled(fields: Fields) -> dict[str, st.SearchStrategy[Any]]:
    """Draw a value for each field."""
    return {name: st.sampled_from(values) for name, values in fields.items()}


is_limited = st.shared(st.booleans(), key="is_limited")
"""Whether a sequence changes settings: one for all of its steps."""


is_gated = st.shared(st.booleans(), key="is_gated")
"""Whether such a sequence changes settings of types too."""
may_share = st.shared(st.booleans(), key="is_shared")


@st.composite
def drawn_sharing(draw: st.DrawFn) -> bool:
    """Draw whether a sequence that changes settings has shared limits too."""
    return draw(is_limited) and draw(may_share)


is_shared = drawn_sharing()


@st.composite
def drawn_intervals(draw: st.DrawFn) -> int | None:
    """Draw what an enqueue brings: nothing, at times, where settings may have limits."""
    return draw(st.sampled_from([None, None, None, *INTERVALS] if draw(is_limited) else INTERVALS))


new_job_fields = {**sampled(NEW_JOB), "interval": drawn_intervals()}
queue_ids, intervals = new_job_fields["queue_id"], new_job_fields["interval"]
requeue_limits = new_job_fields["requeue_limit"]
is_plain = st.shared(st.sampled_from([True, False, False]), key="is_plain")
"""Whether a sequence goes without extras: one for all of its steps."""
extra_fields = sampled(EXTRAS)


@st.composite
def drawn_extras(draw: st.DrawFn) -> Extras | None:
    """Draw the extras of a job: none for most, and seldom more than a few of them."""
    uses = draw(st.sampled_from([None, *USED])) if draw(is_shared) else None
    if draw(is_plain) or draw(st.sampled_from([True, True, False])):
        return None if uses is None else Extras(uses=uses)
    names = draw(st.lists(st.sampled_from(sorted(EXTRAS)), min_size=1, max_size=4, unique=True))
    fields = {name: draw(extra_fields[name]) for name in names}
    if fields.get("at") is not None:
        fields.pop("delay", None)
    return Extras(**fields, uses=uses)


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
some_queue_ids = st.one_of(st.none(), queue_ids)
letter_refs = st.one_of(jobs, st.builds(LetterRef, st.integers(1, 8), some_queue_ids))
letter_ranges = st.builds(LetterRange, some_queue_ids, st.integers(0, 4))
states = st.sampled_from(STATES)
clears = st.one_of(
    st.builds(Clear, queue_ids, states, st.booleans()), st.builds(Clear, st.none(), states)
)
listings_of_a_type: st.SearchStrategy[Listing] = st.one_of(
    st.just(Names()),
    st.builds(Queues, st.sampled_from(["", "", "a", "a-", "z"])),
    st.just(Overdue()),
    st.just(Backlogs()),
    st.builds(Jobs, queue_ids, st.sampled_from(JobState), st.booleans()),
    st.builds(Letters, some_queue_ids),
)
listings_of_limits = st.builds(SharedLimits, st.sampled_from([None, None, *LIMIT_NAMES, "no"]))
listings_of_types: st.SearchStrategy[Listing] = st.sampled_from(
    [Names(), Types(), KnownTypes(), Figures((*TYPES, "no"))]
)
picks = st.builds(Pick, st.sampled_from([Manner.OWN, Manner.OWN, *Manner]), st.integers(0, 5))
earlies = st.sampled_from([0, 0, 1, -1])
receipt_times = st.sampled_from(SETTLEMENTS[Finish]["receipt_time"])
Settled: TypeAlias = Callable[[LeaseRef], Settlement]


@st.composite
def drawn_settlement(draw: st.DrawFn, kind: type[Settlement], fields: Fields) -> Settled:
    """Draw a settlement of a kind, as a function of its lease."""
    drawn = {name: draw(values) for name, values in sampled(fields).items()}
    if kind in {Release, Fail} and draw(is_shared):
        drawn["freeze_limit"] = draw(st.sampled_from(FREEZE_LIMITS))
    return partial(kind, **drawn)


settlements: Mapping[type[Settlement], st.SearchStrategy[Settled]] = {
    kind: drawn_settlement(kind, fields) for kind, fields in SETTLEMENTS.items()
}
"""How a settlement of each kind is drawn: as a function of the lease that it settles."""


def settling(*made: st.SearchStrategy[Settled]) -> st.SearchStrategy[Step]:
    """Draw a call of up to three settlements."""
    settled = st.tuples(picks, st.one_of(made))
    return st.builds(Settle, types, st.lists(settled, min_size=1, max_size=3))


@st.composite
def drawn_patches(draw: st.DrawFn, *names: str) -> SettingsPatch:
    """Draw a change of some of the settings of these names; at times all are taken back."""
    uses: dict[str, Any] = {}
    if "weight" in names and draw(is_shared):
        uses = draw(st.sampled_from([{}, *({"uses": names} for names in USES)]))
    if draw(st.sampled_from([True, False, False, False])):
        return SettingsPatch(**{**dict.fromkeys(names), **uses})
    chosen = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    return SettingsPatch(**{name: draw(st.sampled_from(PATCH[name])) for name in chosen}, **uses)


def setting(kind: type[Setting], fields: Fields) -> st.SearchStrategy[Step]:
    """Draw a call of up to two settings."""
    parts: dict[str, st.SearchStrategy[Any]] = sampled(fields)
    if kind in {SetInterval, PatchQueue}:
        parts["queue_id"] = queue_ids
    if kind is PatchLimit:
        parts["patch"] = drawn_patches(*OF_A_GATE)
    if kind is PatchQueue:
        parts["patch"] = drawn_patches(*PATCH)
    if kind is PatchType:
        parts["patch"] = drawn_patches(*OF_A_GATE)
        parts["defaults"] = drawn_patches(*OF_DEFAULTS)
    changes = st.builds(kind, **parts)
    return st.builds(OneCall, types, st.lists(changes, min_size=1, max_size=2))


@st.composite
def amending(draw: st.DrawFn, kind: type[Amendment], fields: Fields) -> Step:
    """Draw a call of up to two amendments."""
    changes: list[Item] = []
    for _ in range(draw(st.integers(1, 2))):
        drawn = {name: draw(values) for name, values in sampled(fields).items()}
        named: st.SearchStrategy[Any] = letter_refs if kind in {Redrive, Discard} else jobs
        if kind is Reschedule:
            [name] = draw(st.sampled_from([["delay"], ["at"]]))
            drawn[name] = draw(st.sampled_from(INSTANTS[name]))
        changes.append(kind(draw(named), **drawn))
    return OneCall(draw(types), changes)


def ranging(kind: type[RedriveRange] | type[DiscardRange]) -> st.SearchStrategy[Step]:
    """Draw a redrive or a discard of a range."""
    step = st.builds(kind, letter_ranges, limits)
    return st.builds(OneCall, types, st.lists(step, min_size=1, max_size=1))


ITEMS: dict[type, st.SearchStrategy[Step]] = {
    NewJob: st.builds(OneCall, types, st.lists(new_jobs, min_size=1, max_size=4)),
    Take: st.builds(OneCall, types, st.lists(takes, min_size=1, max_size=2)),
    **{kind: settling(made, made, settlements[Finish]) for kind, made in settlements.items()},
    **{kind: amending(kind, fields) for kind, fields in AMENDMENTS.items()},
    JobRef: st.builds(OneCall, types, st.lists(jobs, min_size=1, max_size=3)),
    **{kind: setting(kind, fields) for kind, fields in SETTINGS.items()},
    Tend: st.builds(TendOnce, limits),
    ClearStep: st.builds(ClearOut, types, clears, limits),
    RedriveRange: ranging(RedriveRange),
    DiscardRange: ranging(DiscardRange),
    Look: st.one_of(
        st.builds(OneCall, types, st.lists(st.builds(Look, queue_ids), min_size=1, max_size=1)),
        st.builds(OneCall, st.one_of(types, st.none()), st.just([Look()])),
    ),
    PageStep: st.one_of(
        st.builds(FollowListing, types, listings_of_a_type, limits),
        st.builds(FollowListing, types, listings_of_a_type, limits),
        st.builds(FollowListing, st.none(), listings_of_types, limits),
    ),
}
"""How a call of each type of item is drawn."""
