"""The code of the README is run, and gives what the README shows."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from sharq_plug.plugins import open_store
from support.curl_lines import check_curl_lines
from support.readme import ADDRESS, README, block, blocks
from support.server import ServerProcess
from support.waiting import until


def test_every_curl_line_gives_what_stands_below_it(server: ServerProcess) -> None:
    check_curl_lines(README, server.url)


def test_the_worker_finishes_what_waits(server: ServerProcess) -> None:
    for number in range(3):
        job = {"job_id": f"{number}", "interval": 1, "payload": {"to": f"+44{number}"}}
        httpx.post(f"{server.url}/enqueue/sms/acme/", json=job)
    code = block("python", "while True").replace(ADDRESS, server.url)
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        sent = [worker.stdout.readline() for _ in range(3)]
        metrics = f"{server.url}/metrics/sms/acme/"
        until(lambda: not httpx.get(metrics).json()["leased"])
        worker.kill()
    assert sent == [f"sending to +44{number}\n" for number in range(3)]
    left = httpx.get(metrics).json()
    assert (left["queue_length"], left["leased"]) == (0, 0)


def test_a_store_serves_a_program_of_ones_own() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", block("python", "import open_store")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines() == [f'acme job-{n} {{"n": {n}}}' for n in range(3)]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """A folder with the backend of the README; its store is the memory store."""
    entry_points = tomllib.loads(blocks("toml")[0])["project"]["entry-points"]
    info = tmp_path / "sharq_tape-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sharq_tape\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sharq_plug.backends]\ntape = " + entry_points["sharq_plug.backends"]["tape"]
    )
    package = tmp_path / "sharq_tape"
    package.mkdir()
    (package / "plugin.py").write_text(block("python", "@hookimpl"))
    (package / "store.py").write_text(
        "from sharq_memory.store import MemoryStore\n"
        "class TapeStore(MemoryStore):\n"
        "    def __init__(self, device, clock):\n"
        "        super().__init__(clock)\n"
        "        self.device = device\n"
    )
    return tmp_path


def test_a_backend_made_as_the_readme_says_is_opened_by_its_name(
    tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tape)
    store = open_store("tape", {"device": os.devnull})
    assert vars(store)["device"] == os.devnull


def test_the_conformance_kit_is_turned_on_as_the_readme_says(tape: Path) -> None:
    (tape / "test_tape.py").write_text(block("python", "StoreConformance"))
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-k", "duplicate", "-q", "test_tape.py"],
        cwd=tape,
        env={**os.environ, "PYTHONPATH": str(tape)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout
    assert re.search(r"^\d+ passed", answer.stdout, re.MULTILINE)
