"""What every conformance class stands on: a clock set by hand, and an open, empty store."""

from collections.abc import AsyncIterator, Callable

import pytest

from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock

OpenStore = Callable[[ManualClock], QueueStore]
"""What an author's `open_store` fixture returns: from a clock to a store not entered yet."""


@pytest.mark.anyio
class Conformance:
    """Give each test a `store` that is open, empty, and goes by `clock`."""

    @pytest.fixture(scope="session")
    @staticmethod
    def anyio_backend() -> str:
        """Run on asyncio, as the server does."""
        return "asyncio"

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Return the clock of this test's store."""
        return ManualClock()

    @pytest.fixture
    async def store(self, open_store: OpenStore, clock: ManualClock) -> AsyncIterator[QueueStore]:
        """Open the author's store for one test."""
        async with open_store(clock) as store:
            yield store
