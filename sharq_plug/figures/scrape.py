"""The text of a scrape: what the store says of its types, and what the processes counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sharq_plug.figures.counted import (
    CALL_BUCKETS,
    REQUEST_BUCKETS,
    TIME_BUCKETS,
    Counted,
    Times,
)
from sharq_plug.figures.text import (
    END,
    OPEN,
    PLAIN,
    Family,
    Kind,
    accepts_openmetrics,
    histogram,
    labels,
    sample,
)
from sharq_plug.model import TypeFigures

STATES: Sequence[tuple[str, Callable[[TypeFigures], int]]] = (
    ("waiting", lambda found: found.waiting),
    ("delayed", lambda found: found.delayed),
    ("leased", lambda found: found.leased),
    ("dead", lambda found: found.dead),
)
GAUGES: Sequence[tuple[str, str, Callable[[TypeFigures], float]]] = (
    ("sharq_queues", "Queues that exist.", lambda found: found.queues),
    (
        "sharq_queues_ready",
        "Queues that may be dequeued now; 0 while their type is held.",
        lambda found: found.ready_queues,
    ),
    (
        "sharq_overdue_seconds",
        "How long the first ready queue has been ready.",
        lambda found: found.overdue / 1000,
    ),
)
COUNTERS: Sequence[tuple[str, str, Callable[[TypeFigures], int]]] = (
    ("sharq_jobs_enqueued", "Jobs that were enqueued.", lambda found: found.totals.enqueued),
    ("sharq_jobs_dequeued", "Deliveries of jobs.", lambda found: found.totals.dequeued),
    ("sharq_jobs_finished", "Jobs that were finished.", lambda found: found.totals.finished),
    ("sharq_jobs_failed", "Attempts that workers failed.", lambda found: found.totals.failed),
    (
        "sharq_leases_expired",
        "Leases that were ended because they had expired.",
        lambda found: found.totals.expired_leases,
    ),
    ("sharq_jobs_dead", "Jobs that became dead letters.", lambda found: found.totals.dead),
)
QUEUE_TYPE = "queue_type"


@dataclass(frozen=True, slots=True)
class Scraped:
    """What a scrape shows beside what the processes counted.

    `types` is None while the store does not answer. With `may_see_type`, only series of types for
    which it is true are shown, and those without a type.
    """

    types: Sequence[TypeFigures] | None
    version: str
    backend: str
    may_see_type: Callable[[str], bool] | None = None

    def shows(self, queue_type: str) -> bool:
        """Return whether series of a type are shown."""
        return self.may_see_type is None or self.may_see_type(queue_type)


def scrape(counted: Counted, scraped: Scraped, accept: str) -> tuple[Iterator[str], str]:
    """Return the text of a scrape, metric by metric, in a form that its client accepts.

    Also return the content type.
    """
    is_open = accepts_openmetrics(accept)

    def parts() -> Iterator[str]:
        for family in (*_of_store(scraped), *_of_processes(counted, scraped)):
            yield family.lines(is_open=is_open)
        if is_open:
            yield END

    return parts(), OPEN if is_open else PLAIN


def _of_store(scraped: Scraped) -> Iterator[Family]:
    """Yield what the store says. Without an answer of it, metrics of types have no series."""
    types = [found for found in scraped.types or () if scraped.shows(found.queue_type)]
    named = [(labels((QUEUE_TYPE,), (found.queue_type,)), found) for found in types]
    yield Family(
        "sharq_jobs",
        "gauge",
        "Jobs and dead letters by state.",
        (
            sample("sharq_jobs", f'{label},state="{state}"', value(found))
            for label, found in named
            for state, value in STATES
        ),
    )
    tables: Sequence[tuple[Kind, str, Sequence[tuple[str, str, Callable[[TypeFigures], float]]]]]
    tables = (("gauge", "", GAUGES), ("counter", "_total", COUNTERS))
    for kind, end, table in tables:
        for name, about, value in table:
            samples = [sample(name + end, label, value(found)) for label, found in named]
            yield Family(name, kind, about, samples)
    is_up = int(scraped.types is not None)
    yield _one("sharq_store_up", "Whether the store answered this scrape.", "", is_up)
    build = labels(("version", "backend"), (scraped.version, scraped.backend))
    yield _one("sharq_build_info", "The server's version, always 1.", build, 1)


def _one(name: str, about: str, labelled: str, value: int) -> Family:
    return Family(name, "gauge", about, [sample(name, labelled, value)])


def _of_processes(counted: Counted, scraped: Scraped) -> Iterator[Family]:
    yield Family(
        "sharq_http_requests",
        "counter",
        "HTTP requests that were answered.",
        (
            sample(
                "sharq_http_requests_total",
                labels(("route", "status"), (route, status)),
                times.total(),
            )
            for route, of_route in counted.answered.items()
            for status, times in of_route.items()
        ),
    )
    durations = {route: _sum(of_route) for route, of_route in counted.answered.items()}
    yield _histogram(
        "sharq_http_request_duration_seconds",
        "Time from a request's head to the end of its answer; a dequeue's wait counts.",
        "route",
        REQUEST_BUCKETS,
        durations,
    )
    yield _histogram(
        "sharq_store_call_duration_seconds",
        "Time of a call of the store, which may serve many requests.",
        "verb",
        CALL_BUCKETS,
        counted.called,
    )
    yield _histogram(
        "sharq_time_in_queue_seconds",
        "Time from when a job could go (its enqueue, or the end of its delay) to its delivery.",
        QUEUE_TYPE,
        TIME_BUCKETS,
        _shown(counted.delivered, scraped),
    )
    yield _histogram(
        "sharq_lease_seconds",
        "Time from the delivery of a job to the finish, release or fail that ended its lease.",
        QUEUE_TYPE,
        TIME_BUCKETS,
        _shown(counted.ended, scraped),
    )
    yield _one("sharq_waiting_workers", "Dequeues that wait for a job.", "", counted.waiting)


def _histogram(
    name: str, about: str, label: str, bounds: Sequence[float], of_each: Mapping[str, Times]
) -> Family:
    return Family(name, "histogram", about, histogram(name, label, bounds, of_each))


def _sum(of_route: Mapping[str, Times]) -> Times:
    total = Times.within(REQUEST_BUCKETS)
    for times in of_route.values():
        total = total.plus(times)
    return total


def _shown(of_types: Mapping[str, Times], scraped: Scraped) -> dict[str, Times]:
    return {label: times for label, times in of_types.items() if scraped.shows(label)}
