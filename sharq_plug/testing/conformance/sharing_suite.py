"""The conformance classes of shared limits, in one."""

from sharq_plug.testing.conformance.changing_uses import ChangedUsesConformance
from sharq_plug.testing.conformance.corrected_counts import CorrectedRemainingConformance
from sharq_plug.testing.conformance.counting_down import (
    RemainingConformance,
    SecondRemainingConformance,
)
from sharq_plug.testing.conformance.creating_limits import (
    CreationConformance,
    UnknownLimitConformance,
)
from sharq_plug.testing.conformance.dropping_limits import DropConformance, InUseConformance
from sharq_plug.testing.conformance.limit_freezes import (
    LimitFreezeConformance,
    NotChargedConformance,
)
from sharq_plug.testing.conformance.limit_views import LimitViewConformance
from sharq_plug.testing.conformance.row_entries import EntryConformance
from sharq_plug.testing.conformance.row_heads import RowHeadConformance, RowTurnConformance
from sharq_plug.testing.conformance.row_orders import RowOrderConformance
from sharq_plug.testing.conformance.rows import (
    ClosedRowConformance,
    NamedRowConformance,
    RowConformance,
)
from sharq_plug.testing.conformance.shared_clocks import SharedClockConformance
from sharq_plug.testing.conformance.shared_debts import (
    SharedCorrectionConformance,
    SharedDebtConformance,
)
from sharq_plug.testing.conformance.shared_deeds import SharedDeedConformance
from sharq_plug.testing.conformance.shared_defaults import SharedDefaultsConformance
from sharq_plug.testing.conformance.shared_holding import (
    ClosedLimitConformance,
    SharedHeldByConformance,
)
from sharq_plug.testing.conformance.shared_leases import (
    ChargeConformance,
    SharedConcurrencyConformance,
)
from sharq_plug.testing.conformance.shared_next_ready import (
    SharedNextReadyConformance,
    SharedReadyConformance,
)
from sharq_plug.testing.conformance.shared_paying import SharedLimitConformance
from sharq_plug.testing.conformance.shared_settings import (
    SharedSettingsConformance,
    SharedTagConformance,
)
from sharq_plug.testing.conformance.shared_wakes import (
    ClosedLimitWakeConformance,
    OpenedLimitWakeConformance,
)
from sharq_plug.testing.conformance.shared_walks import SharedWalkConformance
from sharq_plug.testing.conformance.two_limits import MovesConformance, TwoLimitsConformance
from sharq_plug.testing.conformance.using import (
    BroughtUsesConformance,
    RedrivenUsesConformance,
    UsesPrecedenceConformance,
)


class SharingConformance(  # pytest runs the tests of the last base first
    SharedDeedConformance,
    SharedWalkConformance,
    SharedClockConformance,
    SharedDefaultsConformance,
    ClosedLimitWakeConformance,
    OpenedLimitWakeConformance,
    SharedReadyConformance,
    SharedNextReadyConformance,
    MovesConformance,
    TwoLimitsConformance,
    EntryConformance,
    RowTurnConformance,
    RowHeadConformance,
    RowOrderConformance,
    NamedRowConformance,
    ClosedRowConformance,
    RowConformance,
    RedrivenUsesConformance,
    ChangedUsesConformance,
    BroughtUsesConformance,
    UsesPrecedenceConformance,
    CorrectedRemainingConformance,
    SecondRemainingConformance,
    RemainingConformance,
    NotChargedConformance,
    LimitFreezeConformance,
    LimitViewConformance,
    SharedHeldByConformance,
    ClosedLimitConformance,
    ChargeConformance,
    SharedConcurrencyConformance,
    SharedCorrectionConformance,
    SharedDebtConformance,
    SharedLimitConformance,
    InUseConformance,
    DropConformance,
    UnknownLimitConformance,
    CreationConformance,
    SharedTagConformance,
    SharedSettingsConformance,
):
    """Hold a store to what its contract says of shared limits."""
