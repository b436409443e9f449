"""All of the conformance classes in one."""

from sharq_plug.testing.conformance.aging import (
    LetterAgeConformance,
    LetterCountConformance,
)
from sharq_plug.testing.conformance.amending import AmendedDeadConformance, FreedKeyConformance
from sharq_plug.testing.conformance.batching import BatchConformance
from sharq_plug.testing.conformance.cancelling import (
    CancelConformance,
    CancelledLeaseConformance,
    CancelledPlaceConformance,
)
from sharq_plug.testing.conformance.carrying import CarryConformance, ExtrasConformance
from sharq_plug.testing.conformance.cleared_queues import (
    ClearedLeaseConformance,
    ClearedLetterConformance,
    ClearedPlaceConformance,
    ClearedRateConformance,
)
from sharq_plug.testing.conformance.clearing import ClearConformance, PurgeConformance
from sharq_plug.testing.conformance.clearing_states import (
    ClearCountConformance,
    ClearStepConformance,
    StateClearConformance,
)
from sharq_plug.testing.conformance.clearing_types import (
    ClearedTypeConformance,
    TypeClearConformance,
)
from sharq_plug.testing.conformance.clock_at_zero import ClockAtZeroConformance
from sharq_plug.testing.conformance.clocks import SteppingBackConformance
from sharq_plug.testing.conformance.coming_back import LateReturnConformance
from sharq_plug.testing.conformance.concurrency import (
    ConcurrencyConformance,
    OperatorConcurrencyConformance,
)
from sharq_plug.testing.conformance.counting import MinuteCountConformance, ViewConformance
from sharq_plug.testing.conformance.deduplicating import (
    DeduplicationConformance,
    RememberedKeyConformance,
)
from sharq_plug.testing.conformance.delayed_places import (
    DelayedPlaceConformance,
    DelayedWakeConformance,
)
from sharq_plug.testing.conformance.delaying import DelayConformance, DelayedLengthConformance
from sharq_plug.testing.conformance.dequeue_ends import DequeueEndsConformance
from sharq_plug.testing.conformance.dequeueing import (
    BatchSizeConformance,
    DequeueConformance,
)
from sharq_plug.testing.conformance.discarding import DiscardConformance, LetterNumberConformance
from sharq_plug.testing.conformance.dropping_letters import LetterTendingConformance
from sharq_plug.testing.conformance.ending import LeasedTtlConformance, TtlConformance
from sharq_plug.testing.conformance.enqueueing import (
    DepthLimitConformance,
    DuplicateConformance,
    EnqueueConformance,
)
from sharq_plug.testing.conformance.extending import (
    ExtendConformance,
    ExtendedOrderConformance,
)
from sharq_plug.testing.conformance.failing import FailClaimConformance, FailConformance
from sharq_plug.testing.conformance.figures import FiguresConformance, KnownTypeConformance
from sharq_plug.testing.conformance.finding import FindConformance, PositionConformance
from sharq_plug.testing.conformance.forgetting import (
    ForgettingConformance,
    MixedReceiptConformance,
)
from sharq_plug.testing.conformance.holds_suite import HoldConformance
from sharq_plug.testing.conformance.intervals import IntervalConformance
from sharq_plug.testing.conformance.isolating import IsolationConformance, NameConformance
from sharq_plug.testing.conformance.joining import (
    JoinConformance,
    JoinOrderConformance,
    JoinTendConformance,
    UnjoinedConformance,
)
from sharq_plug.testing.conformance.kept_totals import KeptTotalsConformance
from sharq_plug.testing.conformance.leases import FinishConformance, ReleaseConformance
from sharq_plug.testing.conformance.listing import ListingConformance
from sharq_plug.testing.conformance.listing_changes import (
    ChangingJobsConformance,
    ChangingQueuesConformance,
)
from sharq_plug.testing.conformance.listing_jobs import (
    JobListingConformance,
    LargePageConformance,
    LetterListingConformance,
)
from sharq_plug.testing.conformance.listing_queues import (
    BacklogConformance,
    OverdueConformance,
    PrefixConformance,
    QueueListingConformance,
    TypeListingConformance,
)
from sharq_plug.testing.conformance.looking import QueueLookConformance, TypeLookConformance
from sharq_plug.testing.conformance.meeting_ended import MeetingEndedConformance
from sharq_plug.testing.conformance.moving_letters import (
    DiscardedRangeConformance,
    LetterRangeConformance,
    RedrivenRangeConformance,
)
from sharq_plug.testing.conformance.named_queues import (
    NamedAttemptConformance,
    NamedNextReadyConformance,
    NamedPlaceConformance,
    NamedQueueConformance,
)
from sharq_plug.testing.conformance.naming_wakes import NamedWakeConformance
from sharq_plug.testing.conformance.next_ready import (
    NextReadyConformance,
    PartialBatchConformance,
)
from sharq_plug.testing.conformance.opening import OpeningConformance
from sharq_plug.testing.conformance.order import JobOrderConformance, QueueOrderConformance
from sharq_plug.testing.conformance.paging import CursorConformance, PageConformance
from sharq_plug.testing.conformance.places import PlaceConformance
from sharq_plug.testing.conformance.prioritizing import PriorityConformance
from sharq_plug.testing.conformance.rate import RateConformance, UnpaidRateConformance
from sharq_plug.testing.conformance.receipts import ReceiptConformance
from sharq_plug.testing.conformance.reclaiming import DeadLetterConformance, ReclaimConformance
from sharq_plug.testing.conformance.redriven_jobs import RedrivenJobConformance
from sharq_plug.testing.conformance.redriven_places import (
    RedrivenPlaceConformance,
    RedrivenRateConformance,
    RedrivenWakeConformance,
)
from sharq_plug.testing.conformance.redriving import RedriveConformance, RedrivenKeyConformance
from sharq_plug.testing.conformance.repeating import RepeatedDequeueConformance
from sharq_plug.testing.conformance.requeue_delaying import RequeueDelayConformance
from sharq_plug.testing.conformance.rescheduled_places import RescheduledPlaceConformance
from sharq_plug.testing.conformance.rescheduling import (
    ReschedulePriorityConformance,
    RescheduleTimeConformance,
)
from sharq_plug.testing.conformance.settings_suite import SettingsAndLimitsConformance
from sharq_plug.testing.conformance.sharing_suite import SharingConformance
from sharq_plug.testing.conformance.taking_together import TogetherConformance
from sharq_plug.testing.conformance.told_times import DueTimeConformance, LeaseTimeConformance
from sharq_plug.testing.conformance.totals import TotalsConformance
from sharq_plug.testing.conformance.watching import WatchingConformance


