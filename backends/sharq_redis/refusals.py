"""What went wrong with Redis: a sentence for the log, and one for clients, without any address."""

import os
import re
import socket
import ssl

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from sharq_plug.errors import StoreUnavailable

NO_ANSWER = "The store does not answer."
REFUSES = "The store refuses this server."
FAILED = "The store failed."
FULL = "The store is full: it takes no new jobs until others are done."
READ_ONLY = "The store takes no writes at present."

KINDS = (
    (
        r"NOPERM |.*(ACL failure in script|The user executing the script can't)",
        "its user lacks a right (docs/redis.md has the ACL rule)",
        REFUSES,
    ),
    (r"NOAUTH |WRONGPASS ", "it refuses the login", REFUSES),
    (r"OOM ", "its memory is full, so that it takes no new jobs", FULL),
    (r"READONLY ", "it is a read-only replica, and a primary is needed", READ_ONLY),
    (r"MISCONF |NOREPLICAS ", "it takes no writes at present", READ_ONLY),
    (
        r"MOVED |ASK |CROSSSLOT |CLUSTERDOWN |TRYAGAIN |SELECT is not allowed in cluster",
        "it is part of a Redis Cluster, which is not supported yet",
        REFUSES,
    ),
    (
        r"ERR Error compiling script",
        "it is too old: Redis 7 or later, or Valkey, is needed",
        REFUSES,
    ),
)
"""How replies of a kind begin, what they mean, and what clients are told."""
CODES = {NoPermissionError: "NOPERM ", AuthenticationError: "WRONGPASS ", ResponseError: ""}
"""What redis-py cuts off the replies to AUTH and SELECT."""
RIGHTS = re.compile(KINDS[0][0])
UNKNOWN = re.compile("ERR unknown (sub)?command", re.IGNORECASE)


class NotPermitted(StoreUnavailable):
    """A command is one that the user of this Redis may not send, or that it does not have."""


def refused(address: str, reply: str) -> StoreUnavailable:
    """Return an error reply of the Redis at an address as an error of ours."""
    for beginning, meaning, public in KINDS:
        if re.match(beginning, reply):
            kind = NotPermitted if RIGHTS.match(reply) else StoreUnavailable
            return kind(f"Redis at {address}: {meaning}: {reply}", public=public)
    kind = NotPermitted if UNKNOWN.match(reply) else StoreUnavailable
    return kind(f"Redis at {address}: {reply}", public=FAILED)


def unreached(address: str, error: BaseException | str) -> StoreUnavailable:
    """Return a failure of the connection to an address as an error of ours."""
    for kind, code in CODES.items():
        if isinstance(error, kind):
            return refused(address, f"{code}{error}")
    cause = None if isinstance(error, str) else _system_error(error)
    return StoreUnavailable(f"Redis at {address}: {cause or error}", public=NO_ANSWER)


def is_about_rights(reply: str) -> bool:
    """Say whether an error reply is about a right that this user lacks."""
    return RIGHTS.match(reply) is not None


def _system_error(error: BaseException) -> str | None:
    """Return what the system says; redis-py's message has the address in it once more."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):
        found = found.__cause__ or found.__context__
    if found is None or not found.errno:
        return None
    if isinstance(found, ssl.SSLError | socket.gaierror):
        return str(found.strerror)
    return os.strerror(found.errno)
