"""What the description calls each operation: an id that stays, and what it does, by groups.

The words are those of the README's table of routes; a test compares them.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """The id of an operation, and what it does."""

    id: str
    does: str


class Group(NamedTuple):
    """A group of operations: its title, what it is about, and its operations by their routes."""

    title: str
    about: str
    operations: Mapping[str, Words]


ENQUEUE = Group(
    "Enqueue",
    "Put jobs into queues. A queue comes into being with its first job.",
    {
        "POST /enqueue/<queue_type>/<queue_id>": Words("enqueue", "put a job into a queue"),
        "POST /enqueue/<queue_type>": Words(
            "enqueueBatch", "put up to 1000 jobs into their queues"
        ),
    },
)
WORK = Group(
    "Work",
    "Lease jobs, and say what became of them.",
    {
        "POST /dequeue/<queue_type>": Words("dequeue", "lease the next job of a type"),
        "GET /dequeue/<queue_type>": Words("dequeueByGet", "the same, asked in the query"),
        "POST /dequeue": Words("dequeueDefault", "the same for the type `default`"),
        "GET /dequeue": Words(
            "dequeueDefaultByGet", "the same for the type `default`, asked in the query"
        ),
        "POST /finish/<queue_type>/<queue_id>/<job_id>": Words(
            "finish", "end a lease, the job done"
        ),
        "POST /finish/<queue_type>": Words("finishBatch", "end up to 1000 leases"),
        "POST /release/<queue_type>/<queue_id>/<job_id>": Words("release", "hand a job back"),
        "POST /release/<queue_type>": Words("releaseBatch", "hand up to 1000 jobs back"),
        "POST /fail/<queue_type>/<queue_id>/<job_id>": Words(
            "fail", "say that this attempt failed"
        ),
        "POST /fail/<queue_type>": Words("failBatch", "say so of up to 1000 jobs"),
        "POST /extend/<queue_type>/<queue_id>/<job_id>": Words(
            "extend", "give a lease another end"
        ),
        "POST /extend/<queue_type>": Words("extendBatch", "give up to 1000 leases another end"),
    },
)
LOOK = Group(
    "Look",
    "See what there is, and why it waits.",
    {
        "GET /job/<queue_type>/<queue_id>/<job_id>": Words("getJob", "look at a job"),
        "GET /types": Words("listTypes", "list types with their lengths by state"),
        "GET /type/<queue_type>": Words(
            "getType", "lengths, settings, totals and counts of a type"
        ),
        "GET /queues/<queue_type>": Words(
            "listQueues",
            "list queues of a type with their lengths: all, those with a prefix, the overdue, or "
            "the longest",
        ),
        "GET /queue/<queue_type>/<queue_id>": Words(
            "getQueue",
            "lengths by state, next ready time, settings and counts of a queue, and why it waits",
        ),
        "GET /jobs/<queue_type>/<queue_id>": Words(
            "listJobs", "list the jobs of a queue in one state, without taking them"
        ),
        "GET /metrics": Words("getCounts", "types, and counts of everything"),
        "GET /metrics/<queue_type>": Words("getTypeCounts", "queues of a type, and its counts"),
        "GET /metrics/<queue_type>/<queue_id>": Words(
            "getQueueCounts", "lengths and counts of a queue"
        ),
    },
)
SETTINGS = Group(
    "Settings",
    "Change limits and what else holds for queues, types and shared limits; change and remove "
    "jobs.",
    {
        "PATCH /queue/<queue_type>/<queue_id>": Words("patchQueue", "change settings of a queue"),
        "PATCH /type/<queue_type>": Words(
            "patchType", "change settings of a type, and the defaults of its queues"
        ),
        "GET /limits/<queue_type>": Words("listLimits", "list the shared limits of a type"),
        "GET /limit/<queue_type>/<name>": Words(
            "getLimit",
            "settings of a shared limit, what it is owed, why it is closed, how many queues wait "
            "for it",
        ),
        "PATCH /limit/<queue_type>/<name>": Words(
            "patchLimit", "create a shared limit, or change its settings"
        ),
        "DELETE /limit/<queue_type>/<name>": Words("deleteLimit", "remove a shared limit"),
        "POST /interval/<queue_type>/<queue_id>": Words("setInterval", "change a queue's interval"),
        "PATCH /job/<queue_type>/<queue_id>/<job_id>": Words(
            "patchJob", "give a job that waits another priority or time"
        ),
        "DELETE /job/<queue_type>/<queue_id>/<job_id>": Words("cancelJob", "cancel a job"),
        "DELETE /deletequeue/<queue_type>/<queue_id>": Words("clearQueue", "clear a queue"),
        "DELETE /deletequeue/<queue_type>": Words(
            "clearType", "clear all queues of a type, in several requests if there are many"
        ),
    },
)
LETTERS = Group(
    "Dead letters",
    "Look at jobs that died, let them wait again, or remove them.",
    {
        "GET /deadletters/<queue_type>": Words("listTypeLetters", "list dead letters of a type"),
        "GET /deadletters/<queue_type>/<queue_id>": Words(
            "listQueueLetters", "list dead letters of a queue"
        ),
        "POST /redrive/<queue_type>": Words("redriveType", "let dead letters of a type wait again"),
        "POST /redrive/<queue_type>/<queue_id>": Words(
            "redriveQueue", "let dead letters of a queue wait again"
        ),
        "POST /discard/<queue_type>": Words("discardType", "remove dead letters of a type"),
        "POST /discard/<queue_type>/<queue_id>": Words(
            "discardQueue", "remove dead letters of a queue"
        ),
    },
)
SERVER = Group(
    "Server",
    "What the server says of itself.",
    {
        "GET /": Words("greet", "greet"),
        "GET /deepstatus": Words("deepStatus", "make sure that a dequeue and a finish can run"),
        "GET /-/health": Words(
            "getHealth", "say that this process serves, without asking the store"
        ),
        "GET /-/ready": Words(
            "getReadiness",
            "say whether to send this server requests; with `?detail=1` what is weak or wrong",
        ),
        "GET /-/metrics": Words("scrape", "figures for Prometheus"),
        "GET /-/scaling/<queue_type>": Words("getScaling", "how many queues may go, for a scaler"),
        "POST /-/session": Words("beginSession", "log in with a key"),
        "DELETE /-/session": Words("endSession", "log out"),
        "GET /-/openapi.json": Words("getDescription", "this API as an OpenAPI description"),
        "GET /-/docs": Words("showDescription", "the same description as a page for people"),
    },
)
GROUPS = (ENQUEUE, WORK, LOOK, SETTINGS, LETTERS, SERVER)