class StoreConformance(  # pytest runs the tests of the last base first
    SharingConformance,
    HoldConformance,
    SettingsAndLimitsConformance,
    OperatorConcurrencyConformance,
    ConcurrencyConformance,
    WatchingConformance,
    SteppingBackConformance,
    ClockAtZeroConformance,
    BatchConformance,
    IsolationConformance,
    NameConformance,
    BacklogConformance,
    OverdueConformance,
    PrefixConformance,
    QueueListingConformance,
    FiguresConformance,
    KnownTypeConformance,
    DueTimeConformance,
    LeaseTimeConformance,
    TypeListingConformance,
    TypeLookConformance,
    QueueLookConformance,
    ChangingJobsConformance,
    ChangingQueuesConformance,
    CursorConformance,
    PageConformance,
    LargePageConformance,
    LetterListingConformance,
    JobListingConformance,
    ListingConformance,
    KeptTotalsConformance,
    TotalsConformance,
    ViewConformance,
    MinuteCountConformance,
    ClearedTypeConformance,
    TypeClearConformance,
    ClearedLetterConformance,
    ClearedLeaseConformance,
    ClearedPlaceConformance,
    ClearedRateConformance,
    ClearCountConformance,
    ClearStepConformance,
    StateClearConformance,
    LetterTendingConformance,
    LetterCountConformance,
    LetterAgeConformance,
    LetterNumberConformance,
    DiscardConformance,
    DiscardedRangeConformance,
    RedrivenRangeConformance,
    LetterRangeConformance,
    RedrivenWakeConformance,
    RedrivenPlaceConformance,
    RedrivenRateConformance,
    RedrivenJobConformance,
    RedrivenKeyConformance,
    RedriveConformance,
    PurgeConformance,
    ClearConformance,
    DeadLetterConformance,
    ReclaimConformance,
    DequeueEndsConformance,
    NamedWakeConformance,
    PositionConformance,
    FindConformance,
    TogetherConformance,
    NamedAttemptConformance,
    NamedNextReadyConformance,
    NamedPlaceConformance,
    NamedQueueConformance,
    RescheduledPlaceConformance,
    RescheduleTimeConformance,
    ReschedulePriorityConformance,
    FreedKeyConformance,
    AmendedDeadConformance,
    CancelledLeaseConformance,
    CancelledPlaceConformance,
    CancelConformance,
    ExtendedOrderConformance,
    ExtendConformance,
    FailClaimConformance,
    FailConformance,
    DelayConformance,
    DelayedLengthConformance,
    DelayedPlaceConformance,
    DelayedWakeConformance,
    LateReturnConformance,
    JoinConformance,
    JoinOrderConformance,
    JoinTendConformance,
    UnjoinedConformance,
    RequeueDelayConformance,
    PriorityConformance,
    TtlConformance,
    LeasedTtlConformance,
    MeetingEndedConformance,
    DeduplicationConformance,
    RememberedKeyConformance,
    CarryConformance,
    ExtrasConformance,
    ReleaseConformance,
    MixedReceiptConformance,
    ReceiptConformance,
    FinishConformance,
    PlaceConformance,
    QueueOrderConformance,
    JobOrderConformance,
    IntervalConformance,
    ForgettingConformance,
    UnpaidRateConformance,
    RateConformance,
    RepeatedDequeueConformance,
    PartialBatchConformance,
    NextReadyConformance,
    BatchSizeConformance,
    DequeueConformance,
    DepthLimitConformance,
    DuplicateConformance,
    EnqueueConformance,
    OpeningConformance,
):
    """Hold a store to the contract of `sharq_plug.store`.

    Subclass it in a test module, under a name that begins with `Test`, and give it a fixture
    `open_store` that returns a function from a `ManualClock` to a store of your backend, empty
    and not entered yet.
    """
