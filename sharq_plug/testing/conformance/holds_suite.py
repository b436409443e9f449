"""The conformance classes of what holds queues, in one."""

from sharq_plug.testing.conformance.closed_limiters import (
    ClosedLimiterConformance,
    LimiterHeldByConformance,
)
from sharq_plug.testing.conformance.foreseen_histories import EarliestHistoryConformance
from sharq_plug.testing.conformance.foreseen_jobs import (
    EarliestConformance,
    EarliestOrderConformance,
    NeverForeseenConformance,
)
from sharq_plug.testing.conformance.freezing import FreezeConformance, WorkerFreezeConformance
from sharq_plug.testing.conformance.full_queues import (
    ConcurrencyHoldConformance,
    FreedConcurrencyConformance,
    FreedPlaceConformance,
)
from sharq_plug.testing.conformance.gate_settings import (
    GateSettingsConformance,
    TypeFreezeConformance,
    TypeTagConformance,
)
from sharq_plug.testing.conformance.gate_walks import GateWalkConformance
from sharq_plug.testing.conformance.gates import (
    GateConformance,
    GateHeldByConformance,
    GatePlaceConformance,
)
from sharq_plug.testing.conformance.held_looks import HeldListingConformance, HeldLookConformance
from sharq_plug.testing.conformance.held_places import EventPlaceConformance, HeldPlaceConformance
from sharq_plug.testing.conformance.held_wakes import HeldNextReadyConformance, HeldWakeConformance
from sharq_plug.testing.conformance.holding import (
    HeldByConformance,
    JobHeldByConformance,
    SeveralHoldsConformance,
)
from sharq_plug.testing.conformance.limiter_freezes import LimiterFreezeConformance
from sharq_plug.testing.conformance.limiter_leases import LimiterConcurrencyConformance
from sharq_plug.testing.conformance.limiter_limits import (
    LimiterCorrectionConformance,
    LimiterDebtConformance,
    LimiterLimitConformance,
)
from sharq_plug.testing.conformance.limiter_next_ready import LimiterNextReadyConformance
from sharq_plug.testing.conformance.limiter_wakes import LimiterWakeConformance
from sharq_plug.testing.conformance.pausing import PauseConformance, PausedConformance
from sharq_plug.testing.conformance.turns import (
    NamedTurnConformance,
    TurnConformance,
    WeightConformance,
)


class HoldConformance(  # pytest runs the tests of the last base first
    GateWalkConformance,
    LimiterFreezeConformance,
    TypeFreezeConformance,
    TypeTagConformance,
    GateSettingsConformance,
    LimiterWakeConformance,
    LimiterNextReadyConformance,
    LimiterConcurrencyConformance,
    LimiterCorrectionConformance,
    LimiterDebtConformance,
    LimiterLimitConformance,
    LimiterHeldByConformance,
    ClosedLimiterConformance,
    GateHeldByConformance,
    GatePlaceConformance,
    GateConformance,
    HeldListingConformance,
    HeldLookConformance,
    EarliestHistoryConformance,
    NeverForeseenConformance,
    EarliestOrderConformance,
    EarliestConformance,
    HeldWakeConformance,
    HeldNextReadyConformance,
    EventPlaceConformance,
    HeldPlaceConformance,
    JobHeldByConformance,
    HeldByConformance,
    SeveralHoldsConformance,
    WorkerFreezeConformance,
    FreezeConformance,
    PausedConformance,
    PauseConformance,
    NamedTurnConformance,
    TurnConformance,
    WeightConformance,
    FreedPlaceConformance,
    FreedConcurrencyConformance,
    ConcurrencyHoldConformance,
):
    """Hold a store to what its contract says of holds, turns and places."""
