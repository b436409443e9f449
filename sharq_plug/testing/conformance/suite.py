"""All of the conformance classes in one."""

from sharq_plug.testing.conformance.batching import BatchConformance
from sharq_plug.testing.conformance.clearing import ClearConformance, PurgeConformance
from sharq_plug.testing.conformance.clock_at_zero import ClockAtZeroConformance
from sharq_plug.testing.conformance.clocks import SteppingBackConformance
from sharq_plug.testing.conformance.concurrency import ConcurrencyConformance
from sharq_plug.testing.conformance.counting import MinuteCountConformance, ViewConformance
from sharq_plug.testing.conformance.dequeue_ends import DequeueEndsConformance
from sharq_plug.testing.conformance.dequeueing import (
    BatchSizeConformance,
    DequeueConformance,
)
from sharq_plug.testing.conformance.enqueueing import (
    DepthLimitConformance,
    DuplicateConformance,
    EnqueueConformance,
)
from sharq_plug.testing.conformance.forgetting import (
    ForgettingConformance,
    MixedReceiptConformance,
)
from sharq_plug.testing.conformance.intervals import IntervalConformance
from sharq_plug.testing.conformance.isolating import IsolationConformance, NameConformance
from sharq_plug.testing.conformance.leases import FinishConformance, ReleaseConformance
from sharq_plug.testing.conformance.listing import ListingConformance
from sharq_plug.testing.conformance.next_ready import (
    NextReadyConformance,
    PartialBatchConformance,
)
from sharq_plug.testing.conformance.opening import OpeningConformance
from sharq_plug.testing.conformance.order import JobOrderConformance, QueueOrderConformance
from sharq_plug.testing.conformance.places import PlaceConformance
from sharq_plug.testing.conformance.rate import RateConformance, UnpaidRateConformance
from sharq_plug.testing.conformance.receipts import ReceiptConformance
from sharq_plug.testing.conformance.reclaiming import DeadLetterConformance, ReclaimConformance
from sharq_plug.testing.conformance.repeating import RepeatedDequeueConformance
from sharq_plug.testing.conformance.watching import WatchingConformance


class StoreConformance(  # pytest runs the tests of the last base first
    ConcurrencyConformance,
    WatchingConformance,
    SteppingBackConformance,
    ClockAtZeroConformance,
    BatchConformance,
    IsolationConformance,
    NameConformance,
    ListingConformance,
    ViewConformance,
    MinuteCountConformance,
    PurgeConformance,
    ClearConformance,
    DeadLetterConformance,
    ReclaimConformance,
    DequeueEndsConformance,
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
