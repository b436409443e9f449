"""The Redis backend's plugin: its options, how its store is opened, and its commands."""

from collections.abc import Sequence

from sharq_plug.clock import Clock
from sharq_plug.hookspecs import Backend, Command, hookimpl
from sharq_redis.access import Access
from sharq_redis.functions import prune
from sharq_redis.library import Library
from sharq_redis.options import RedisOptions, address_of, ignored, target_of
from sharq_redis.store import RedisStore


def open_redis_store(
    options: RedisOptions, clock: Clock | None, library: Library | None = None
) -> RedisStore:
    """Return a store on the Redis that `options` name, with this package's library or another."""
    return RedisStore(
        Access.to(target_of(options), library),
        key_prefix=options.key_prefix,
        clock=clock,
        ignored=ignored(options),
    )


async def prune_functions(options: RedisOptions, arguments: Sequence[str]) -> int:
    """Run `functions prune`."""
    access = Access.to(target_of(options))
    try:
        return await prune(access.route, arguments)
    finally:
        await access.close()


COMMANDS = {
    "functions prune": Command(
        "remove the function libraries of other versions of this server from Redis (--dry-run: "
        "only say which)",
        prune_functions,
    )
}


@hookimpl
def sharq_backend() -> Backend:
    """Offer the Redis backend."""
    return Backend(
        options=RedisOptions,
        open=open_redis_store,
        shared=True,
        address=address_of,
        commands=COMMANDS,
    )
