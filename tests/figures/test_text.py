"""The text of a scrape, as a parser of Prometheus reads it."""

import itertools

import pytest

from sharq_plug.figures import ProcessFigures, Scraped, scrape
from sharq_plug.figures.text import END
from sharq_plug.model import TypeFigures
from support.metrics import NAMES, OPENMETRICS, Reading, families

EVERY_FORM = pytest.mark.parametrize("accept", ["", OPENMETRICS["Accept"]])
STRANGE = 'a"b\\c\nd\\n'


def text_of(figures: ProcessFigures, scraped: Scraped, accept: str = "") -> str:
    return "".join(scrape(figures.counted(), scraped, accept)[0])


@EVERY_FORM
def test_each_step_of_a_scrape_is_one_metric(accept: str) -> None:
    parts, _ = scrape(ProcessFigures(10).counted(), Scraped([], "1", "memory"), accept)
    heads = [part.count("# TYPE") for part in parts if part != END]
    assert heads == [1] * len(NAMES)


@EVERY_FORM
def test_labels_are_what_was_put_in(accept: str) -> None:
    text = text_of(ProcessFigures(10), Scraped(None, STRANGE, "memory"), accept)
    [sample] = families(text, openmetrics=bool(accept))["sharq_build_info"].samples
    assert sample.labels == {"version": STRANGE, "backend": "memory"}


def test_buckets_count_what_is_at_most_their_bound() -> None:
    figures = ProcessFigures(10)
    for milliseconds in (0, 5, 6, 10, 25, 86_400_000, 86_400_001):
        figures.delivered("sms", milliseconds)
    reading = Reading(text_of(figures, Scraped(None, "1", "memory")))
    name = "sharq_time_in_queue_seconds"
    bounds = {"0.005": 2, "0.01": 4, "0.025": 5, "0.05": 5, "86400.0": 6, "+Inf": 7}
    for bound, count in bounds.items():
        assert reading.value(f"{name}_bucket", queue_type="sms", le=bound) == count
    assert reading.value(f"{name}_count", queue_type="sms") == 7
    assert reading.value(f"{name}_sum", queue_type="sms") == pytest.approx(172_800.047)


def test_statuses_of_a_route_are_in_one_histogram() -> None:
    figures = ProcessFigures(10)
    for status, seconds in ((200, 0.25), (200, 0.5), (404, 1.0)):
        figures.answered("/a", status, seconds)
    reading = Reading(text_of(figures, Scraped(None, "1", "memory")))
    assert reading.value("sharq_http_requests_total", route="/a", status="200") == 2
    assert reading.value("sharq_http_requests_total", route="/a", status="404") == 1
    assert reading.value("sharq_http_request_duration_seconds_count", route="/a") == 3
    assert reading.value("sharq_http_request_duration_seconds_sum", route="/a") == 1.75


@EVERY_FORM
def test_only_types_that_the_reader_may_see_are_shown(accept: str) -> None:
    figures = ProcessFigures(10)
    for name in ("mine", "theirs"):
        figures.delivered(name, 1)
        figures.ended(name, 1)
    types = [TypeFigures("mine"), TypeFigures("theirs")]
    text = text_of(figures, Scraped(types, "1", "memory", "mine".__eq__), accept)
    found = families(text, openmetrics=bool(accept))
    shown = itertools.chain.from_iterable(metric.samples for metric in found.values())
    assert {sample.labels.get("queue_type", "mine") for sample in shown} == {"mine"}
    assert "theirs" not in text
