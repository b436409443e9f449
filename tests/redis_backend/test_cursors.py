"""Cursors of the Redis backend's listings: any text that a client may send."""

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    Extras,
    Jobs,
    JobState,
    Letters,
    Listing,
    Names,
    NewJob,
    Overdue,
    Queues,
    Types,
)
from sharq_plug.store import QueueStore
from sharq_redis.cursors import MAX_SCAN

pytestmark = pytest.mark.anyio

TYPE = "sms"
JOB = NewJob("q", "j", b"{}", 0)


@pytest.mark.parametrize(
    ("listing", "cursor"),
    [
        *((Queues(), f"q.0.{MAX_SCAN + 1}.0."), (Queues(), f"q.0.0.{MAX_SCAN + 1}.")),
        *((Queues(), "q.1.0.0."), (Queues(), "q.0.-1.0."), (Queues(), "q.0.0.0")),
        *((Queues(), "q.0.0.0.7"), (Queues(), "q.0.0.0.2a"), (Queues(), "q.0.0.0.ff")),
        *((Queues(), "n.0.0.0."), (Names(), "q.0.0.0."), (Queues(), "q.0.0.0..")),
        *((Types(), "t.256.0.0."), (Types(), "t.-1.0.0."), (Types(), "m.0.0.0.")),
        *((Overdue(), "o.1"), (Overdue(), "o.1.2.3"), (Overdue(), "o.1.x"), (Overdue(), "o.1.1e3")),
        *((Overdue(), "o.1.9007199254740992"), (Overdue(), "o.1. 2"), (Overdue(), "o.1.+2")),
        *((Overdue(), "o.1.2_0"), (Overdue(), "o.1.\u0662"), (Letters(), "e.")),
        *((Jobs("q", JobState.WAITING), text) for text in ("w", "w.", "w.0.1", "w.0.1.2.3")),
        *((Jobs("q", JobState.WAITING), text) for text in ("w.x", "d.1.2.3", "w.0.1.x")),
        *((Jobs("q", JobState.DELAYED), text) for text in ("d.1.2", "w.1", "d.1.2.3.4")),
        *((Jobs("q", JobState.LEASED), "l.1"), (Jobs("q", JobState.DEAD), "e.1")),
    ],
    ids=str,
)
async def test_a_cursor_that_no_listing_gave_is_refused(
    store: QueueStore, listing: Listing, cursor: str
) -> None:
    await store.enqueue(TYPE, [JOB])
    with pytest.raises(InvalidRequest, match="`cursor`"):
        await store.page(TYPE, listing, cursor=cursor, limit=10)


@pytest.mark.parametrize(
    ("listing", "cursor"),
    [
        (Queues(), f"q.0.{MAX_SCAN}.{MAX_SCAN}.61"),
        (Types(), f"t.255.{MAX_SCAN}.0."),
        (Overdue(), "o.-9007199254740991.9007199254740991"),
        (Overdue(), "o.9007199254740991.-9007199254740991"),
        (Letters(), "e.-1"),
        (Jobs("q", JobState.WAITING), "w.9007199254740991.-1.9007199254740991"),
        (Jobs("q", JobState.DELAYED), "d.-9007199254740991.0.-1"),
        (Jobs("q", JobState.LEASED), "l.0.-9007199254740991"),
        (Jobs("q", JobState.DEAD), "x.9007199254740991"),
    ],
    ids=str,
)
async def test_a_cursor_with_any_numbers_in_it_harms_nothing(
    store: QueueStore, listing: Listing, cursor: str
) -> None:
    await store.enqueue(TYPE, [JOB, NewJob("q", "delayed", b"{}", 0, extras=Extras(delay=10))])
    await store.page(TYPE, listing, cursor=cursor, limit=10)
