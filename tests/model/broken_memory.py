"""The table of broken memory stores: one fault each, and what catches it.

`docs/conformance.md` shows it. A fault without rules escapes the model check.
"""

from dataclasses import dataclass

from model import (
    broken_attempts,
    broken_clearing,
    broken_counts,
    broken_deaths,
    broken_figures,
    broken_holds,
    broken_jobs,
    broken_leases,
    broken_letters,
    broken_limits,
    broken_listings,
    broken_order,
    broken_queues,
    broken_rates,
    broken_receipts,
    broken_redriving,
    broken_rows,
    broken_settings,
    broken_settling,
    broken_shared,
    broken_takes,
    broken_times,
    broken_totals,
    broken_types,
    broken_watching,
)
from model.broken_states import BrokenStore
from model.job_faults import JOB_AREAS
from model.letter_faults import LETTER_AREAS, OTHER_LETTERS, SHOWN, UNCOMPARED_STEPS
from model.setting_faults import SETTING_AREAS
from model.shared_faults import SHARED_AREAS

from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug.testing import ManualClock
from sharq_plug.testing.model_check import Rule

MODULES = (
    broken_rates,
    broken_queues,
    broken_order,
    broken_leases,
    broken_receipts,
    broken_deaths,
    broken_counts,
    broken_watching,
    broken_attempts,
    broken_times,
    broken_settling,
    broken_jobs,
    broken_takes,
    broken_redriving,
    broken_letters,
    broken_clearing,
    broken_totals,
    broken_listings,
    broken_limits,
    broken_settings,
    broken_holds,
    broken_types,
    broken_shared,
    broken_rows,
    broken_figures,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken store of an area, and what catches it.

    `kit` is the class of the conformance kit with a test that fails. `rules`: the model check finds
    one of these broken. `sees_little`: so does the checker when it does not see every call.
    """

    name: str
    area: str
    kit: str
    rules: frozenset[Rule]
    sees_little: bool

    def open(self, clock: ManualClock) -> MemoryStore:
        """Return such a store."""
        [broken] = [vars(module)[self.name] for module in MODULES if self.name in vars(module)]
        if issubclass(broken, TypeState):
            return BrokenStore(clock, broken)
        store: MemoryStore = broken(clock)
        return store

    @property
    def is_of_settings(self) -> bool:
        """Whether it needs settings to show; the others show sooner without any."""
        return self.area in SETTING_AREAS or self.area in SHARED_AREAS

    @property
    def differs(self) -> bool:
        """Whether its answers differ from a reference's in what is compared."""
        is_compared = self.area not in {"watching", "next_ready_at"}
        return bool(self.rules) and is_compared and self.name not in UNCOMPARED


UNCOMPARED = {"TendingForgetsToSayMore", "RedriveWakesNobody", *UNCOMPARED_STEPS}
"""A store may say in vain that there is more to do, and wake in vain."""
OUT_OF_TIME = {Rule.RATE, Rule.READINESS, Rule.QUEUE_ORDER, Rule.HOLDS, Rule.SETTINGS}
RETURNS = {Rule.JOB_ORDER, Rule.RECLAIM, Rule.DEDUPLICATION}
"""A key remembers its job by the number, too."""

AREAS: dict[str, list[tuple[str, str, bool, set[Rule]]]] = {
    "rate": [
        ("RateLostWhenEmpty", "UnpaidRate", True, OUT_OF_TIME),
        ("RateForgottenTooEarly", "UnpaidRate", False, OUT_OF_TIME),
        ("PurgeForgetsUnpaidRate", "Forgetting", True, OUT_OF_TIME),
        ("RefusalForgetsUnpaidRate", "Forgetting", True, OUT_OF_TIME),
        ("TendingAtItsLimitForgetsUnpaidRates", "Forgetting", True, OUT_OF_TIME),
        ("DeathForgetsUnpaidRate", "Forgetting", True, OUT_OF_TIME),
        ("ReleasePaysBack", "Rate", True, OUT_OF_TIME),
        ("RedeliveryIsFree", "Rate", True, OUT_OF_TIME),
        ("RestIsSavedUp", "Rate", True, OUT_OF_TIME),
        ("AskingInVainDelays", "Rate", False, OUT_OF_TIME),
        ("LongIntervalsAreCut", "Rate", False, OUT_OF_TIME),
        ("IntervalMissesWaitingJobs", "Interval", False, OUT_OF_TIME),
        ("IntervalOf0ForgetsTheLatestDequeue", "Interval", False, OUT_OF_TIME),
        ("RefusalChangesInterval", "DepthLimit", False, OUT_OF_TIME | {Rule.WAKING}),
        ("DuplicateKeepsInterval", "Interval", False, OUT_OF_TIME),
    ],
    "figures": [
        ("LeasesAreHeldTooLong", "LeaseTime", True, {Rule.LEASE_TIMES}),
        ("DueTimesAreForgotten", "DueTime", False, {Rule.DELAY}),
        ("EndedTypesAreUnknown", "KnownType", False, {Rule.LISTING}),
    ],
    "enqueues": [
        ("DuplicateReplacesPayload", "Duplicate", True, {Rule.PAYLOAD}),
        ("DuplicateIsQueuedAfterAll", "Duplicate", True, {Rule.DOUBLING}),
        ("DuplicateIsCounted", "Duplicate", False, {Rule.COUNTS}),
        ("DepthIsOneMore", "DepthLimit", False, {Rule.DEPTH}),
    ],
    "order": [
        ("LastComeFirstServed", "JobOrder", True, {Rule.JOB_ORDER, Rule.AMENDING}),
        ("ReturnedJobsGoLast", "JobOrder", True, {Rule.JOB_ORDER, Rule.DEDUPLICATION}),
        ("ReturnedJobTakesANewNumber", "JobOrder", False, RETURNS),
        ("LatestReturnGoesFirst", "JobOrder", False, RETURNS),
        ("TiesGoByName", "QueueOrder", False, {Rule.QUEUE_ORDER}),
        ("ServedQueueKeepsItsPlace", "QueueOrder", False, {Rule.QUEUE_ORDER}),
        ("BatchStaysWithAQueue", "QueueOrder", False, {Rule.QUEUE_ORDER}),
        ("MoreJobsMoveAQueueBack", "QueueOrder", False, {Rule.QUEUE_ORDER, Rule.READINESS}),
        ("ReturnMovesAQueueBack", "QueueOrder", False, {Rule.QUEUE_ORDER}),
        ("FreedQueueKeepsItsNumber", "Place", False, {Rule.QUEUE_ORDER}),
        ("LongerIntervalTakesANewNumber", "Place", False, {Rule.QUEUE_ORDER}),
        ("ClearedQueueKeepsItsPlace", "Clear", False, {Rule.QUEUE_ORDER, Rule.READINESS}),
    ],
    "next_ready_at": [
        ("NextReadyForgetsLeases", "NextReady", False, {Rule.READINESS}),
        ("NextReadyIsLater", "NextReady", False, {Rule.READINESS}),
        ("PartialBatchTellsNothing", "PartialBatch", False, {Rule.READINESS}),
        ("FullBatchTellsNextReady", "PartialBatch", False, {Rule.READINESS}),
        ("NextReadyIsFromBeforeTheBatch", "PartialBatch", False, {Rule.READINESS}),
        ("NextReadyForgetsDelayedJobs", "DelayedPlace", False, {Rule.READINESS}),
        ("NamesDoNotMatterToNextReady", "NamedNextReady", False, {Rule.READINESS}),
    ],
    "leases and receipts": [
        ("TokensDoNotMatter", "Finish", True, {Rule.FENCING}),
        ("TokenOutlivesItsLease", "Finish", True, {Rule.FENCING}),
        ("ExpiryEndsLeases", "Finish", False, {Rule.FENCING}),
        ("ReclaimedLeaseCanBeFinished", "Finish", True, {Rule.FENCING}),
        ("WaitingJobCanBeFinished", "Finish", False, {Rule.FENCING}),
        ("ReleaseIgnoresTokens", "Release", True, {Rule.FENCING}),
        ("ReleaseTakesTheAttemptBack", "Release", True, {Rule.ATTEMPTS}),
        ("ReleaseLeavesAReceipt", "Release", True, {Rule.FENCING}),
        ("ReceiptFitsAnyJob", "Receipt", True, {Rule.FENCING}),
        ("ReceiptIsKeptTooShort", "Receipt", False, {Rule.RECEIPTS}),
        ("ShortReceiptTimeCutsLongerOnes", "MixedReceipt", True, {Rule.RECEIPTS}),
        ("RepeatedFinishRenewsItsReceipt", "Receipt", False, {Rule.FENCING}),
        ("ClearingForgetsReceipts", "Receipt", True, {Rule.RECEIPTS}),
    ],
    "dead letters and requeues": [
        ("OneRequeueTooMany", "DeadLetter", True, {Rule.RECLAIM, Rule.ATTEMPTS}),
        ("ReleaseCostsARequeue", "Release", True, {Rule.RECLAIM, Rule.ATTEMPTS}),
        ("ReleaseGivesRequeuesBack", "Release", True, {Rule.ATTEMPTS}),
        ("ForEverHasAnEnd", "Reclaim", True, SHOWN | {Rule.ATTEMPTS}),
        ("ReclaimIsEarly", "Reclaim", True, {Rule.RECLAIM, Rule.READINESS, Rule.REPETITION}),
        ("TendingGoesPastItsLimit", "Reclaim", False, OTHER_LETTERS),
        ("TendingForgetsToSayMore", "Reclaim", False, {Rule.RECLAIM}),
        ("TendingLeavesOutAType", "Reclaim", False, {Rule.RECLAIM}),
        ("LeasesEndByQueue", "Place", False, {Rule.RECLAIM, Rule.QUEUE_ORDER}),
        ("DequeueEndsMoreThanItsBound", "DequeueEnds", False, {Rule.RECLAIM}),
        ("EachTakeHasItsOwnBound", "DequeueEnds", False, {Rule.RECLAIM}),
        ("DequeueEndsNoLeases", "DequeueEnds", False, {Rule.RECLAIM}),
        ("DequeueKeepsQuietAboutWhatItEnded", "DequeueEnds", False, {Rule.RECLAIM}),
        ("DequeueEndsLeasesTooSoon", "DequeueEnds", False, {Rule.RECLAIM}),
        ("DeadJobsAreUnknown", "DeadLetter", False, {Rule.FENCING}),
        (
            "DeadLettersAreDropped",
            "DeadLetter",
            True,
            OTHER_LETTERS | {Rule.FENCING, Rule.COUNTS, Rule.RECLAIM},
        ),
        ("DeadLetterHoldsItsId", "Duplicate", False, {Rule.IDEMPOTENCE}),
        ("SecondDeathReplacesTheFirst", "DeadLetter", False, OTHER_LETTERS),
        ("TheDeadAreCalledRequeued", "DeadLetter", True, {Rule.RECLAIM}),
        ("ClearingMissesDeadLetters", "Purge", True, {Rule.DOUBLING, Rule.COUNTS}),
        (
            "ClearingTakesDeadLetters",
            "Purge",
            False,
            {Rule.LOSS, Rule.FENCING, Rule.COUNTS, Rule.TOTALS},
        ),
        (
            "ClearedLeasesComeBack",
            "Clear",
            True,
            {Rule.DOUBLING, Rule.COUNTS, Rule.LISTING, Rule.IDEMPOTENCE},
        ),
    ],
    "counts and listings": [
        ("PurgeKeepsCounts", "Purge", False, {Rule.COUNTS}),
        ("PurgeTakesTheCountsOfItsType", "Purge", False, {Rule.COUNTS}),
        ("RefusalIsCounted", "MinuteCount", False, {Rule.COUNTS}),
        ("RedeliveryIsNotCounted", "MinuteCount", False, {Rule.COUNTS}),
        ("OldestMinuteIsLost", "MinuteCount", False, {Rule.COUNTS}),
        ("BatchIsCountedOnce", "MinuteCount", False, {Rule.COUNTS}),
        ("NowIsWhenTheFirstLeaseExpires", "Dequeue", False, {Rule.READINESS}),
        ("LengthCountsTheJobItself", "Dequeue", False, {Rule.DEPTH}),
        ("ExpiredLeasesAreNotLeased", "View", False, {Rule.LOSS}),
        ("LeasedQueuesAreNotListed", "Listing", False, {Rule.LISTING}),
        ("TypesOfLeasesOnlyAreNotListed", "Listing", False, {Rule.LISTING}),
        ("QueuesThatWentAreListed", "Listing", False, {Rule.LISTING}),
        ("StepLeavesAQueueOut", "Listing", False, {Rule.LISTING}),
    ],
    "watching": [
        ("TendingWakesNobody", "Watching", False, {Rule.WAKING}),
        ("DequeueThatEndsLeasesWakesNobody", "DequeueEnds", False, {Rule.WAKING}),
        ("ReleaseWakesNobody", "Watching", False, {Rule.WAKING}),
        ("NewIntervalWakesNobody", "Watching", False, {Rule.WAKING}),
        ("DuplicateWakesNobody", "Watching", False, {Rule.WAKING}),
        ("WakesComeLate", "Watching", False, {Rule.WAKING}),
        ("OneWatcherOfManyIsWoken", "Watching", False, {Rule.WAKING}),
        ("LastPlaceTellsWhen", "Watching", False, {Rule.WAKING}),
        ("WatcherIsWokenOnce", "Watching", False, {Rule.WAKING}),
        ("WhoLeftIsStillWoken", "Watching", False, {Rule.WAKING}),
        ("DelayedJobsWakeNobody", "DelayedWake", False, {Rule.WAKING}),
    ],
    "attempts and batches": [
        ("RepeatTakesNewJobs", "RepeatedDequeue", True, {Rule.REPETITION}),
        (
            "RepeatOutlivesExpiry",
            "RepeatedDequeue",
            False,
            {Rule.FENCING, Rule.REPETITION, Rule.REDELIVERY},
        ),
        ("RepeatIsRemembered", "RepeatedDequeue", False, {Rule.REPETITION}),
        ("RepeatLengthensLeases", "RepeatedDequeue", False, {Rule.REPETITION}),
        ("RepeatIsCounted", "RepeatedDequeue", False, {Rule.COUNTS}),
        ("RepeatGetsOneJob", "RepeatedDequeue", False, {Rule.REPETITION}),
        ("EmptyAnswerIsRepeated", "RepeatedDequeue", False, {Rule.READINESS}),
        ("BatchEndsAtARefusal", "Batch", False, {Rule.DEPTH, Rule.IDEMPOTENCE}),
        (
            "BatchSeesNothingOfItself",
            "Finish",
            False,
            {Rule.DOUBLING, Rule.FENCING, Rule.RECEIPTS},
        ),
        ("BytesDoNotEndABatch", "BatchSize", False, set()),
    ],
    **JOB_AREAS,
    "named queues": [
        ("NamesDoNotMatter", "NamedQueue", False, {Rule.QUEUE_ORDER}),
        ("NamesGoInTheirOrder", "NamedQueue", False, {Rule.QUEUE_ORDER}),
        ("TogetherMixesQueues", "Together", False, {Rule.QUEUE_ORDER}),
        ("TogetherIgnoresTheRate", "Together", True, OUT_OF_TIME),
    ],
    **LETTER_AREAS,
    **SETTING_AREAS,
    **SHARED_AREAS,
}
"""For each area: the store, its class of the kit less "Conformance", `sees_little`, the rules."""

FAULTS = {
    name: Fault(name, area, f"{kit}Conformance", frozenset(rules), sees_little)
    for area, rows in AREAS.items()
    for name, kit, sees_little, rules in rows
}
