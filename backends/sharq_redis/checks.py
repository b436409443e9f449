"""What this Redis lets the store do: tried out, on keys that no queue has."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import hiredis

from sharq_redis.buckets import Buckets
from sharq_redis.durability import weaknesses_of
from sharq_redis.link import Link
from sharq_redis.refusals import is_about_rights
from sharq_redis.wakeups import Wakeups
from sharq_redis.wire import Command

FULL = "this Redis is full: it refuses every enqueue until workers have made room"
IGNORED = "[redis] url is set, so that these keys of [redis] do not count: "
DEAF = "workers that wait get jobs up to 5 s late, since this user may not use wake-ups: "
LACKING = "this user lacks rights that the server needs (docs/redis.md has the ACL rule): "


@dataclass(frozen=True, slots=True)
class Checks:
    """Try out what the store needs; `ignored` are the options that were set and do not count."""

    link: Link
    wakeups: Wakeups
    buckets: Buckets
    ignored: Sequence[str] = ()

    async def ping(self) -> None:
        """Do what a dequeue and a finish need. Raises StoreUnavailable."""
        # Three buckets do not have one slot, so that a Redis Cluster refuses them together.
        elsewhere = (bucket.never for bucket in self.buckets.all[:3])
        await self.link.run("check", self._keys, "", first=("EXISTS", *elsewhere))

    @property
    def _keys(self) -> Sequence[str]:
        return self.buckets.probe_keys

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
        reply = await self.link.attempt("room", self._keys, "")
        return isinstance(reply, hiredis.ReplyError) and str(reply).startswith("OOM")

    async def _refusal_of_commands(self) -> str | None:
        """Send what a dequeue and a finish do not need; return why one is not permitted."""
        key = f"{self.buckets.probe.tag}/check/{secrets.token_hex(8)}"
        commands: list[Command] = [
            ("SADD", key, "a"),
            ("SSCAN", key, "0"),
            ("UNLINK", key),
            ("HSETNX", key, "a", "1"),
            ("HLEN", key),
            ("HSCAN", key, "0"),
            ("UNLINK", key),
            ("ZRANK", key, "a"),
        ]
        return _first_refusal(await self.link.ask(commands))

    async def _refusal_of_wakeups(self) -> str | None:
        """Return why this user may not announce wake-ups, or hear them."""
        channel = self.buckets.probe_channel
        to_publish = _first_refusal(await self.link.ask([("SPUBLISH", channel, "0")]))
        return to_publish or await self.wakeups.refusal(channel)


def _first_refusal(replies: Sequence[object]) -> str | None:
    refusals = (str(reply) for reply in replies if isinstance(reply, hiredis.ReplyError))
    return next(filter(is_about_rights, refusals), None)
