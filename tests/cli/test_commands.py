"""Each flag of sharq-server, and the one line that each mistake gets."""

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import sharq_plug
from sharq_plug.plugins import installed_backends
from support.redis_server import RedisServer, free_port
from support.server import ServerProcess, assert_refused, run_command


def test_the_installed_script_is_the_module() -> None:
    script = Path(sys.executable).with_name("sharq-server")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"sharq-server {sharq_plug.__version__}\n"
    assert run_command("--version").stdout == done.stdout


@pytest.mark.parametrize(
    "flag",
    [
        *("-c FILE", "--config FILE", "--backend NAME", "--host ADDRESS", "--port NUMBER"),
        *("--workers NUMBER", "--version", "--list-backends", "--check"),
        *("-gc FILE", "--gunicorn-config FILE"),
    ],
)
def test_help_names_each_flag(flag: str) -> None:
    done = run_command("--help")
    assert done.returncode == 0
    assert flag in done.stdout


def test_list_backends_names_each_with_its_distribution() -> None:
    done = run_command("--list-backends")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{name} ({distribution})" for name, distribution in installed_backends().items()
    ]
    assert f"memory (sharq-plug {sharq_plug.__version__})" in done.stdout


def test_check_says_that_all_is_well() -> None:
    done = run_command("--check")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "configuration: no file",
        "backend: memory (default)",
        "The configuration is valid, and the backend 'memory' answers.",
    ]
    assert "WARNING" in done.stderr


def test_check_reaches_redis(redis_url: str) -> None:
    done = run_command("--check", "--backend", "redis", environ={"SHARQ_REDIS_URL": redis_url})
    assert done.returncode == 0, done.stderr
    assert "the backend 'redis' answers" in done.stdout


def test_check_refuses_a_redis_that_is_away() -> None:
    port = str(free_port())
    done = run_command("--backend", "redis", "--check", environ={"SHARQ_REDIS_PORT": port})
    assert done.returncode == 2
    assert done.stderr.startswith("sharq-server: error: Redis")
    assert done.stderr.count("\n") == 1
    assert (
        f"store: redis at 127.0.0.1:{port}, database 0 (SHARQ_REDIS_PORT, default)\n" in done.stdout
    )


def test_check_names_the_file_the_backend_and_the_store_and_what_said_so(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    path = tmp_path / "sharq.conf"
    path.write_text(f"[redis]\nhost = 127.0.0.1\nport = {redis_server.port}\ndb = 3\n")
    done = run_command("--check", environ={"SHARQ_CONFIG": str(path)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"configuration: {path} (SHARQ_CONFIG)",
        "backend: redis (section [redis] of the file)",
        f"store: redis at 127.0.0.1:{redis_server.port}, database 3 ([redis] of the file)",
        "The configuration is valid, and the backend 'redis' answers.",
    ]


def test_a_variable_that_is_no_key_and_a_server_without_passes_are_warned_of() -> None:
    environ = {"SHARQ_SERVER_PROT": "1", "SHARQ_ENABLE_REQUEUE_SCRIPT": "false"}
    warnings = [
        "SHARQ_SERVER_PROT has no effect: there is no such key; did you mean SHARQ_SERVER_PORT?",
        "this server runs no reclaim passes (enable_requeue_script is false)",
    ]
    done = run_command("--check", environ=environ)
    assert done.returncode == 0
    with ServerProcess(environ=environ) as server:
        log = server.log()
    for warning in warnings:
        assert done.stderr.count(warning) == log.count(warning) == 1


def test_check_refuses_a_wrong_file(tmp_path: Path) -> None:
    path = tmp_path / "sharq.conf"
    path.write_text("[sharq-server]\nprot = 80\n")
    assert_refused(run_command("--check", "-c", str(path)), f"{path}: [sharq-server] prot")


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "sharq.conf"
    assert_refused(run_command("--check", environ={"SHARQ_CONFIG": str(path)}), str(path))


def test_a_flag_goes_before_the_named_file_of_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "sharq.conf"
    path.touch()
    environ = {"SHARQ_CONFIG": "/nowhere"}
    assert run_command("--check", "--config", str(path), environ=environ).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config", "/nowhere/sharq.conf"], "/nowhere/sharq.conf: cannot be read"),
        (["--backend", "redsi"], "--backend: there is no backend 'redsi'; installed: memory"),
        (["--port", "http"], "--port: must be an integer"),
        (["--port", "65536"], "--port: must be an integer <= 65535"),
        (["--workers", "2"], "--workers: 2 processes cannot share"),
        (["--host", "no.such.host.invalid"], "cannot listen at no.such.host.invalid"),
        (["--host", "a..b"], "cannot listen at a..b"),
        (["--host", "unix:/nowhere/s.sock"], "cannot listen at unix:/nowhere/s.sock: No such file"),
        (["--host", "unix:"], "--host: names no file"),
        (["--prot", "80"], "unrecognized arguments: --prot"),
        (["--conf", "x"], "unrecognized arguments: --conf"),
        (["--port"], "argument --port: expected one argument"),
    ],
)
def test_a_wrong_argument_gets_one_line(arguments: list[str], words: str) -> None:
    assert_refused(run_command(*arguments), words)


def test_an_access_log_that_cannot_be_written_is_refused() -> None:
    environ = {"SHARQ_SERVER_ACCESSLOG": "/nowhere/access.log"}
    assert_refused(run_command(environ=environ), "accesslog: /nowhere/access.log cannot be written")


def test_a_port_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_command("--port", str(port))
    assert_refused(done, f"cannot listen at 127.0.0.1 port {port}: Address already in use")


def test_a_name_with_addresses_of_both_kinds_means_the_older_kind() -> None:
    with ServerProcess("--host", "localhost") as server:
        assert httpx.get(f"{server.url}/").json() == {"message": "Hello, SharQ!"}


def test_the_access_log_has_a_line_for_each_request(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    with ServerProcess(environ={"SHARQ_SERVER_ACCESSLOG": str(path)}) as server:
        httpx.get(f"{server.url}/dequeue/sms/")
        assert server.stop() == 0
    [line] = path.read_text().splitlines()
    assert " GET /dequeue/sms/ 404 " in line


def test_without_an_access_log_requests_leave_no_trace() -> None:
    with ServerProcess() as server:
        httpx.get(f"{server.url}/dequeue/sms/")
        assert server.stop() == 0
        assert "dequeue" not in server.log()


@pytest.mark.parametrize("flag", ["-gc", "--gunicorn-config"])
def test_the_gunicorn_file_is_accepted_and_has_no_effect(flag: str) -> None:
    done = run_command("--check", flag, "/nowhere/gunicorn.conf")
    assert done.returncode == 0
    assert "--gunicorn-config has no effect" in done.stderr


def test_the_banner_says_version_backend_address_and_weakness() -> None:
    with ServerProcess() as server:
        log = server.log()
        banner = f"sharq-server {sharq_plug.__version__} serves the backend 'memory' at "
        assert f"{banner}{server.url} (configuration: no file; backend: memory (default))\n" in log
        assert server.stop() == 0
        assert (
            "WARNING sharq_plug.service.first_contact: the memory backend forgets" in server.log()
        )
        assert server.log().count("\n") == 2
