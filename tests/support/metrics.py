"""The table of figures, as the documentation has it, and a reader of what a server says."""

import ssl
from collections.abc import Iterable

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from support.server import ServerProcess

METRICS = "/-/metrics"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0, text/plain;q=0.5"}
OF_A_TYPE = {"queue_type"}
NAMES: dict[str, tuple[str, set[str]]] = {
    "sharq_jobs": ("gauge", {"queue_type", "state"}),
    "sharq_queues": ("gauge", OF_A_TYPE),
    "sharq_queues_ready": ("gauge", OF_A_TYPE),
    "sharq_overdue_seconds": ("gauge", OF_A_TYPE),
    "sharq_jobs_enqueued": ("counter", OF_A_TYPE),
    "sharq_jobs_dequeued": ("counter", OF_A_TYPE),
    "sharq_jobs_finished": ("counter", OF_A_TYPE),
    "sharq_jobs_failed": ("counter", OF_A_TYPE),
    "sharq_leases_expired": ("counter", OF_A_TYPE),
    "sharq_jobs_dead": ("counter", OF_A_TYPE),
    "sharq_time_in_queue_seconds": ("histogram", OF_A_TYPE),
    "sharq_lease_seconds": ("histogram", OF_A_TYPE),
    "sharq_http_requests": ("counter", {"route", "status"}),
    "sharq_http_request_duration_seconds": ("histogram", {"route"}),
    "sharq_waiting_workers": ("gauge", set()),
    "sharq_store_up": ("gauge", set()),
    "sharq_store_call_duration_seconds": ("histogram", {"verb"}),
    "sharq_build_info": ("gauge", {"version", "backend"}),
}
"""Each metric: its type, and its labels. Counters end in `_total`."""


def families(text: str, *, openmetrics: bool = False) -> dict[str, Metric]:
    """Return the metrics in a text by their names."""
    parse = openmetrics_families if openmetrics else text_string_to_metric_families
    found: Iterable[Metric] = parse(text)
    return {metric.name: metric for metric in found}


def series_names() -> set[str]:
    """Return the names that a query may use."""
    ends = {"gauge": ("",), "counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {name + end for name, (kind, _) in NAMES.items() for end in ends[kind]}


class Reading:
    """The samples of a scrape."""

    def __init__(self, text: str) -> None:
        self.families = families(text)
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for metric in self.families.values()
            for sample in metric.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of a series, None if there is none."""
        return self._values.get((name, frozenset(labels.items())))

    def labels_of(self, name: str, label: str) -> set[str]:
        """Return the values that a label has in a metric."""
        return {sample.labels[label] for sample in self.families[name].samples}


def waiting_workers(server: ServerProcess, trust: ssl.SSLContext | None = None) -> float | None:
    """Return how many dequeues wait at a server in a process of its own."""
    response = httpx.get(f"{server.url}{METRICS}", verify=trust or True)
    return Reading(response.text).value("sharq_waiting_workers")


async def read_metrics(client: httpx.AsyncClient) -> Reading:
    """Scrape a server."""
    response = await client.get(METRICS)
    assert response.status_code == 200
    return Reading(response.text)
