"""What a Redis's settings mean for the jobs in it."""

from sharq_plug.errors import ConfigError, StoreUnavailable
from sharq_redis.link import Link

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


async def weaknesses_of(link: Link) -> list[str]:
    """Say, in a sentence each, what this Redis may lose. Raises StoreUnavailable."""
    sentences = []
    if (await _info(link, "persistence")).get("aof_enabled") != "1":
        sentences.append(NO_APPEND_ONLY_FILE if await _setting(link, "save") else NO_PERSISTENCE)
    elif await _setting(link, "appendfsync") == "no":
        sentences.append(NO_FSYNC)
    policy = (await _info(link, "memory")).get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        sentences.append(
            f"this Redis may evict jobs when its memory is full (maxmemory-policy is {policy}; "
            "noeviction is safe)"
        )
    return sentences


async def check_version(link: Link) -> None:
    """Raise ConfigError if this Redis is too old for the scripts."""
    version = (await _info(link, "server")).get("redis_version", "0")
    if int(version.split(".")[0]) < OLDEST_MAJOR:
        raise ConfigError(f"Redis {version} is too old: Redis 7 or later, or Valkey, is needed")


async def _info(link: Link, section: str) -> dict[str, str]:
    text = await link.call("INFO", section)
    lines = (line.partition(":") for line in text.decode().splitlines())
    return {key: value for key, _, value in lines}


async def _setting(link: Link, name: str) -> str:
    """Return a setting, '' if it is empty or this Redis does not tell."""
    try:
        reply = await link.call("CONFIG", "GET", name)
    except StoreUnavailable:
        return ""
    return reply[1].decode() if reply else ""
