"""A third party's backend is found and used like the built-in ones."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from third_backend.distribution import Distribution

from support.server import ServerProcess, run_command


def test_it_is_listed_beside_the_built_in_backends(installed: Distribution) -> None:
    listed = run_command("--list-backends", environ=installed.environ).stdout.splitlines()
    assert "sqlite (sharq-sqlite 1.0)" in listed
    assert [line.split()[0] for line in listed] == ["memory", "redis", "sqlite"]


def test_it_is_unknown_until_it_is_installed() -> None:
    answer = run_command("--backend", "sqlite", "--check")
    assert answer.returncode == 2
    assert "there is no backend 'sqlite'; installed: memory, redis" in answer.stderr


@pytest.mark.parametrize("name", ["TestSqliteStore", "TestSqliteModel", "TestForgetfulModel"])
def test_it_passes_the_conformance_kit_and_the_model_check(
    installed: Distribution, name: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_store.py::{name}"],
        cwd=installed.source / "tests",
        env={**os.environ, **installed.environ},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
    assert " skipped" not in run.stdout


def test_a_check_reports_its_weaknesses(installed: Distribution) -> None:
    answer = run_command("--backend", "sqlite", "--check", environ=installed.environ)
    assert answer.returncode == 0
    assert "the backend 'sqlite' answers" in answer.stdout
    assert "store: sqlite in :memory: (default)\n" in answer.stdout
    assert "forgets every job" in answer.stderr


def test_a_configuration_file_with_its_section_chooses_it(
    installed: Distribution, tmp_path: Path
) -> None:
    config = tmp_path / "sharq.conf"
    config.write_text("[sqlite]\npath = :memory:\n")
    answer = run_command("--check", "--config", str(config), environ=installed.environ)
    assert answer.returncode == 0
    assert "backend: sqlite (section [sqlite] of the file)\n" in answer.stdout


def test_a_server_starts_and_waits_while_its_file_cannot_be_opened(
    installed: Distribution, tmp_path: Path
) -> None:
    folder = tmp_path / "later"
    environ = {**installed.environ, "SHARQ_SQLITE_PATH": str(folder / "queues.db")}
    with ServerProcess("--backend", "sqlite", environ=environ) as server:
        assert httpx.get(f"{server.url}/deepstatus/").status_code == 503
        folder.mkdir()
        assert httpx.get(f"{server.url}/deepstatus/").status_code == 200
        assert server.stop() == 0


def test_a_server_serves_with_it_and_reads_its_options(
    installed: Distribution, tmp_path: Path
) -> None:
    environ = {**installed.environ, "SHARQ_SQLITE_PATH": str(tmp_path / "queues.db")}
    with ServerProcess("--backend", "sqlite", environ=environ) as server:
        body = {"job_id": "j", "interval": 0, "payload": {"n": 1}}
        assert httpx.post(f"{server.url}/enqueue/sms/q/", json=body).status_code == 201
        assert server.stop() == 0
    with ServerProcess("--backend", "sqlite", environ=environ) as server:
        job = httpx.get(f"{server.url}/dequeue/sms/").json()
        assert (job["job_id"], job["payload"]) == ("j", {"n": 1})
        finish = httpx.post(f"{server.url}/finish/sms/q/j/", json={"lease": job["lease"]})
        assert finish.status_code == 200
        assert server.stop() == 0
