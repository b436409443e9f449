"""Try out what this Redis lets the store do, on keys that no queue has."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import hiredis

from sharq_plug.errors import StoreUnavailable
from sharq_redis.buckets import BUCKETS, Bucket, Buckets
from sharq_redis.durability import check_kind, has_to_be_whole, weaknesses_of
from sharq_redis.link import Link
from sharq_redis.refusals import in_short, is_not_permitted
from sharq_redis.routing.route import Route
from sharq_redis.wakeups import Wakeups
from sharq_redis.wire import Command

FULL = "this Redis is full: it refuses every enqueue until workers have made room"
DEAF = "workers that wait get jobs up to 5 s late, since this user may not use wake-ups: "
LACKING = "this user lacks rights that the server needs (docs/redis.md has the ACL rule): "
WHOLE = (
    "when part of this cluster is down, all of it refuses calls (cluster-require-full-coverage no "
    "keeps the other parts working)"
)


@dataclass(frozen=True, slots=True)
class Checks:
    """Try out what the store needs. `ignored` holds sentences on options that do not count."""

    route: Route
    wakeups: Wakeups
    buckets: Buckets
    ignored: Sequence[str] = ()
    is_cluster: bool = False

    async def kind(self) -> None:
        """Make sure this is a Redis that is new enough. Raises StoreUnavailable, ConfigError."""
        await _first_answer(*map(check_kind, await self.route.primaries()))

    async def ping(self) -> None:
        """Do what a dequeue and a finish need. Raises StoreUnavailable.

        In a cluster it is enough if one primary allows it.
        """
        if not self.is_cluster:
            # These three buckets have different slots, so a Redis Cluster refuses this command.
            elsewhere = (bucket.never for bucket in self.buckets.all[:3])
            await self.route.call("EXISTS", *elsewhere)
        await _first_answer(*(self._try_out(bucket) for bucket, _ in await self._parts()))

    async def weaknesses(self) -> list[str]:
        """Return sentences on what this Redis may lose and what it refuses."""
        # At once, so that a part which does not answer is waited for once.
        parts = [self._of_a_part(*part) for part in await self._parts()]
        found = await asyncio.gather(self._of_all_servers(), *parts)
        return list(dict.fromkeys((*chain.from_iterable(found), *self.ignored)))

    async def _parts(self) -> list[tuple[Bucket, int]]:
        """Return for each server one of its buckets, and how many buckets it has."""
        if not self.is_cluster:
            return [(self.buckets.probe, BUCKETS)]
        parts = await self.route.parts([bucket.never for bucket in self.buckets.all])
        return [(self.buckets.all[numbers[0]], len(numbers)) for numbers in parts]

    async def _of_all_servers(self) -> list[str]:
        """Return what the settings of the servers mean, with their addresses unless all agree."""
        links = await self.route.primaries()
        asked = [self._of_a_server(link) for link in links]
        found = await asyncio.gather(*asked, return_exceptions=True)
        places: dict[str, list[str]] = defaultdict(list)
        for link, sentences in zip(links, found, strict=True):
            if isinstance(sentences, StoreUnavailable) and self.is_cluster:
                continue  # _of_a_part reports it
            if isinstance(sentences, BaseException):
                raise sentences
            for sentence in sentences:
                places[sentence].append(link.address)
        return [
            sentence if len(addresses) == len(links) else f"{', '.join(addresses)}: {sentence}"
            for sentence, addresses in places.items()
        ]

    async def _of_a_server(self, link: Link) -> list[str]:
        sentences = await weaknesses_of(link)
        if self.is_cluster and await has_to_be_whole(link):
            sentences.append(WHOLE)
        return sentences

    async def _of_a_part(self, bucket: Bucket, size: int) -> list[str]:
        """Return what the server of this bucket refuses, or that it does not answer."""
        sentences = []
        try:
            if self.is_cluster:
                await self._try_out(bucket)
            if await self._is_full(bucket):
                sentences.append(FULL)
            lacking = await self._refusal_of_commands(bucket)
            deaf = await self._refusal_of_wakeups(bucket)
        except StoreUnavailable as error:
            if not self.is_cluster:
                raise
            share = f"{size} of {BUCKETS} buckets of types"
            return [f"{share} are unreachable; calls on these types get 503: {error}"]
        if lacking is not None:
            sentences.append(LACKING + lacking)
        if deaf is not None:
            sentences.append(DEAF + deaf)
        return sentences

    async def _try_out(self, bucket: Bucket) -> None:
        await self.route.run("check", self.buckets.keys_of_no_type(bucket), "")

    async def _is_full(self, bucket: Bucket) -> bool:
        reply = await self.route.attempt("room", self.buckets.keys_of_no_type(bucket), "")
        return isinstance(reply, hiredis.ReplyError) and str(reply).startswith("OOM")

    async def _refusal_of_commands(self, bucket: Bucket) -> str | None:
        """Send commands that `ping` does not; return why one is not permitted."""
        key = f"{bucket.tag}/check/{secrets.token_hex(8)}"
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
        return _first_refusal(await self.route.ask(commands))

    async def _refusal_of_wakeups(self, bucket: Bucket) -> str | None:
        """Return why this user may not announce or hear wake-ups; None if it may."""
        channel = self.buckets.channel_of_no_type(bucket)
        to_publish = _first_refusal(await self.route.ask([("SPUBLISH", channel, "0")]))
        return to_publish or await self.wakeups.refusal(channel)


async def _first_answer(*calls: Coroutine[Any, Any, None]) -> None:
    """Wait until one call succeeds. If all fail, raise what the first one raised."""
    if len(calls) == 1:
        return await calls[0]
    every = [asyncio.create_task(call) for call in calls]
    left = {*every}
    try:
        while left:
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            if any(call.exception() is None for call in done):
                return None
        every[0].result()
    finally:
        for call in every:
            call.cancel()
        await asyncio.gather(*every, return_exceptions=True)


def _first_refusal(replies: Sequence[object]) -> str | None:
    refusals = (str(reply) for reply in replies if isinstance(reply, hiredis.ReplyError))
    return next(map(in_short, filter(is_not_permitted, refusals)), None)
