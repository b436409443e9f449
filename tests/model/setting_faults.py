"""The rows of the table of broken memory stores around limits, costs and settings."""

from sharq_plug.testing.model_check import Rule

OUT_OF_TIME = {
    Rule.RATE,
    Rule.READINESS,
    Rule.QUEUE_ORDER,
    Rule.HOLDS,
    Rule.WAKING,
    Rule.SETTINGS,
}
OTHER_PLACES = {Rule.READINESS, Rule.QUEUE_ORDER, Rule.WAKING}

SETTING_AREAS: dict[str, list[tuple[str, str, bool, set[Rule]]]] = {
    "limits": [
        ("BurstIsOneMore", "Limit", True, OUT_OF_TIME),
        ("CostsDoNotCount", "Cost", True, OUT_OF_TIME),
        ("CostsCountForEveryUnit", "SeveralLimits", True, OUT_OF_TIME),
        ("CostsAreNotCapped", "Cost", False, OUT_OF_TIME),
        ("DequeueForgetsOlderDebts", "Limit", True, OUT_OF_TIME),
        ("DebtsFallWhileTheClockStepsBack", "LimitClock", False, set()),
        ("EmptiedQueueOwesNothing", "Limit", True, OUT_OF_TIME),
    ],
    "changed limits": [
        ("ChangedDebtsAreRoundedDown", "LimitChange", True, OUT_OF_TIME),
        ("LimitsAreMatchedByPlace", "LimitMatch", True, OUT_OF_TIME),
        ("NewLimitsBeginAtZero", "LimitChange", True, OUT_OF_TIME),
    ],
    "corrections": [
        ("CorrectionsCountTwice", "Correction", True, OUT_OF_TIME),
        ("CorrectionsGiveCredit", "Correction", False, OUT_OF_TIME),
        ("CorrectionsCountForEveryUnit", "Correction", True, OUT_OF_TIME),
        ("CorrectionWithoutLimitsIsADequeue", "Correction", False, OUT_OF_TIME),
    ],
    "settings": [
        ("BroughtIntervalOverridesSettings", "Precedence", True, OUT_OF_TIME),
        ("NoLimitsAreNotSet", "Precedence", True, OUT_OF_TIME),
        ("LimitsAreNotTakenBack", "Precedence", True, OUT_OF_TIME),
        ("ClearingTakesSettings", "KeptSettings", True, OUT_OF_TIME),
        ("DuplicateNeedsNoInterval", "NoInterval", True, {Rule.SETTINGS}),
        ("BroughtIntervalDoesForOthers", "NoInterval", True, {Rule.SETTINGS}),
        ("TagsDoNotMatter", "Tag", True, {Rule.SETTINGS}),
        ("RefusedPatchFreezes", "Tag", True, OUT_OF_TIME | {Rule.PAUSE}),
        ("MaxLengthCountsLeases", "MaxLength", False, {Rule.DEPTH}),
    ],
    "concurrency": [
        ("ExpiredLeasesDoNotCount", "FreedConcurrency", False, OTHER_PLACES | {Rule.CONCURRENCY}),
        ("CancelledLeaseMakesNoRoom", "FreedConcurrency", False, OTHER_PLACES),
        ("ConcurrencyIsOneMore", "ConcurrencyHold", True, OTHER_PLACES | {Rule.CONCURRENCY}),
    ],
    "turns": [
        ("HeldQueueKeepsItsTurn", "Turn", False, {Rule.QUEUE_ORDER}),
        ("NewPlaceKeepsTheTurn", "Turn", False, {Rule.QUEUE_ORDER}),
        ("WeightIsOneMore", "Weight", True, {Rule.QUEUE_ORDER}),
    ],
    "pauses and freezes": [
        ("EnqueueReadiesAPausedQueue", "Pause", True, OTHER_PLACES | {Rule.PAUSE}),
        ("WorkerShortensAFreeze", "WorkerFreeze", True, OUT_OF_TIME | {Rule.PAUSE}),
        ("EmptiedQueueIsNotFrozen", "Freeze", True, OUT_OF_TIME | {Rule.PAUSE}),
        ("StaleTokenFreezes", "WorkerFreeze", True, OUT_OF_TIME),
        ("DeathDoesNotFreeze", "WorkerFreeze", True, OUT_OF_TIME | {Rule.PAUSE}),
    ],
    "gates": [
        ("FiguresForgetTheGate", "Figures", False, {Rule.READINESS}),
        ("GateIsFree", "LimiterLimit", True, OUT_OF_TIME),
        ("GateIgnoresCosts", "LimiterLimit", True, OUT_OF_TIME),
        ("GateCountsOneQueue", "LimiterConcurrency", True, OTHER_PLACES | {Rule.CONCURRENCY}),
        ("ClosedGateLetsABatchThrough", "LimiterLimit", True, OUT_OF_TIME | {Rule.CONCURRENCY}),
        ("OpenedGateWakesNobody", "LimiterWake", False, {Rule.WAKING}),
        ("OpenedGateGivesPlaces", "GatePlace", False, {Rule.QUEUE_ORDER, Rule.READINESS}),
        ("CorrectionsMissTheGate", "LimiterCorrection", True, OUT_OF_TIME),
        ("GateIsNotForeseen", "LimiterNextReady", False, {Rule.READINESS}),
        ("GateHoldsAreNotTold", "GateHeldBy", True, {Rule.HOLDS}),
        ("TypeTagsDoNotMatter", "TypeTag", True, {Rule.SETTINGS}),
    ],
    "defaults": [
        ("TendingTakesUpNothing", "TendedDefaults", False, OUT_OF_TIME | {Rule.RECLAIM}),
        ("HeadKeepsOldDefaults", "Head", True, OUT_OF_TIME),
        ("PendingNeverEnds", "Pending", False, {Rule.SETTINGS}),
        ("EnqueueGoesByOldDefaults", "PresentDefaults", True, {Rule.SETTINGS, Rule.DEPTH}),
        ("DefaultsOverrideSettings", "DefaultPrecedence", True, OUT_OF_TIME),
        ("DefaultsAreTakenUpAtOnce", "Pending", False, OUT_OF_TIME),
        ("TakingUpForgetsDebts", "DefaultDebt", True, OUT_OF_TIME),
        ("DefaultsAreNotTakenBack", "TypeSettings", False, OUT_OF_TIME),
    ],
    "what is told of holds": [
        ("EarliestIsLater", "Earliest", True, {Rule.HOLDS}),
        ("EarliestIgnoresCosts", "Earliest", False, {Rule.HOLDS}),
        ("OneHoldIsTold", "SeveralHolds", True, {Rule.HOLDS}),
    ],
}
"""As `broken_memory.AREAS`."""
