"""The rows of the table of broken memory stores around shared limits."""

from model.setting_faults import OTHER_PLACES, OUT_OF_TIME

from sharq_plug.testing.model_check import Rule

CLOSED = OUT_OF_TIME | {Rule.PAUSE, Rule.CONCURRENCY, Rule.COUNTS}
TOLD = {Rule.SETTINGS, Rule.HOLDS}

SHARED_AREAS: dict[str, list[tuple[str, str, bool, set[Rule]]]] = {
    "shared limits": [
        ("OneOfTwoIsCharged", "TwoLimits", True, CLOSED),
        ("LeaseIsGivenBackTwice", "LimiterConcurrency", True, CLOSED),
        ("EndedLeaseLeavesItsLimitClosed", "SharedConcurrency", True, CLOSED),
        ("CorrectionsFollowTheUses", "SharedCorrection", False, CLOSED),
        ("CorrectionsMissSharedLimits", "SharedCorrection", True, CLOSED),
        ("DebtGoesWithItsLastUser", "SharedSettings", False, CLOSED),
        ("PatchedLimitForgetsItsDebt", "LimiterDebt", True, CLOSED),
        ("EnqueueChangesALimit", "Creation", True, CLOSED),
        ("UnknownLimitIsCreated", "UnknownLimit", True, CLOSED),
        ("FreezeHitsAnotherLimit", "LimitFreeze", True, CLOSED),
        ("AnyLeaseFreezesALimit", "NotCharged", True, CLOSED | {Rule.FENCING}),
        ("LatestCountReplacesOthers", "Remaining", False, CLOSED),
        ("CountIsNeverTaken", "Remaining", True, CLOSED),
        ("ClosedLimitIsNotTold", "SharedHeldBy", True, TOLD),
    ],
    "rows and benches": [
        ("MovedRowTakesTheEntryAlong", "TwoLimits", False, OTHER_PLACES),
        ("ChangedUsesKeepTheRow", "ClosedLimit", True, CLOSED),
        ("LimitServesOneQueue", "ClosedRow", False, OTHER_PLACES),
        ("RowsMoveAtEveryOpening", "Moves", False, OTHER_PLACES),
        ("HeldQueueBlocksItsRow", "Row", False, OTHER_PLACES),
        ("ReleasePutsAQueueIntoTheLine", "LimiterLimit", True, CLOSED),
        ("OpenedLimitWakesNobody", "OpenedLimitWake", False, {Rule.WAKING}),
    ],
}
"""As `broken_memory.AREAS`."""
