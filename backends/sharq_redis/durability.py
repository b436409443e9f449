"""What a Redis's settings mean for the jobs in it."""

from sharq_plug.errors import ConfigError
from sharq_redis.link import Link
from sharq_redis.refusals import NotPermitted, refused

OLDEST_MAJOR = 7
NO_PERSISTENCE = (
    "this Redis has no persistence: a restart loses every job (appendonly yes keeps them)"
)
NO_APPEND_ONLY_FILE = (
    "this Redis keeps snapshots only: a crash loses what came after the latest "
    "(appendonly yes keeps more)"
)
NO_FSYNC = (
    "this Redis leaves it to the system when to write (appendfsync no): a crash of the machine "
    "may lose half a minute (everysec loses a second)"
)


UNKNOWN_SETTINGS = (
    "this Redis does not say whether it has persistence: it has no append-only file, and its user "
    "may not ask CONFIG GET for its snapshots"
)
UNKNOWN_FSYNC = (
    "this Redis does not say how often it writes its append-only file: its user may not ask "
    "CONFIG GET (appendfsync everysec loses a second)"
)
UNKNOWN = (
    "this Redis does not say what it keeps or evicts, nor its version: its user may not ask INFO"
)


async def weaknesses_of(link: Link) -> list[str]:
    """Say, in a sentence each, what this Redis may lose. Raises StoreUnavailable."""
    persistence, memory = await _info(link, "persistence"), await _info(link, "memory")
    if persistence is None or memory is None:
        return [UNKNOWN]
    sentences = []
    if persistence.get("aof_enabled") != "1":
        saves = await _setting(link, "save")
        no_setting = NO_PERSISTENCE if saves == "" else NO_APPEND_ONLY_FILE
        sentences.append(UNKNOWN_SETTINGS if saves is None else no_setting)
    else:
        fsync = await _setting(link, "appendfsync")
        if fsync is None:
            sentences.append(UNKNOWN_FSYNC)
        elif fsync == "no":
            sentences.append(NO_FSYNC)
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        sentences.append(
            f"this Redis may evict jobs when its memory is full (maxmemory-policy is {policy}; "
            "noeviction is safe)"
        )
    return sentences


async def check_kind(link: Link) -> None:
    """Raise StoreUnavailable if this is a Sentinel, ConfigError if this Redis is too old.

    A Redis that does not say passes.
    """
    info = await _info(link, "server") or {}
    if "sentinel" in (info.get("redis_mode"), info.get("server_mode")):  # Valkey's name for it
        raise refused(link.address, "SENTINEL by its INFO")
    version = info.get("redis_version", "")
    if version and int(version.split(".")[0]) < OLDEST_MAJOR:
        raise ConfigError(f"Redis {version} is too old: Redis 7 or later, or Valkey, is needed")


async def has_to_be_whole(link: Link) -> bool:
    """Return whether the whole cluster stops when part of it is down; False if not told."""
    return await _setting(link, "cluster-require-full-coverage") == "yes"


async def _info(link: Link, section: str) -> dict[str, str] | None:
    """Return a section of INFO, None if this user may not ask."""
    try:
        text = await link.call("INFO", section)
    except NotPermitted:
        return None
    lines = (line.partition(":") for line in text.decode().splitlines())
    return {key: value for key, _, value in lines}


async def _setting(link: Link, name: str) -> str | None:
    """Return a setting, None if this Redis does not tell."""
    try:
        reply = await link.call("CONFIG", "GET", name)
    except NotPermitted:
        return None
    return reply[1].decode() if reply else None
