"""What the fields of a request may hold, in the words that clients read."""

from collections.abc import Mapping

_NAME = "1 to 100 of A-Z a-z 0-9 _ - . : @ + ~ and not dots alone"
_MS = "an integer from 0 to 1000000000000"

NAMES = frozenset({"queue_type", "queue_id", "job_id", "attempt_id"})
WHAT_A_NAME_IS = f"A name is {_NAME}."

OF_SHARQ: Mapping[str, str] = {
    "interval": _MS,
    "requeue_limit": "an integer from -1 to 9007199254740991",
    "max_queued_length": "an integer from 0 to 9007199254740991",
}
"""The fields for which SharQ has a message."""

_COST = (
    "an integer from 1 to 1000000, or an object of at most 8 names with an integer from 0 to "
    "1000000 each (`job` from 1)"
)
_SPAN = "an integer from 1 to 1000000000000"

OUR_OWN: Mapping[str, str] = {
    "actual": _COST,
    "at": "an integer from 0 to 1000000000000000",
    "burst": "an integer from 1 to 9007199254740991",
    "concurrency": "an integer from 1 to 9007199254740991, or null",
    "cost": _COST,
    "count": "an integer from 1 to 1000",
    "cursor": "the `cursor` of an earlier answer to the same question",
    "dead": "true or false",
    "deduplicate": f"an object of a `key` ({_NAME}) and an integer `for` from 1 to 604800000",
    "defaults": "an object of `limits`, `interval`, `concurrency`, `weight`, `max_length` and "
    "`uses`, or null",
    "delay": _MS,
    "error": "text of at most 2000 characters",
    "for": _SPAN,
    "freeze": f"{_MS}, or in a release or a fail an object of `limit` (a name) and `for` (the "
    "same integer)",
    "headers": "an object of at most 32 strings, and of at most 4096 bytes",
    "idempotency_key": _NAME,
    "jobs": "a list of at most 1000 items",
    "lease": "text of 1 to 200 ASCII characters",
    "letters": "a list of at most 1000 integers from 1 to 9007199254740991",
    "limits": "a list of at most 5 objects of `rate` and `per`, perhaps with `burst` and "
    "`unit`, or null",
    "limit": "an integer from 1 to 1000",
    "name": _NAME,
    "lease_time": "an integer from 1 to this server's `max_lease_time`",
    "max_length": "an integer from 0 to 9007199254740991, or null",
    "paused": "true, false or null",
    "per": _SPAN,
    "prefix": "the beginning of a name: up to 100 of A-Z a-z 0-9 _ - . : @ + ~",
    "priority": "an integer from 0 to 9",
    "queues": f"a list of 1 to 100 names, each {_NAME}",
    "rate": "an integer from 1 to 1000000",
    "remaining": "an integer from 0 to 9007199254740991, or null",
    "requeue_delay": f"{_MS}, or an object of `first` (the same), `factor` (an integer from 1 to "
    "10) and `most` (as `first`)",
    "sort": "overdue or waiting",
    "state": "waiting, delayed, leased or dead",
    "states": "names of states, with commas between them: waiting, delayed, leased, dead",
    "together": "true or false",
    "ttl": _SPAN,
    "unit": _NAME,
    "until": "an integer from 0 to 1000000000000000",
    "uses": f"a list of at most 2 different names, each {_NAME}, in an enqueue also objects of "
    "`name` and `limits`, or null",
    "wait": "an integer from 0 to 60000",
    "weight": "an integer from 1 to 100, or null",
}
