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

OUR_OWN: Mapping[str, str] = {
    "at": "an integer from 0 to 1000000000000000",
    "cost": "an integer from 1 to 1000000, or an object of at most 8 names with an integer from 0 "
    "to 1000000 each (`job` from 1)",
    "count": "an integer from 1 to 1000",
    "cursor": "the `cursor` of an earlier answer to the same question",
    "dead": "true or false",
    "deduplicate": f"an object of a `key` ({_NAME}) and an integer `for` from 1 to 604800000",
    "delay": _MS,
    "error": "text of at most 2000 characters",
    "for": "an integer from 1 to 1000000000000",
    "headers": "an object of at most 32 strings, and of at most 4096 bytes",
    "idempotency_key": _NAME,
    "jobs": "a list of at most 1000 items",
    "lease": "text of 1 to 200 ASCII characters",
    "letters": "a list of at most 1000 integers from 1 to 9007199254740991",
    "limit": "an integer from 1 to 1000",
    "lease_time": "an integer from 1 to this server's `max_lease_time`",
    "prefix": "the beginning of a name: up to 100 of A-Z a-z 0-9 _ - . : @ + ~",
    "priority": "an integer from 0 to 9",
    "queues": f"a list of 1 to 100 names, each {_NAME}",
    "requeue_delay": f"{_MS}, or an object of `first` (the same), `factor` (an integer from 1 to "
    "10) and `most` (as `first`)",
    "sort": "overdue or waiting",
    "state": "waiting, delayed, leased or dead",
    "states": "names of states, with commas between them: waiting, delayed, leased, dead",
    "together": "true or false",
    "ttl": "an integer from 1 to 1000000000000",
    "wait": "an integer from 0 to 60000",
}
