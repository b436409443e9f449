"""The rows of the table of broken memory stores around what becomes of a job, and when."""

from sharq_plug.testing.model_check import Rule

JOB_AREAS: dict[str, list[tuple[str, str, bool, set[Rule]]]] = {
    "delays and priorities": [
        ("DelayedJobTakesANewNumber", "Delay", False, {Rule.JOB_ORDER}),
        ("DueJobOvertakes", "JoinOrder", False, {Rule.JOB_ORDER}),
        ("DelayEndsTooSoon", "Delay", True, {Rule.DELAY, Rule.READINESS}),
        ("DelayIsCountedFromTheEnqueue", "LateReturn", True, {Rule.DELAY}),
        ("DueJobIsNotCountedAsWaiting", "DelayedLength", False, {Rule.COUNTS}),
        ("DelayedJobsDoNotFillAQueue", "DelayedLength", False, {Rule.DEPTH}),
        ("JoinsHaveNoBound", "Join", False, {Rule.READINESS, Rule.QUEUE_ORDER}),
        (
            "ReturnedPriorityGoesLast",
            "Priority",
            False,
            {Rule.JOB_ORDER, Rule.RECLAIM, Rule.AMENDING, Rule.DEDUPLICATION},
        ),
    ],
    "ttls": [
        ("TtlEndsWithTheFirstLease", "LeasedTtl", True, {Rule.TTL, Rule.DOUBLING, Rule.READINESS}),
        ("TtlKillsALease", "LeasedTtl", False, {Rule.COUNTS, Rule.RECLAIM}),
        ("TtlIsOneMore", "Ttl", True, {Rule.TTL, Rule.DOUBLING, Rule.READINESS, Rule.COUNTS}),
        ("TtlBeginsAtTheEnqueue", "Ttl", False, {Rule.COUNTS, Rule.READINESS}),
    ],
    "fails and extends": [
        ("FailSpendsNothing", "Fail", True, {Rule.ATTEMPTS}),
        ("FailOfTheLastRequeueComesBack", "Fail", False, {Rule.DOUBLING, Rule.ATTEMPTS}),
        ("PenaltiesDoNotCount", "RequeueDelay", True, {Rule.DELAY, Rule.READINESS}),
        ("ExpiryBringsNoDelay", "RequeueDelay", True, {Rule.DELAY, Rule.READINESS}),
        ("ExtendRevivesAReclaimedLease", "Extend", True, {Rule.FENCING}),
        ("ExtendDoesNotMoveTheReclaim", "ExtendedOrder", True, {Rule.RECLAIM, Rule.REPETITION}),
        ("ExpiredLeaseIsNotExtended", "Extend", False, {Rule.FENCING}),
        ("ExtendAddsToTheLease", "Extend", True, {Rule.FENCING}),
    ],
    "keys": [
        ("KeyIsForgottenAtTheEnd", "RememberedKey", True, {Rule.DEDUPLICATION}),
        ("KeySurvivesAClearing", "RememberedKey", False, {Rule.DEDUPLICATION}),
        ("KeyIsKeptTooLong", "RememberedKey", True, {Rule.DEDUPLICATION}),
        ("RefusalLeavesAKey", "Deduplication", True, {Rule.DEDUPLICATION}),
        ("DuplicateRenewsItsKey", "RememberedKey", True, {Rule.DEDUPLICATION}),
        ("DuplicateNamesItself", "Deduplication", True, {Rule.DEDUPLICATION}),
        ("CancelFreesTheKeyOfAnother", "FreedKey", False, {Rule.DEDUPLICATION}),
        ("CancelKeepsTheKey", "FreedKey", False, {Rule.DEDUPLICATION}),
    ],
    "jobs by id": [
        ("CancelEndsLeasesUnasked", "CancelledLease", False, {Rule.AMENDING}),
        ("CancelRemovesTheOldestLetter", "AmendedDead", False, {Rule.AMENDING}),
        (
            "RescheduleTakesANewNumber",
            "ReschedulePriority",
            False,
            {Rule.AMENDING, Rule.JOB_ORDER, Rule.RECLAIM},
        ),
        ("RescheduleMovesTheEndOfTheTtl", "RescheduleTime", True, {Rule.DOUBLING, Rule.TTL}),
        (
            "RescheduleForgetsTheReturn",
            "ReschedulePriority",
            False,
            {Rule.AMENDING, Rule.JOB_ORDER},
        ),
        ("PositionIgnoresPriorities", "Position", False, {Rule.AMENDING}),
        ("DueJobIsShownAsDelayed", "Find", False, {Rule.AMENDING}),
    ],
}
"""As `AREAS` of the table."""
