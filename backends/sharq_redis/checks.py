"""What this Redis lets the store do: tried out, on keys that no queue has."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import hiredis

from sharq_redis.durability import weaknesses_of
from sharq_redis.link import Link
from sharq_redis.refusals import is_about_rights
from sharq_redis.scripts import Scripts
from sharq_redis.wakeups import Wakeups
from sharq_redis.wire import Command

FULL = "this Redis is full: it refuses every enqueue until workers have made room"
IGNORED = "[redis] url is set, so that these keys of [redis] do not count: "
DEAF = "workers that wait get jobs up to 5 s late, since this user may not use wake-ups: "
LACKING = "this user lacks rights that the server needs (docs/redis.md has the ACL rule): "


@dataclass(frozen=True, slots=True)
class Checks:
    """Try out what the store needs.

    `keys` and `channel` are those of a type without a name, `ignored` the options that were set
    and do not count.
    """

    link: Link
    wakeups: Wakeups
    scripts: Scripts
    key_prefix: str
    keys: Sequence[str]
    channel: str
    ignored: Sequence[str] = ()

    async def ping(self) -> None:
        """Do what a dequeue and a finish need. Raises StoreUnavailable."""
        # Three tags do not have one slot, so that a Redis Cluster refuses them together.
        tags = ("{" + f"{self.key_prefix}:{other}" + "}:check" for other in ("", "a", "b"))
        await self.link.run(self.scripts.check, self.keys, "", first=("EXISTS", *tags))

    async def weaknesses(self) -> list[str]:
        """Say, in a sentence each, what this Redis may lose, and what it refuses."""
        sentences = await weaknesses_of(self.link)
        if await self._is_full():
            sentences.append(FULL)
        lacking = await self._refusal_of_commands()
        if lacking is not None:
            sentences.append(LACKING + lacking)
        deaf = await self._refusal_of_wakeups()
        if deaf is not None:
            sentences.append(DEAF + deaf)
        if self.ignored:
            sentences.append(IGNORED + ", ".join(self.ignored))
        return sentences

    async def _is_full(self) -> bool:
        reply = await self.link.attempt(self.scripts.room, self.keys, "")
        return isinstance(reply, hiredis.ReplyError) and str(reply).startswith("OOM")

    async def _refusal_of_commands(self) -> str | None:
        """Send what a dequeue and a finish do not need; return why one is not permitted."""
        index = f"{self.key_prefix}:check:{secrets.token_hex(8)}"
        commands: list[Command] = [
            ("SADD", index, "a"),
            ("SSCAN", index, "0"),
            ("SREM", index, "a"),
            ("HINCRBY", index, "a", 1),
            ("HMGET", index, "a"),
            ("HSCAN", index, "0"),
            ("PEXPIRE", index, 1000),
            ("UNLINK", index),
            ("SCAN", "0", "MATCH", index, "COUNT", 1, "TYPE", "hash"),
            ("TIME",),
        ]
        return _first_refusal(await self.link.ask(commands))

    async def _refusal_of_wakeups(self) -> str | None:
        """Return why this user may not announce wake-ups, or hear them."""
        to_publish = _first_refusal(await self.link.ask([("PUBLISH", self.channel, "0")]))
        return to_publish or await self.wakeups.refusal(self.channel)


def _first_refusal(replies: Sequence[object]) -> str | None:
    refusals = (str(reply) for reply in replies if isinstance(reply, hiredis.ReplyError))
    return next(filter(is_about_rights, refusals), None)
