"""Scans of sets and hashes, a bounded number of names in each step.

A scan may return much more than it was asked for: Redis returns a small hash whole. Then the names
are sorted, a page gets the first of them, and the next page scans them again.
"""

from collections.abc import Collection

from sharq_redis.cursors import Position


def page_of(
    names: Collection[str], position: Position, end: int, limit: int
) -> tuple[Collection[str], Position | None]:
    """Return the names of a scan step that go on a page, and where the scan goes on.

    `names` came from `position`, and `end` is the cursor that came with them. About `limit` names
    are returned, at most twice as many. The position is None if the scan has ended.
    """
    if position.end == end and position.behind:
        names = sorted(name for name in names if name > position.behind)
    if len(names) > 2 * limit:
        page = sorted(names)[:limit]
        return page, Position(position.start, end, page[-1])
    return names, Position(end) if end else None
