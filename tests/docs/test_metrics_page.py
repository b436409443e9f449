"""The page about metrics, the alert rules and the dashboard name what the server tells."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.curl_lines import check_curl_lines
from support.metrics import METRICS, NAMES, series_names
from support.prometheus import prometheus_program
from support.readme import ROOT
from support.server import ServerProcess

DOCS = ROOT / "docs"
PAGE = (DOCS / "metrics.md").read_text(encoding="utf-8")
RULES = DOCS / "prometheus" / "alerts.yml"
DASHBOARD = json.loads((DOCS / "prometheus" / "dashboard.json").read_text(encoding="utf-8"))
_NAME = re.compile(r"\bsharq_[a-z_]+\b")


def test_the_table_of_the_page_is_what_a_scrape_tells() -> None:
    rows = re.findall(r"^\| `(sharq_\w+)` \| (\w+) \| ([^|]*) \|", PAGE, re.MULTILINE)
    told = {name: (kind, {*re.findall(r"`(\w+)`", labels)}) for name, kind, labels in rows}
    ends = {"counter": "_total"}
    assert told == {
        name + ends.get(kind, ""): (kind, labels) for name, (kind, labels) in NAMES.items()
    }


def expressions(panel: Any) -> Iterator[str]:
    for target in panel["targets"]:
        yield target["expr"]


def test_the_dashboard_asks_for_metrics_and_labels_that_there_are() -> None:
    queries = [query for panel in DASHBOARD["panels"] for query in expressions(panel)]
    named = {name for query in queries for name in _NAME.findall(query)}
    assert named <= series_names()
    shown = {name for name in NAMES if any(name in query for query in queries)}
    assert shown == NAMES.keys()
    labels = {label for _, of_one in NAMES.values() for label in of_one} | {"le"}
    for query in queries:
        grouped = re.findall(r"by \(([^)]*)\)", query)
        assert {name for names in grouped for name in names.split(", ")} <= labels, query
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_the_alert_rules_ask_for_metrics_that_there_are() -> None:
    assert set(_NAME.findall(RULES.read_text(encoding="utf-8"))) <= series_names()


def test_the_page_names_each_alert() -> None:
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
    assert re.findall(r"^\| `(Sharq\w+)`", PAGE, re.MULTILINE) == alerts


@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")]
)
def test_promtool_finds_the_rules_good(arguments: tuple[str, ...]) -> None:
    subprocess.run([prometheus_program("promtool"), *arguments], cwd=RULES.parent, check=True)


def test_promtool_finds_nothing_wrong_in_a_scrape() -> None:
    program = prometheus_program("promtool")
    with ServerProcess() as server:
        text = httpx.get(f"{server.url}{METRICS}").text
        done = subprocess.run(
            [program, "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_curl_lines_of_the_page_answer_what_it_shows() -> None:
    with ServerProcess() as server:
        check_curl_lines(PAGE, server.url)
