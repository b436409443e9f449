"""The authenticator of docs/authenticators.md is installed as it stands there, and decides."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from support.curl_lines import check_curl_lines
from support.readme import ROOT, blocks
from support.server import ServerProcess, run_command

PAGE = (ROOT / "docs" / "authenticators.md").read_text()
SECRET = "the-secret-by-which-tickets-are-signed"
MANY_DAYS = 10**6


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Build and install the page's distribution; return the environment that finds it."""
    folder = tmp_path_factory.mktemp("tickets")
    source, site = folder / "source", folder / "site"
    source.mkdir()
    [code], [project] = blocks("python", PAGE), blocks("toml", PAGE)
    (source / "sharq_tickets.py").write_text(code)
    (source / "pyproject.toml").write_text(project)
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    options += ["--no-build-isolation", "--target", str(site)]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, source],
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
        check=True,
    )
    return {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The page's configuration, with a secret."""
    secret = tmp_path / "tickets.secret"
    secret.write_text(f"{SECRET}\n")
    path = tmp_path / "sharq.conf"
    [text] = blocks("ini", PAGE)
    path.write_text(text.replace("tickets.secret", str(secret)))
    return path


@pytest.fixture
def server(installed: Mapping[str, str], config: Path) -> Iterator[ServerProcess]:
    with ServerProcess(
        *("--config", str(config)), environ={**installed, "SHARQ_SERVER_ACCESSLOG": "-"}
    ) as server:
        yield server


def sign(claims: bytes) -> str:
    said = base64.urlsafe_b64encode(claims)
    return f"{said.decode()}.{hmac.new(SECRET.encode(), said, hashlib.sha256).hexdigest()}"


def ticket(*scopes: str, left: int = MANY_DAYS, **narrowed: list[str]) -> str:
    claims = {"name": "alice", "scopes": scopes, "until": int(time.time()) + left, **narrowed}
    return sign(json.dumps(claims).encode())


def ask(server: ServerProcess, ticket: str, method: str, path: str) -> httpx.Response:
    job = {"job_id": "j", "interval": 0, "payload": 1}
    headers = {"Authorization": f"Bearer {ticket}"}
    content = json.dumps(job) if "enqueue" in path else ""
    return httpx.request(method, f"{server.url}{path}", headers=headers, content=content)


def test_the_lines_of_the_page(server: ServerProcess) -> None:
    mine = ticket("enqueue", types=["sms"])
    check_curl_lines(PAGE.replace("Bearer TICKET", f"Bearer {mine}"), server.url)
    assert server.stop() == 0
    assert mine not in server.log()


def test_a_ticket_may_what_it_says(server: ServerProcess) -> None:
    everything = ("enqueue", "work", "read", "admin")
    for given, method, path, status in (
        (ticket("enqueue"), "POST", "/enqueue/sms/q/", 201),
        (ticket("enqueue"), "POST", "/enqueue/mail/q/", 201),
        (ticket("read"), "POST", "/enqueue/sms/q/", 403),
        (ticket("enqueue", types=["mail-*"]), "POST", "/enqueue/sms/q/", 403),
        (ticket("enqueue", types=["s*"]), "POST", "/enqueue/sms/q2/", 201),
        (ticket("enqueue", queues=["acme-*"]), "POST", "/enqueue/sms/q/", 403),
        (ticket("read", queues=["acme-*"]), "GET", "/job/sms/q/j/", 404),
        (ticket("read"), "GET", "/job/sms/q/j/", 200),
        (ticket("read", queues=["acme-*"]), "GET", "/type/sms/", 403),
        (ticket(*everything, queues=["acme-*"]), "GET", "/dequeue/sms/", 403),
        (ticket(*everything, types=["mail"]), "GET", "/dequeue/sms/", 403),
        (ticket(*everything, types=["sms"]), "GET", "/dequeue/sms/", 200),
        (ticket(*everything, left=-1), "GET", "/types/", 401),
        (ticket(*everything)[:-1], "GET", "/types/", 401),
    ):
        assert ask(server, given, method, path).status_code == status, (path, status)
    listed = ask(server, ticket("read", types=["mail"]), "GET", "/types/").json()["types"]
    assert [each["queue_type"] for each in listed] == ["mail"]
    changed = ask(server, ticket("admin"), "DELETE", "/deletequeue/mail/")
    assert changed.status_code == 200
    assert server.stop() == 0
    assert "key alice: DELETE deletequeue mail: 200, 1 changed" in server.log()


def test_it_has_no_sessions(server: ServerProcess) -> None:
    mine = ticket("read")
    refused = httpx.post(f"{server.url}/-/session", json={"key": mine})
    assert refused.status_code == 403
    assert mine not in refused.text
    assert "set-cookie" not in refused.headers


def test_a_failure_in_it_is_500_and_tells_nobody_what_it_was_about(server: ServerProcess) -> None:
    broken = sign(b'{"name": "s3cr3t-claims", "scopes": ["s3cr3t-scope"], "until": 1}')
    for path in ("/types/", "/dequeue/sms/", "/-/ready?detail=1"):
        failed = ask(server, broken, "GET", path)
        assert failed.status_code == 500
        assert failed.json()["message"] == "Internal server error"
    assert ask(server, ticket("read"), "GET", "/types/").status_code == 200
    assert server.stop() == 0
    log = server.log()
    assert "ValidationError" in log
    assert "in authenticate" in log
    for secret in (broken, "s3cr3t", SECRET):
        assert secret not in log


def test_it_lets_a_server_listen_to_other_machines(
    installed: Mapping[str, str], config: Path
) -> None:
    flags = ("--check", "--config", str(config), "--host", "0.0.0.0")
    assert run_command(*flags, environ=installed).returncode == 0
    config.write_text(config.read_text().replace("authenticator : tickets", ""))
    assert run_command(*flags, environ=installed).returncode == 2


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("secret_file", "sekret_file", "unknown"),
        ("tickets.secret", "nowhere", "[tickets] secret_file: cannot be read: No such file"),
        ("authenticator : tickets", "authenticator : badges", "no authenticator 'badges'"),
    ],
)
def test_what_cannot_work_stops_the_start_in_one_line(
    installed: Mapping[str, str], config: Path, old: str, new: str, reason: str
) -> None:
    config.write_text(config.read_text().replace(old, new))
    done = run_command("--config", str(config), environ=installed)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("sharq-server: error: ")
    assert reason in line
    assert SECRET not in line


def test_its_options_are_read_from_the_environment_too(
    installed: Mapping[str, str], config: Path
) -> None:
    environ = {**installed, "SHARQ_TICKETS_SECRET_FILE": "/nowhere"}
    done = run_command("--check", "--config", str(config), environ=environ)
    assert done.returncode == 2
    assert "secret_file: cannot be read" in done.stderr
