"""The rows of the table of broken memory stores about letters, clearing, totals and listings."""

from sharq_plug.testing.model_check import Rule

SHOWN = {Rule.AMENDING, Rule.LISTING}
"""A job, or a letter, is shown otherwise than it must be."""
OTHER_LETTERS = {
    Rule.AMENDING,
    Rule.LETTERS,
    Rule.LISTING,
    Rule.LOSS,
    Rule.DOUBLING,
    Rule.TOTALS,
    Rule.COUNTS,
    Rule.RECLAIM,
}
"""Others are there than must be, or tending has more to do than it says."""
RATE = {Rule.RATE, Rule.READINESS, Rule.QUEUE_ORDER, Rule.HOLDS, Rule.SETTINGS}
LENGTHS = {Rule.COUNTS, Rule.LOSS, Rule.DOUBLING}

UNCOMPARED_STEPS = {"ClearGoesPastItsLimit", "CursorCountsItems"}
"""Steps of a clearing are compared together, and a listing among other calls is not compared."""

LETTER_AREAS: dict[str, list[tuple[str, str, bool, set[Rule]]]] = {
    "redrives and discards": [
        ("RedriveDoublesALivingId", "Redrive", True, {Rule.AMENDING, Rule.DOUBLING, Rule.LETTERS}),
        ("RedriveKeepsTheAttempt", "RedrivenJob", True, SHOWN | {Rule.ATTEMPTS}),
        ("RedriveKeepsSpentRequeues", "RedrivenJob", True, SHOWN | {Rule.ATTEMPTS}),
        ("RedriveKeepsTheOldTtl", "RedrivenJob", False, SHOWN | LENGTHS),
        ("RedriveKeepsTheError", "RedrivenJob", False, SHOWN),
        ("RedriveLosesThePriority", "RedrivenJob", True, SHOWN | {Rule.PAYLOAD}),
        ("RedriveTakesTheTimeOfTheEnqueue", "RedrivenJob", True, SHOWN | {Rule.PAYLOAD}),
        ("RedrivenJobStandsFirst", "RedrivenJob", False, SHOWN | {Rule.JOB_ORDER}),
        ("RedriveFreesTheKey", "RedrivenKey", False, {Rule.DEDUPLICATION}),
        ("RedriveForgetsTheInterval", "RedrivenRate", False, RATE),
        ("RedriveBringsItsInterval", "RedrivenRate", False, RATE | {Rule.WAKING}),
        ("RedrivePaysOffTheRate", "RedrivenRate", False, RATE),
        ("RedriveIsCountedAsAnEnqueue", "RedrivenJob", False, {Rule.COUNTS}),
        ("RedriveLeavesItsLetter", "Redrive", True, OTHER_LETTERS),
        ("RedriveWakesNobody", "RedrivenWake", False, {Rule.WAKING}),
        ("LetterByJobIsTheOldest", "Redrive", False, OTHER_LETTERS),
        ("QueueOfALetterDoesNotMatter", "Redrive", False, OTHER_LETTERS),
        ("DiscardByNumberTakesTheNewest", "Discard", True, OTHER_LETTERS),
        ("DiscardLeavesItsLetter", "DiscardedRange", True, OTHER_LETTERS),
        ("RangeGoesToTheNewestFirst", "LetterRange", False, OTHER_LETTERS),
        ("RangeOfAQueueIsOfItsType", "LetterRange", False, OTHER_LETTERS),
        ("DuplicatesDoNotCountToTheLimit", "RedrivenRange", False, {Rule.LETTERS}),
        ("RangeForgetsToSayWhereToGoOn", "LetterRange", False, {Rule.LETTERS}),
    ],
    "dead letters and their bounds": [
        ("OneLetterTooManyIsKept", "LetterCount", False, OTHER_LETTERS),
        ("OneLetterTooFewIsKept", "LetterCount", False, OTHER_LETTERS),
        ("LettersGoTooEarly", "LetterAge", False, OTHER_LETTERS),
        ("LettersGoTooLate", "LetterAge", False, OTHER_LETTERS),
        ("KeepingNoneKeepsAll", "LetterCount", False, OTHER_LETTERS),
        ("NewestLetterIsDropped", "LetterCount", False, OTHER_LETTERS),
        ("DeadTypeIsNotTended", "LetterAge", False, OTHER_LETTERS),
        ("AgedLettersCountAsDiscarded", "Totals", False, {Rule.TOTALS}),
        ("NumberIsGivenTwice", "LetterNumber", True, OTHER_LETTERS),
        ("LetterForgetsItsReason", "LetterListing", False, {Rule.LISTING}),
    ],
    "clearing": [
        ("ClearTakesAnotherStateToo", "StateClear", True, LENGTHS),
        ("ClearOfWaitingLeavesDueJobs", "StateClear", False, LENGTHS),
        ("ClearByStatesKeepsTheKeys", "StateClear", False, {Rule.DEDUPLICATION}),
        ("ClearOfATypeForgetsAQueue", "TypeClear", False, LENGTHS),
        ("ClearGoesPastItsLimit", "ClearStep", False, {Rule.COUNTS}),
        ("ClearSaysTooSoonThatItIsDone", "ClearStep", False, {Rule.COUNTS}),
        ("ClearedLettersAreNotTold", "StateClear", False, {Rule.COUNTS}),
        ("ClearLeavesALetter", "ClearStep", True, OTHER_LETTERS),
        ("ClearForgetsTheTotals", "ClearedType", True, {Rule.TOTALS}),
    ],
    "totals": [
        ("DuplicatesAreEnqueued", "Totals", True, {Rule.TOTALS}),
        ("DeadlyFailsAreNotCounted", "Totals", True, {Rule.TOTALS}),
        ("RepeatedFinishesAreCounted", "Totals", True, {Rule.TOTALS}),
        ("ReleasesAreCountedAsFails", "Totals", True, {Rule.TOTALS}),
        ("DeathsAreNoExpiredLeases", "Totals", True, {Rule.TOTALS}),
        ("CancelledLettersAreNotCounted", "Totals", False, {Rule.TOTALS}),
        ("RedrivesAreEnqueues", "Totals", True, {Rule.TOTALS}),
        ("ClearedLeasesAreNotRemoved", "Totals", True, {Rule.TOTALS}),
        ("TotalsAreForgottenTooEarly", "KeptTotals", False, {Rule.TOTALS}),
        ("TotalsAreNeverForgotten", "KeptTotals", False, {Rule.TOTALS}),
        ("QueuesThatWentAreCounted", "TypeLook", False, {Rule.READINESS}),
        ("HeldQueuesAreReady", "TypeLook", False, {Rule.READINESS}),
        ("TypeCountsNoDeadLetters", "TypeLook", False, {Rule.LOSS}),
    ],
    "listings": [
        ("DeadQueuesAreNotListed", "QueueListing", False, {Rule.LISTING}),
        ("PrefixIsNotListed", "Prefix", True, {Rule.LISTING}),
        ("OverdueGoesByName", "Overdue", False, {Rule.LISTING}),
        ("HeldQueuesAreOverdue", "Overdue", False, {Rule.LISTING}),
        ("LettersGoOldestFirst", "LetterListing", False, {Rule.LISTING}),
        ("JobsGoByTheirIds", "JobListing", False, {Rule.LISTING}),
        ("PageLeavesAJobOut", "JobListing", True, {Rule.LISTING}),
        ("PageEndsAListing", "JobListing", True, {Rule.LISTING}),
        ("DueJobsAreListedAsDelayed", "JobListing", False, {Rule.LISTING}),
        ("PayloadsAreListedUnasked", "JobListing", False, {Rule.LISTING}),
        ("CursorCountsItems", "ChangingJobs", False, {Rule.LISTING}),
    ],
}
"""For each area: the store, its class of the kit less "Conformance", `sees_little`, the rules."""
