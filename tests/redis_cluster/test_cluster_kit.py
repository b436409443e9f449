"""The conformance kit's tests of many types, on a cluster. `tox -e cluster` runs all of it."""

import pytest

from sharq_plug import plugins
from sharq_plug.testing import OpenStore
from sharq_plug.testing.conformance.batching import BatchConformance
from sharq_plug.testing.conformance.clearing_types import (
    ClearedTypeConformance,
    TypeClearConformance,
)
from sharq_plug.testing.conformance.clocks import SteppingBackConformance
from sharq_plug.testing.conformance.counting import MinuteCountConformance, ViewConformance
from sharq_plug.testing.conformance.figures import FiguresConformance, KnownTypeConformance
from sharq_plug.testing.conformance.isolating import IsolationConformance, NameConformance
from sharq_plug.testing.conformance.kept_totals import KeptTotalsConformance
from sharq_plug.testing.conformance.listing import ListingConformance
from sharq_plug.testing.conformance.listing_queues import TypeListingConformance
from sharq_plug.testing.conformance.opening import OpeningConformance
from sharq_plug.testing.conformance.paging import CursorConformance, PageConformance
from sharq_plug.testing.conformance.rate import RateConformance
from sharq_plug.testing.conformance.reclaiming import DeadLetterConformance, ReclaimConformance
from sharq_plug.testing.conformance.watching import WatchingConformance
from support.redis_cluster import RedisCluster


class TestRedisCluster(
    WatchingConformance,
    SteppingBackConformance,
    BatchConformance,
    IsolationConformance,
    NameConformance,
    FiguresConformance,
    KnownTypeConformance,
    TypeListingConformance,
    CursorConformance,
    PageConformance,
    ListingConformance,
    KeptTotalsConformance,
    ViewConformance,
    MinuteCountConformance,
    ClearedTypeConformance,
    TypeClearConformance,
    DeadLetterConformance,
    ReclaimConformance,
    RateConformance,
    OpeningConformance,
):
    @pytest.fixture
    def open_store(self, cluster: RedisCluster) -> OpenStore:
        return lambda clock: plugins.open_store("redis", cluster.options, clock=clock)
