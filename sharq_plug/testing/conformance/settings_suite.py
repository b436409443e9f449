"""The conformance classes of settings, limits and costs, in one."""

from sharq_plug.testing.conformance.bringing import NoIntervalConformance, SetIntervalConformance
from sharq_plug.testing.conformance.changing_limits import LimitChangeConformance
from sharq_plug.testing.conformance.correcting import CorrectionConformance
from sharq_plug.testing.conformance.correction_claims import (
    CorrectionBoundConformance,
    CorrectionClaimConformance,
)
from sharq_plug.testing.conformance.costs import (
    BroughtIntervalCostConformance,
    CostConformance,
    SeveralLimitsConformance,
)
from sharq_plug.testing.conformance.default_changes import (
    DefaultDebtConformance,
    PendingConformance,
)
from sharq_plug.testing.conformance.default_precedence import (
    DefaultPrecedenceConformance,
    PresentDefaultsConformance,
)
from sharq_plug.testing.conformance.default_walks import DefaultWalkConformance
from sharq_plug.testing.conformance.empty_defaults import EmptyQueueDefaultsConformance
from sharq_plug.testing.conformance.empty_queues import EmptyQueueLookConformance
from sharq_plug.testing.conformance.forgetting_debts import DebtForgettingConformance
from sharq_plug.testing.conformance.heads import HeadBoundConformance, HeadConformance
from sharq_plug.testing.conformance.kept_settings import KeptSettingsConformance
from sharq_plug.testing.conformance.limit_walks import LimitWalkConformance
from sharq_plug.testing.conformance.limits import LimitConformance
from sharq_plug.testing.conformance.limits_and_clocks import LimitClockConformance
from sharq_plug.testing.conformance.matching_limits import (
    LimitChangePlaceConformance,
    LimitMatchConformance,
)
from sharq_plug.testing.conformance.matching_tags import TagConformance
from sharq_plug.testing.conformance.max_lengths import MaxLengthConformance
from sharq_plug.testing.conformance.patching import SettingsConformance
from sharq_plug.testing.conformance.precedence import PrecedenceConformance
from sharq_plug.testing.conformance.taking_up import TakingUpConformance, TakingUpOrderConformance
from sharq_plug.testing.conformance.tended_defaults import TendedDefaultsConformance
from sharq_plug.testing.conformance.type_defaults import (
    DefaultTagConformance,
    NewQueueDefaultsConformance,
    TypeSettingsConformance,
)


class SettingsAndLimitsConformance(  # pytest runs the tests of the last base first
    DefaultWalkConformance,
    EmptyQueueDefaultsConformance,
    DefaultDebtConformance,
    PendingConformance,
    HeadBoundConformance,
    HeadConformance,
    TendedDefaultsConformance,
    TakingUpOrderConformance,
    TakingUpConformance,
    PresentDefaultsConformance,
    DefaultPrecedenceConformance,
    NewQueueDefaultsConformance,
    DefaultTagConformance,
    TypeSettingsConformance,
    TagConformance,
    LimitClockConformance,
    EmptyQueueLookConformance,
    DebtForgettingConformance,
    MaxLengthConformance,
    KeptSettingsConformance,
    SettingsConformance,
    NoIntervalConformance,
    SetIntervalConformance,
    PrecedenceConformance,
    LimitChangePlaceConformance,
    LimitMatchConformance,
    LimitChangeConformance,
    LimitWalkConformance,
    CorrectionBoundConformance,
    CorrectionClaimConformance,
    CorrectionConformance,
    BroughtIntervalCostConformance,
    SeveralLimitsConformance,
    CostConformance,
    LimitConformance,
):
    """Hold a store to what its contract says of settings, limits and costs."""
