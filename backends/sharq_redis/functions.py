"""The command `functions prune`: remove the function libraries of versions that run no more."""

import re
import sys
from collections.abc import Sequence

from sharq_plug.errors import ConfigError
from sharq_redis.library import DIGEST_LENGTH, NAME_PREFIX, Library
from sharq_redis.link import Link
from sharq_redis.routing.route import Route

DRY_RUN = "--dry-run"

_is_ours = re.compile(rf"{NAME_PREFIX}[0-9a-f]{{{DIGEST_LENGTH}}}").fullmatch


async def prune(route: Route, arguments: Sequence[str]) -> int:
    """Remove all function libraries of this server but that of this version; say which.

    Of a cluster that is done at each primary. A server of another version that still runs loads its
    own again. Raises StoreUnavailable.
    """
    unknown = [argument for argument in arguments if argument != DRY_RUN]
    if unknown:
        raise ConfigError(f"functions prune: unrecognized arguments: {' '.join(unknown)}")
    links = await route.primaries()
    count = 0
    for link in links:
        where = f" at {link.address}" if len(links) > 1 else ""
        count += await _prune(link, where, is_dry=DRY_RUN in arguments)
    if not count:
        sys.stdout.write("no old function library\n")
    return 0


async def _prune(link: Link, where: str, *, is_dry: bool) -> int:
    """Remove old libraries of one Redis, or only name them; return their number."""
    present = Library.load().name
    old = [name for name in await _libraries(link) if name != present]
    for name in old:
        if is_dry:
            sys.stdout.write(f"would remove {name}{where}\n")
        else:
            await link.call("FUNCTION", "DELETE", name)
            sys.stdout.write(f"removed {name}{where}\n")
    return len(old)


async def _libraries(link: Link) -> list[str]:
    """Return the names of the libraries of ours that this Redis has."""
    found = await link.call("FUNCTION", "LIST", "LIBRARYNAME", f"{NAME_PREFIX}*")
    fields = (dict(zip(library[::2], library[1::2], strict=True)) for library in found)
    names = (library[b"library_name"].decode("utf-8", "replace") for library in fields)
    return sorted(name for name in names if _is_ours(name))
