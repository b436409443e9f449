"""What went wrong with Redis: a sentence for the log, and one for clients, without any address."""

import os
import re
import socket
import ssl
from collections.abc import Sequence

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from sharq_plug.errors import StoreUnavailable

NO_ANSWER = "The store does not answer."
REFUSES = "The store refuses this server."
FAILED = "The store failed."
FULL = "The store is full: it takes no new jobs until others are done."
READ_ONLY = "The store takes no writes at present."

NO_SUCH_COMMAND = (
    r"(?i)(ERR )?(unknown|unsupported) (redis )?(sub)?command .?{0}|ERR command .?{0}.* not support"
)
"""How servers and services report a command that they do not have. `{0}` is how its name begins."""
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
        "it is part of a Redis Cluster: set [redis] clustered : true",
        REFUSES,
    ),
    (
        r"ERR This instance has cluster support disabled",
        "it is not part of a Redis Cluster: set [redis] clustered : false",
        REFUSES,
    ),
    (
        NO_SUCH_COMMAND.format("cluster"),
        "it is not part of a Redis Cluster; it may be a Sentinel",
        REFUSES,
    ),
    (
        r"SENTINEL ",
        "it is a Sentinel: list it in [redis] sentinels, and set sentinel_service",
        REFUSES,
    ),
    (
        NO_SUCH_COMMAND.format("sentinel"),
        "it is not a Sentinel: [redis] sentinels lists only sentinels, host and port name a Redis",
        REFUSES,
    ),
    (
        r"ERR Error compiling script",
        "it is too old: Redis 7 or later, or Valkey, is needed",
        REFUSES,
    ),
    (
        NO_SUCH_COMMAND.format("eval"),
        "it runs neither functions nor scripts, and the server needs one of them",
        REFUSES,
    ),
    (
        r"(?i).*(undeclared key|uses should be passed|attempted to access (keys|a non local))",
        "it refuses keys that a script does not declare (docs/redis.md tells how to allow them)",
        REFUSES,
    ),
)
"""How replies of a kind begin, what they mean, and what clients are told."""
IN_A_CLUSTER = (
    (r"(TRYAGAIN|ASK) ", "the slot of this type is moving to another server", READ_ONLY),
    (r"CLUSTERDOWN ", "the cluster, or this part of it, is down", NO_ANSWER),
    (r"MOVED ", "its servers disagree about which of them has this slot", READ_ONLY),
    (r"(LOADING|MASTERDOWN) ", "it is not ready yet", NO_ANSWER),
)
"""What replies mean when they come from a server of a cluster, as expected."""
CODES = {NoPermissionError: "NOPERM ", AuthenticationError: "WRONGPASS ", ResponseError: ""}
"""What redis-py cuts off the replies to AUTH and SELECT."""
RIGHTS = re.compile(KINDS[0][0])
UNKNOWN = re.compile(NO_SUCH_COMMAND.format(""))
_words_of_the_command = re.compile("(?s), with args beginning with: .*")


class NotPermitted(StoreUnavailable):
    """A command is one that the user of this Redis may not send, or that it does not have."""


def refused(address: str, reply: str) -> StoreUnavailable:
    """Return an error reply of the Redis at an address as an error of ours."""
    return _as_one_of(KINDS, address, reply)


def refused_by_cluster(address: str, reply: str) -> StoreUnavailable:
    """Return an error reply of a server of a cluster as an error of ours."""
    return _as_one_of((*IN_A_CLUSTER, *KINDS), address, reply)


def _as_one_of(kinds: Sequence[tuple[str, str, str]], address: str, reply: str) -> StoreUnavailable:
    kind = NotPermitted if is_not_permitted(reply) else StoreUnavailable
    for beginning, meaning, public in kinds:
        if re.match(beginning, reply):
            return kind(f"Redis at {address}: {meaning}: {in_short(reply)}", public=public)
    return kind(f"Redis at {address}: {in_short(reply)}", public=FAILED)


def unreached(address: str, error: BaseException | str) -> StoreUnavailable:
    """Return a failure of the connection to an address as an error of ours."""
    for kind, code in CODES.items():
        if isinstance(error, kind):
            return refused(address, f"{code}{error}")
    cause = None if isinstance(error, str) else _system_error(error)
    return StoreUnavailable(f"Redis at {address}: {cause or error}", public=NO_ANSWER)


def is_not_permitted(reply: str) -> bool:
    """Say whether an error reply is about a right that this user lacks, or a command of Redis."""
    return RIGHTS.match(reply) is not None or UNKNOWN.match(reply) is not None


def in_short(reply: str) -> str:
    """Return an error reply without the words of the command that was sent."""
    return _words_of_the_command.sub("", reply)


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
