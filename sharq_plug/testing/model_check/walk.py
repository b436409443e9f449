"""A walk: a sequence of calls, with what must be remembered to make the next ones matter."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from msgspec import UNSET
from msgspec.structs import replace

from sharq_plug.model import (
    ALL_STATES,
    AmendOutcome,
    Backlogs,
    Cancel,
    Clear,
    Dequeued,
    DropLimit,
    Ended,
    EndedLease,
    Figures,
    Finish,
    JobRef,
    Jobs,
    JobState,
    KnownTypes,
    LeaseOutcome,
    LeaseRef,
    LetterRange,
    LetterRef,
    Letters,
    LettersMoved,
    Names,
    Overdue,
    PatchQueue,
    PatchType,
    Queues,
    SettingsPatch,
    Settlement,
    SharedLimits,
    Take,
    Tended,
    Types,
)
from sharq_plug.testing.model_check.instants import Instants
from sharq_plug.testing.model_check.operations import (
    DiscardRange,
    Item,
    Look,
    Outcome,
    RedriveRange,
    Tend,
)
from sharq_plug.testing.model_check.twins import MAX_STEPS, Twins

TYPES = ["t", "pay.load"]
QUEUE_IDS = ["b", "a", "a-", "+10", "9"]
LIMIT_NAMES = ["x", "x-", "y"]
JOB_IDS = ["j1", "j.2", "+3", "4@j", "~5", "j6"]
NOBODYS = "no-such-token"
RECEIPT_TIME = 200
LONG_AFTER = 10**14
"""ms after which every debt is paid off."""
TAKEN_BACK = SettingsPatch(**dict.fromkeys(SettingsPatch.__struct_fields__))
"""A change that takes all settings back."""
GATE_TAKEN_BACK = replace(TAKEN_BACK, weight=UNSET, max_length=UNSET, uses=UNSET)
DEFAULTS_TAKEN_BACK = replace(TAKEN_BACK, paused=UNSET)


class Manner(Enum):
    """How a lease is claimed."""

    OWN = "a lease that stands, with its token"
    LATE = "a lease that has ended, with its token"
    WITHOUT = "a lease that stands, without a token"
    WRONG = "a lease that stands, with a token that nobody was given"
    OTHER_JOB = "a lease that has ended, with its token, but for another job"


@dataclass(frozen=True, slots=True)
class Pick:
    """A lease to settle: how it is claimed, and how many were given after it."""

    manner: Manner
    back: int


class Walk:
    """Call both stores, and remember leases, intervals, and instants at which something is due."""

    def __init__(self, twins: Twins) -> None:
        self.twins = twins
        self._standing: dict[str, list[LeaseRef]] = {queue_type: [] for queue_type in TYPES}
        self._ended: dict[str, list[LeaseRef]] = {queue_type: [] for queue_type in TYPES}
        self._instants = Instants()

    @property
    def now(self) -> int:
        """Return the time (ms) by the stores' clock."""
        return self.twins.clock.now()

    async def advance(self, duration: int) -> None:
        """Let `duration` ms pass."""
        await self.twins.advance(duration)

    async def advance_to(self, which: int, early: int) -> None:
        """Let time pass until `early` ms before something is due, if anything is."""
        ahead = self._instants.ahead(self.now, early)
        if ahead:
            await self.advance(ahead[which % len(ahead)] - self.now)

    async def ask(self, queue_type: str | None, items: Sequence[Item]) -> Sequence[Outcome]:
        """Make one call, if there are items, and remember what it changed."""
        if not items:
            return []
        outcomes = await self.twins.ask(queue_type, items)
        for item, outcome in zip(items, outcomes, strict=True):
            self._note(queue_type or "", item, outcome)
        return outcomes

    async def take(self, queue_type: str, take: Take) -> list[LeaseRef]:
        """Dequeue; return the leases that this gave, or gave again."""
        [answer] = await self.ask(queue_type, [take])
        return _leases(answer)

    async def finish(
        self, queue_type: str, leases: Sequence[LeaseRef], *, receipt_time: int = RECEIPT_TIME
    ) -> None:
        """Finish leases, if there are any."""
        await self.ask(queue_type, [Finish(lease, receipt_time) for lease in leases])

    async def tend(self, limit: int = 100) -> None:
        """Tend once."""
        await self.ask(None, [Tend(limit, self.twins.retention)])

    async def clear(self, queue_type: str, what: Clear, *, limit: int = 100) -> None:
        """Clear a queue or a type to the end, and remember which leases that ended."""
        await self.twins.clear(queue_type, what, limit=limit)
        if JobState.LEASED in what.states:
            leases = self._standing[queue_type]
            gone = [lease for lease in leases if what.queue_id in {None, lease.queue_id}]
            self._retire(queue_type, gone)

    async def letters(self, queue_type: str) -> list[LetterRef]:
        """Return the dead letters of a type, the newest first."""
        found = await self.twins.follow(queue_type, Letters(), limit=100)
        return [LetterRef(letter.number) for letter in found]

    async def move_letters(
        self,
        queue_type: str,
        queue_id: str | None,
        verb: type[RedriveRange] | type[DiscardRange],
        limit: int,
    ) -> None:
        """Redrive or discard the dead letters of a queue or a type, in steps of `limit`."""
        after: int | None = 0
        while after is not None:
            step = verb(LetterRange(queue_id, after), limit)
            [answer] = await self.ask(queue_type, [step])
            after = answer.after if isinstance(answer, LettersMoved) else None

    async def compare_state(self) -> None:
        """Look at all there is, and list it."""
        for queue_type in TYPES:
            for queue_id in QUEUE_IDS:
                await self.ask(queue_type, [Look(queue_id)])
                for state in JobState:
                    await self.twins.follow(queue_type, Jobs(queue_id, state), limit=1)
            await self.ask(queue_type, [Look()])
            for listing in (Names(), Queues(), Overdue(), Backlogs(), Letters(), SharedLimits()):
                await self.twins.follow(queue_type, listing, limit=100)
        await self.ask(None, [Look()])
        for of_types in (Names(), Types(), KnownTypes(), Figures(tuple(TYPES))):
            await self.twins.follow(None, of_types, limit=100)

    async def finish_all(self, queue_type: str) -> None:
        """Serve a type's jobs, each at its time, until there are none."""
        for _ in range(MAX_STEPS):
            await self.tend()
            [answer] = await self.ask(queue_type, [Take(100, 1000)])
            leases = _leases(answer)
            if leases:
                await self.finish(queue_type, leases)
            elif not isinstance(answer, Dequeued) or answer.next_ready_at is None:
                return
            else:
                await self.advance(max(1, answer.next_ready_at - self.now))
        self.twins.check()
        raise AssertionError(f"the jobs of {queue_type} have no end")

    async def purge_all(self) -> None:
        """Remove what is left, settings too, and let every debt be paid off and be forgotten."""
        for queue_type in TYPES:
            await self.ask(queue_type, [PatchType(GATE_TAKEN_BACK, DEFAULTS_TAKEN_BACK)])
            await self.ask(queue_type, [PatchQueue(name, TAKEN_BACK) for name in QUEUE_IDS])
            for queue_id in QUEUE_IDS:
                await self.clear(queue_type, Clear(queue_id, ALL_STATES, counts=True))
            await self.ask(queue_type, [DropLimit(name) for name in LIMIT_NAMES])
        await self.advance(LONG_AFTER)
        await self.twins.tend_all()

    def picked(self, queue_type: str, pick: Pick) -> LeaseRef:
        """Return the claim that is picked; without any lease, one with a token of nobody."""
        standing, ended = self._standing[queue_type], self._ended[queue_type]
        late = pick.manner in {Manner.LATE, Manner.OTHER_JOB}
        leases = (ended or standing) if late else (standing or ended)
        if not leases:
            return LeaseRef(QUEUE_IDS[0], JOB_IDS[0], NOBODYS)
        return _altered(leases[-1 - pick.back % len(leases)], pick)

    def _note(self, queue_type: str, item: Item, outcome: Outcome) -> None:
        self._instants.note(queue_type, item, outcome, self.now, self.twins.retention.max_age)
        match item, outcome:
            case Take(), Dequeued():
                self._note_ended(outcome.ended)
                self._standing[queue_type] += _leases(outcome)
            case Tend(), Tended():
                self._note_ended(outcome.ended)
            case Cancel(job), AmendOutcome.DONE:
                self._retire_job(queue_type, job)
            case _, (LeaseOutcome.ENDED | Ended()) if isinstance(item, Settlement):
                self._retire_job(queue_type, item.lease)
            case _:
                pass

    def _note_ended(self, ended: Sequence[EndedLease]) -> None:
        for lease in ended:
            ref = LeaseRef(lease.queue_id, lease.job_id, lease.token)
            self._retire(lease.queue_type, [ref])

    def _retire_job(self, queue_type: str, job: JobRef | LeaseRef) -> None:
        name = (job.queue_id, job.job_id)
        leases = self._standing[queue_type]
        self._retire(queue_type, [ref for ref in leases if (ref.queue_id, ref.job_id) == name])

    def _retire(self, queue_type: str, gone: Collection[LeaseRef]) -> None:
        standing = self._standing[queue_type]
        self._ended[queue_type] += [lease for lease in standing if lease in gone]
        self._standing[queue_type] = [lease for lease in standing if lease not in gone]


def without_tokens(leases: Sequence[LeaseRef]) -> list[LeaseRef]:
    """Return claims to the current leases of the same jobs."""
    return [replace(lease, token=None) for lease in leases]


def _leases(answer: Outcome) -> list[LeaseRef]:
    jobs = answer.jobs if isinstance(answer, Dequeued) else ()
    return [LeaseRef(job.queue_id, job.job_id, job.token) for job in jobs]


def _altered(ref: LeaseRef, pick: Pick) -> LeaseRef:
    match pick.manner:
        case Manner.OWN | Manner.LATE:
            return ref
        case Manner.WITHOUT:
            return replace(ref, token=None)
        case Manner.WRONG:
            return replace(ref, token=NOBODYS)
        case Manner.OTHER_JOB:
            return replace(ref, job_id=JOB_IDS[pick.back % len(JOB_IDS)])
