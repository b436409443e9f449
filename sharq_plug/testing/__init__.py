"""What the author of a backend needs to test it: the conformance kit and a clock set by hand.

Install `sharq-plug[testing]` and turn the kit on in a test module of your own:

    import pytest
    from my_backend import MyStore
    from sharq_plug.testing import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def open_store(self):
            return lambda clock: MyStore(clock)

`open_store` returns a function from a `ManualClock` to a store that is empty, goes by that
clock and is not entered yet: the kit enters and closes it. If your stores share a server, empty
it in the fixture. The kit may open a second store within a test, and does not mind whether that
one sees the data of the first.

Each test is one sentence of the contract in `sharq_plug.store`; none sleeps, none is skipped and
none asks which backend it is. The tests run with anyio's pytest plugin, on asyncio.

`failures` runs the kit, or one of its classes, from a program.
"""

import pytest

pytest.register_assert_rewrite("sharq_plug.testing.conformance")

from sharq_plug.testing.clock import ManualClock  # noqa: E402  # after the rewriting of asserts
from sharq_plug.testing.conformance import OpenStore, StoreConformance  # noqa: E402  # likewise
from sharq_plug.testing.conformance.running import Failure, failures  # noqa: E402  # likewise

__all__ = ["Failure", "ManualClock", "OpenStore", "StoreConformance", "failures"]
