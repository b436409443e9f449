"""A real Prometheus scrapes a server that asks for a key, and the alert rules do what they say.

The rules are those of docs/prometheus, with shorter times: nobody waits two minutes for a test.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.prometheus import prometheus_program
from support.readme import ROOT
from support.redis_server import free_port
from support.server import ServerProcess, run_command
from support.waiting import TIMEOUT, until

RULES = (ROOT / "docs" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
SHORTER = (("> 60", "> 1"), ("for: 2m", "for: 1s"), ("for: 5m", "for: 1s"), ("for: 1m", "for: 1s"))
OTHERS = {"[10m]": "[10s]", "[5m]": "[5s]"}


@pytest.fixture
def program() -> str:
    """The path of Prometheus."""
    return prometheus_program("prometheus")


class Prometheus:
    """What a Prometheus at a port says."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, path: str, **parameters: str) -> Any:
        return httpx.get(f"{self._url}/{path}", params=parameters).json()["data"]

    def is_up(self) -> bool:
        try:
            return all(target["health"] == "up" for target in self.targets())
        except (httpx.TransportError, json.JSONDecodeError, KeyError):
            return False

    def targets(self) -> list[Any]:
        found: list[Any] = self.ask("targets")["activeTargets"]
        return found or [{"health": "none yet"}]

    def rules(self) -> dict[str, Any]:
        groups = self.ask("rules")["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    def evaluate_again(self, *, times: int) -> None:
        """Wait until it has evaluated its rules some more times: it does so on its own."""
        for _ in range(times):
            before = self._evaluated_at()
            until(lambda: self._evaluated_at() != before)  # noqa: B023  # it is called here only

    def _evaluated_at(self) -> set[str]:
        return {rule["lastEvaluation"] for rule in self.rules().values()}

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire, each with its queue type."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("queue_type", ""))
            for alert in self.ask("alerts")["alerts"]
            if alert["state"] == "firing"
        }

    def value(self, query: str) -> float | None:
        found = self.ask("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    return {"SHARQ_SERVER_KEYS_FILE": str(tmp_path / "keys.toml")}


def make(keys: dict[str, str], key_id: str, scopes: str) -> str:
    done = run_command("keys", "add", key_id, "--scopes", scopes, environ=keys)
    assert done.returncode == 0, done
    return str(done.stdout.strip())


@pytest.fixture
def server(keys: dict[str, str], token: str) -> Iterator[ServerProcess]:
    with ServerProcess(environ=keys) as server:
        yield server


@pytest.fixture
def token(keys: dict[str, str]) -> str:
    return make(keys, "ops", "enqueue,work,read,admin")


@pytest.fixture
def prometheus(
    program: str, server: ServerProcess, keys: dict[str, str], token: str, tmp_path: Path
) -> Iterator[Prometheus]:
    """A Prometheus that is configured as the page says, and in more of a hurry."""
    rules = RULES
    for old, new in (*SHORTER, *OTHERS.items()):
        assert old in rules
        rules = rules.replace(old, new)
    (tmp_path / "alerts.yml").write_text(rules)
    (tmp_path / "scrape.token").write_text(make(keys, "prometheus", "read"))
    [scrape] = re.findall(r"```yaml\n(scrape_configs:.*?)```", PAGE, re.DOTALL)
    scrape = scrape.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
    scrape = scrape.replace("/etc/prometheus/sharq.token", str(tmp_path / "scrape.token"))
    head = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [alerts.yml]\n"
    (tmp_path / "prometheus.yml").write_text(head + scrape)
    until(lambda: "was read again" in server.log())  # the new key is known
    port = free_port()
    process = subprocess.Popen(
        [
            program,
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        prometheus = Prometheus(port)
        until(prometheus.is_up)
        yield prometheus
    finally:
        process.kill()
        process.wait(TIMEOUT)


def test_an_overdue_type_is_alerted_of_and_a_throttled_one_is_not(
    server: ServerProcess, prometheus: Prometheus, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    hour = 3_600_000
    with httpx.Client(base_url=server.url, headers=headers) as client:
        for queue_type, interval in (("late", 0), ("throttled", hour)):
            for number in range(20):
                job = {"job_id": f"j{number}", "interval": interval, "payload": 1}
                path = f"/enqueue/{queue_type}/q{number % 2}/"
                assert client.post(path, json=job).status_code == 201
        for _ in range(2):  # one job of each queue, and then none for an hour
            assert client.get("/dequeue/throttled/").status_code == 200
        assert client.get("/dequeue/throttled/").status_code == 404
        until(lambda: ("SharqOverdue", "late") in prometheus.firing())
        until(lambda: ("SharqNobodyDequeues", "late") in prometheus.firing())
        assert prometheus.value('sharq_jobs{queue_type="throttled",state="waiting"}') == 18
        assert prometheus.value('sharq_overdue_seconds{queue_type="throttled"}') == 0
        prometheus.evaluate_again(times=3)
        assert {queue_type for _, queue_type in prometheus.firing()} == {"late"}
        rules = prometheus.rules()
        assert {rule["health"] for rule in rules.values()} == {"ok"}
        assert list(rules) == re.findall(r"- alert: (\w+)", RULES)
        while client.get("/dequeue/late/").status_code == 200:
            pass
        until(lambda: not prometheus.firing())
    assert prometheus.value("sharq_store_up") == 1


def test_a_scrape_without_the_key_is_refused(
    server: ServerProcess, prometheus: Prometheus, keys: dict[str, str]
) -> None:
    done = run_command("keys", "retire", "prometheus", environ=keys)
    assert done.returncode == 0
    until(lambda: not prometheus.is_up())
    [target] = prometheus.targets()
    assert "401" in target["lastError"]


def test_keda_finds_its_value_with_a_token(
    server: ServerProcess, keys: dict[str, str], token: str
) -> None:
    """KEDA's metrics-api scaler sends GET with a bearer token, and follows `valueLocation`."""
    assert 'authMode: "bearer"' in PAGE
    [location] = re.findall(r'valueLocation: "(\w+)"', PAGE)
    [url] = re.findall(r'url: "http://\S+?(/-/\S*)"', PAGE)
    scaler = make(keys, "keda", "read")
    until(lambda: "was read again" in server.log())
    for number in range(3):
        job = {"job_id": "j", "interval": 0, "payload": 1}
        sender = {"Authorization": f"Bearer {token}"}
        path = f"{server.url}/enqueue/sms/q{number}/"
        assert httpx.post(path, json=job, headers=sender).status_code == 201
    answer = httpx.get(f"{server.url}{url}", headers={"Authorization": f"Bearer {scaler}"})
    assert (answer.status_code, answer.json()[location]) == (200, 3)
    assert httpx.get(f"{server.url}{url}").status_code == 401
