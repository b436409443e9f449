"""Memory stores with one fault each, and the rules that their histories break."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from model.broken_leases import (
    ClearedLeasesComeBack,
    ClearingMissesDeadLetters,
    DeadJobsAreUnknown,
    DeadLettersAreDropped,
    ExpiryEndsLeases,
    OneRequeueTooMany,
    PurgeKeepsCounts,
    ReceiptFitsAnyJob,
    ReceiptIsKeptTooShort,
    ReclaimIsEarly,
    ReleaseCostsARequeue,
    ReleaseTakesTheAttemptBack,
    RepeatTakesNewJobs,
    TokensDoNotMatter,
)
from model.broken_queues import (
    BatchStaysWithAQueue,
    BrokenStore,
    DepthIsOneMore,
    DuplicateIsCounted,
    DuplicateIsQueuedAfterAll,
    DuplicateKeepsInterval,
    DuplicateReplacesPayload,
    FreedQueueKeepsItsNumber,
    FullBatchTellsNextReady,
    IntervalMissesWaitingJobs,
    LastComeFirstServed,
    NextReadyForgetsLeases,
    NextReadyIsFromBeforeTheBatch,
    NowIsWhenTheFirstLeaseExpires,
    PartialBatchTellsNothing,
    RateForgottenTooEarly,
    RateLostWhenEmpty,
    RefusalChangesInterval,
    ReleasePaysBack,
    ReturnedJobsGoLast,
    ServedQueueKeepsItsPlace,
    TiesGoByName,
)

from sharq_memory.state import TypeState
from sharq_memory.store import MemoryStore
from sharq_plug.model import (
    Page,
)
from sharq_plug.testing import ManualClock
from sharq_plug.testing.model_check import Rule


class LeasedQueuesAreNotListed(MemoryStore):
    async def queue_ids(self, queue_type: str, *, cursor: str | None = None, limit: int) -> Page:
        page = await super().queue_ids(queue_type, cursor=cursor, limit=limit)
        queues = self._state(queue_type).queues
        return replace(page, names=tuple(name for name in page.names if queues[name].waiting))


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken store, and the rules of which its history must break one."""

    open: Callable[[ManualClock], MemoryStore]
    rules: frozenset[Rule]


def in_state(state: type[TypeState], *rules: Rule) -> Fault:
    return Fault(lambda clock: BrokenStore(clock, state), frozenset(rules))


FAULTS = {
    state.__name__: in_state(state, *rules)
    for state, *rules in (
        (RateLostWhenEmpty, Rule.RATE, Rule.READINESS, Rule.QUEUE_ORDER),
        (RateForgottenTooEarly, Rule.RATE, Rule.READINESS, Rule.QUEUE_ORDER),
        (ReleasePaysBack, Rule.RATE, Rule.READINESS, Rule.QUEUE_ORDER),
        (IntervalMissesWaitingJobs, Rule.RATE, Rule.READINESS, Rule.QUEUE_ORDER),
        (RefusalChangesInterval, Rule.RATE, Rule.READINESS, Rule.QUEUE_ORDER),
        (DuplicateKeepsInterval, Rule.RATE, Rule.READINESS, Rule.QUEUE_ORDER),
        (DuplicateReplacesPayload, Rule.PAYLOAD),
        (DuplicateIsQueuedAfterAll, Rule.DOUBLING),
        (DuplicateIsCounted, Rule.COUNTS),
        (DepthIsOneMore, Rule.DEPTH),
        (LastComeFirstServed, Rule.JOB_ORDER),
        (ReturnedJobsGoLast, Rule.JOB_ORDER),
        (TiesGoByName, Rule.QUEUE_ORDER),
        (ServedQueueKeepsItsPlace, Rule.QUEUE_ORDER),
        (BatchStaysWithAQueue, Rule.QUEUE_ORDER),
        (FreedQueueKeepsItsNumber, Rule.QUEUE_ORDER),
        (NextReadyForgetsLeases, Rule.READINESS),
        (PartialBatchTellsNothing, Rule.READINESS),
        (FullBatchTellsNextReady, Rule.READINESS),
        (NextReadyIsFromBeforeTheBatch, Rule.READINESS),
        (NowIsWhenTheFirstLeaseExpires, Rule.READINESS),
        (TokensDoNotMatter, Rule.FENCING),
        (ExpiryEndsLeases, Rule.FENCING),
        (ReceiptFitsAnyJob, Rule.FENCING),
        (ReceiptIsKeptTooShort, Rule.RECEIPTS),
        (DeadJobsAreUnknown, Rule.FENCING),
        (ReclaimIsEarly, Rule.RECLAIM, Rule.READINESS, Rule.REPETITION),
        (OneRequeueTooMany, Rule.RECLAIM, Rule.ATTEMPTS),
        (ReleaseCostsARequeue, Rule.RECLAIM, Rule.ATTEMPTS),
        (ReleaseTakesTheAttemptBack, Rule.ATTEMPTS),
        (DeadLettersAreDropped, Rule.LOSS, Rule.FENCING),
        (ClearingMissesDeadLetters, Rule.DOUBLING, Rule.COUNTS),
        (ClearedLeasesComeBack, Rule.DOUBLING, Rule.COUNTS, Rule.LISTING, Rule.IDEMPOTENCE),
        (PurgeKeepsCounts, Rule.COUNTS),
        (RepeatTakesNewJobs, Rule.REPETITION),
    )
} | {"LeasedQueuesAreNotListed": Fault(LeasedQueuesAreNotListed, frozenset({Rule.LISTING}))}
