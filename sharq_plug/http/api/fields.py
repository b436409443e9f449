"""What the fields of bodies, queries and replies hold: types with bounds and a line for people.

The bounds are told in the description only. The model checks them, in one place for every way in.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Raw

from sharq_plug.model import (
    COUNTED_MINUTES,
    MAX_BATCH,
    MAX_BURST_DEBT,
    MAX_COST,
    MAX_DURATION,
    MAX_ERROR_LENGTH,
    MAX_FACTOR,
    MAX_HEADERS,
    MAX_INSTANT,
    MAX_INTEGER,
    MAX_INTERVAL,
    MAX_KEY_TIME,
    MAX_LIMITS,
    MAX_NAME_LENGTH,
    MAX_NAMED_QUEUES,
    MAX_PER,
    MAX_PRIORITY,
    MAX_RATE,
    MAX_TOKEN_LENGTH,
    MAX_UNITS,
    MAX_USES,
    MAX_WEIGHT,
)
from sharq_plug.service import MAX_PAGE, MAX_WAIT

NAME_PATTERN = "^[A-Za-z0-9_.:@+~-]*[A-Za-z0-9_:@+~-][A-Za-z0-9_.:@+~-]*$"
"""What a name is made of: not of dots alone."""
NAME: dict[str, Any] = {"pattern": NAME_PATTERN, "minLength": 1, "maxLength": MAX_NAME_LENGTH}
BEGINNING = "^[A-Za-z0-9_.:@+~-]*$"
AMOUNTS: dict[str, Any] = {
    "maxProperties": MAX_UNITS,
    "propertyNames": NAME,
    "properties": {"job": {"type": "integer", "minimum": 1, "maximum": MAX_COST}},
}


def said(what: str, **schema: Any) -> Meta:
    """Return a line for people about a field, and what else its schema says."""
    return Meta(description=what, extra_json_schema=schema or None)


def bounded(**schema: Any) -> Meta:
    """Return what the schema of an inner value says."""
    return Meta(extra_json_schema=schema)


def number(what: str, least: int, most: int = MAX_INTEGER) -> Meta:
    """Return what is told of an integer."""
    return said(what, minimum=least, maximum=most)


def name(what: str) -> Meta:
    """Return what is told of a name."""
    return said(what, **NAME)


def span(what: str, least: int = 0, most: int = MAX_DURATION) -> Meta:
    """Return what is told of a span of time (ms)."""
    return number(what, least, most)


# What requests bring.

JobId: TypeAlias = Annotated[str, name("The id of the job, unique in its queue")]
QueueId: TypeAlias = Annotated[str, name("The id of the queue")]
QueueType: TypeAlias = Annotated[str, name("The type of the queue")]
LimitName: TypeAlias = Annotated[str, name("The name of a shared limit")]
BroughtName: TypeAlias = Annotated[str, bounded(**NAME)]
Unit: TypeAlias = Annotated[str, name("What is counted; `job` unless given")]
Payload: TypeAlias = Annotated[
    Raw, said("Any JSON value. It comes out as it went in, byte for byte")
]
Interval: TypeAlias = Annotated[
    int,
    span(
        "The time (ms) between two dequeues of the queue; needed unless settings give it limits",
        most=MAX_INTERVAL,
    ),
]
NewInterval: TypeAlias = Annotated[
    int, span("The time (ms) between two dequeues of the queue; 0 is no limit", most=MAX_INTERVAL)
]
RequeueLimit: TypeAlias = Annotated[
    int, number("How often the job may come back after a lease expired or a worker failed", -1)
]
MaxQueuedLength: TypeAlias = Annotated[
    int, number("Refuse the job when so many jobs wait already", 0)
]
Delay: TypeAlias = Annotated[int, span("How long (ms) the job waits from now on")]
At: TypeAlias = Annotated[
    int,
    number("The instant (ms since the epoch) before which the job does not go", 0, MAX_INSTANT),
]
Priority: TypeAlias = Annotated[
    int, number("Within its queue, the higher goes first; 0 unless given", 0, MAX_PRIORITY)
]
Ttl: TypeAlias = Annotated[
    int,
    span("After this time (ms) the job is not delivered any more, but becomes a dead letter", 1),
]
FirstDelay: TypeAlias = Annotated[
    int, span("How long (ms) the job waits after an expired lease or a failed attempt")
]
Factor: TypeAlias = Annotated[int, number("Each time, wait so many times as long", 1, MAX_FACTOR)]
MostDelay: TypeAlias = Annotated[int, span("The longest wait (ms)")]
Key: TypeAlias = Annotated[str, name("A key under which the job is remembered")]
KeepFor: TypeAlias = Annotated[int, span("How long (ms) the key is remembered", 1, MAX_KEY_TIME)]
IdempotencyKey: TypeAlias = Annotated[
    str, name("A key under which the job is remembered for the server's `idempotency_time`")
]
Cost: TypeAlias = Annotated[int, number("How many of the unit `job` it takes", 1, MAX_COST)]
Costs: TypeAlias = Annotated[
    Mapping[str, Annotated[int, bounded(minimum=0, maximum=MAX_COST)]],
    said("How many of each unit it takes", **AMOUNTS),
]
JobHeaders: TypeAlias = Annotated[
    Raw,
    said(
        "Headers for the worker, 4096 bytes in all",
        type=["object", "null"],
        maxProperties=MAX_HEADERS,
        additionalProperties={"type": "string"},
    ),
]
PurgeAll: TypeAlias = Annotated[
    Raw,
    said("Remove dead letters and counts too; any value that Python takes for true, as in SharQ"),
]
Ignored: TypeAlias = Annotated[Raw, said("Ignored")]
Lease: TypeAlias = Annotated[
    str,
    said(
        "The token of the lease, as the dequeue answered it",
        pattern=r"^[\x00-\x7F]*$",
        minLength=1,
        maxLength=MAX_TOKEN_LENGTH,
    ),
]
LeaseTime: TypeAlias = Annotated[int, span("The lease ends so many ms from now", 1)]
AskedLeaseTime: TypeAlias = Annotated[
    int,
    span("How long (ms) the lease lasts; at most this server's `max_lease_time`", 1),
]
ErrorText: TypeAlias = Annotated[
    str, said("What went wrong; it is kept with the job", maxLength=MAX_ERROR_LENGTH)
]
Dead: TypeAlias = Annotated[bool, said("Let the job become a dead letter now")]
Freeze: TypeAlias = Annotated[int, span("Freeze the queue for this time (ms)")]
FreezeFor: TypeAlias = Annotated[int, span("For how long (ms)")]
FreezeNow: TypeAlias = Annotated[
    int, span("Freeze it for this time (ms) from now on; 0 ends a freeze")
]
Count: TypeAlias = Annotated[
    int, number("Lease up to so many jobs; the answer has a list of jobs then", 1, MAX_BATCH)
]
Wait: TypeAlias = Annotated[int, span("How long (ms) to wait for a job", most=MAX_WAIT)]
AttemptId: TypeAlias = Annotated[
    str, name("A name for this dequeue: with the same one it can be repeated")
]
QueueIds: TypeAlias = Annotated[
    tuple[Annotated[str, bounded(**NAME)], ...],
    said("Take from these queues only", minItems=1, maxItems=MAX_NAMED_QUEUES),
]
Together: TypeAlias = Annotated[bool, said("Take all jobs from one queue")]
LetterNumbers: TypeAlias = Annotated[
    tuple[Annotated[int, bounded(minimum=1, maximum=MAX_INTEGER)], ...],
    Meta(description="The numbers of dead letters", max_length=MAX_BATCH),
]
LetterJobs: TypeAlias = Annotated[
    tuple[Annotated[str, bounded(**NAME)], ...],
    Meta(
        description="Job ids: the newest dead letter of each; only with a queue in the path",
        max_length=MAX_BATCH,
    ),
]
LetterCount: TypeAlias = Annotated[
    int, number("How many of the oldest dead letters to look at", 1, MAX_BATCH)
]
LetterCursor: TypeAlias = Annotated[
    str, said("The `cursor` of the previous answer", pattern="^[0-9]{1,15}$")
]

# Settings.

Rate: TypeAlias = Annotated[int, number("How many units may go in each period", 1, MAX_RATE)]
Per: TypeAlias = Annotated[int, span("The period (ms)", 1, MAX_PER)]
Burst: TypeAlias = Annotated[
    int,
    number(
        "How many units may go at once after a rest; `burst` times `per` is at most 4 * 10^15",
        1,
        MAX_BURST_DEBT,
    ),
]
Concurrency: TypeAlias = Annotated[int, number("The most leases at a time", 1)]
Weight: TypeAlias = Annotated[
    int, number("How many deliveries in a row the turn of a queue allows", 1, MAX_WEIGHT)
]
MaxLength: TypeAlias = Annotated[int, number("The most jobs that may wait", 0)]
Paused: TypeAlias = Annotated[bool, said("Whether it gives no jobs")]
SettingInterval: TypeAlias = Annotated[
    int, span("Short for one limit of 1 job in this time (ms); 0 for no limits", most=MAX_INTERVAL)
]
UsedNames: TypeAlias = Annotated[
    tuple[Annotated[str, bounded(**NAME)], ...],
    said("The shared limits that it uses", maxItems=MAX_USES, uniqueItems=True),
]
Left: TypeAlias = Annotated[int, number("How many of the unit an upstream says are left", 0)]
LeftUntil: TypeAlias = Annotated[
    int, number("Until when (ms since the epoch) that holds", 0, MAX_INSTANT)
]
FEW_LIMITS = said("Limits, all of which hold", maxItems=MAX_LIMITS)
FEW_USES = said(
    "Different shared limits that the queue uses from now on", maxItems=MAX_USES, uniqueItems=True
)

# What queries ask.

ShowPayload: TypeAlias = Annotated[bool, said("Show payloads too; needs `read_payloads`")]
Detail: TypeAlias = Annotated[bool, said("Tell also what serves, what is weak and what is wrong")]
CancelLeased: TypeAlias = Annotated[bool, said("Cancel the job even if it is leased")]
Cursor: TypeAlias = Annotated[
    str, said("The `cursor` of the previous page", maxLength=500, pattern="^[A-Za-z0-9_.:~-]+$")
]
PageLimit: TypeAlias = Annotated[int, number("The most items on a page", 1, MAX_PAGE)]
Prefix: TypeAlias = Annotated[
    str,
    said("Only queues whose ids begin so", pattern=BEGINNING, maxLength=MAX_NAME_LENGTH),
]

# What replies tell.

Number: TypeAlias = Annotated[int, bounded(minimum=0)]
Instant: TypeAlias = Annotated[int, said("Milliseconds since the epoch", minimum=0)]
ReadySince: TypeAlias = Annotated[
    int, said("Since when (ms since the epoch) it can be dequeued; null if it cannot", minimum=0)
]
NextReadyAt: TypeAlias = Annotated[
    int,
    said(
        "When (ms since the epoch) a job can go if no request comes before; null if nothing is "
        "foreseen",
        minimum=0,
    ),
]
FrozenUntil: TypeAlias = Annotated[
    int, said("When (ms since the epoch) its freeze ends; null if it is not frozen", minimum=0)
]
EarliestAt: TypeAlias = Annotated[
    int, said("When (ms since the epoch) it goes at the earliest", minimum=0)
]
Waiting: TypeAlias = Annotated[int, said("How many jobs wait", minimum=0)]
Delayed: TypeAlias = Annotated[int, said("How many jobs wait for their time", minimum=0)]
Leased: TypeAlias = Annotated[int, said("How many jobs workers have", minimum=0)]
DeadLetters: TypeAlias = Annotated[int, said("How many dead letters there are", minimum=0)]
Attempt: TypeAlias = Annotated[int, said("How often it was leased", minimum=0)]
Position: TypeAlias = Annotated[int, said("How many jobs of its queue stand before it", minimum=0)]
Pending: TypeAlias = Annotated[
    bool, said("Whether changed defaults of its type have not reached it yet")
]
MinuteCounts: TypeAlias = Annotated[
    Mapping[int, Annotated[int, bounded(minimum=0)]],
    said(
        "A count for each of the last ten minutes; its key is when the minute began, in ms since "
        "the epoch",
        minProperties=COUNTED_MINUTES,
        maxProperties=COUNTED_MINUTES,
    ),
]
NextCursor: TypeAlias = Annotated[str, said("Leads to what is left; null if that was all")]
