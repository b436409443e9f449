"""Figures of a store a part of which does not answer."""

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import StoreUnavailable
from sharq_plug.model import Figures, Listing, NewJob, Page
from sharq_plug.service import QueueService, ServiceOptions, figures

pytestmark = pytest.mark.anyio


class PartlyAwayStore(MemoryStore):
    """A store that answers for no type whose name begins with one of some letters."""

    away = ""

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        if isinstance(listing, Figures) and all(name[0] in self.away for name in listing.names):
            raise StoreUnavailable("that part is away")
        return await super().page(queue_type, listing, cursor=cursor, limit=limit)


@pytest.mark.parametrize("most", [2, 3, 4, 10])
async def test_types_that_happen_to_be_read_alone_are_left_out_with_their_part(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(figures, "STEP", 2)
    store = PartlyAwayStore()
    async with QueueService(store, ServiceOptions(tends=False, metrics_types=most)) as service:
        for name in ("a", "b", "c"):
            await store.enqueue(name, [NewJob("q", "j", b"", 0)])
        store.away = "c"
        found = await service.figures.gather()
        assert [one.queue_type for one in found][:2] == ["a", "b"]
        assert "c" not in {one.queue_type for one in found}
        store.away = "abc"
        with pytest.raises(StoreUnavailable):
            await service.figures.gather()
        with pytest.raises(StoreUnavailable):
            await service.figures.of("a")
