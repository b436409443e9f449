"""A server that listens on a Unix socket: its file, its answers, its log."""

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL

import httpx
import pytest

from support.server import ServerProcess, run_command

JOB = {"job_id": "j", "interval": 0, "payload": "x"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sock"


@pytest.fixture
def server(path: Path) -> Iterator[ServerProcess]:
    with ServerProcess("--host", f"unix:{path}") as server:
        yield server


def client_of(path: Path) -> httpx.Client:
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(path)), base_url="http://sharq", timeout=10
    )


def refusal(path: Path) -> str:
    done = run_command("--host", f"unix:{path}")
    assert done.returncode == 2
    assert done.stderr.startswith(f"sharq-server: error: cannot listen at unix:{path}: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_it_serves_and_says_where_and_removes_its_file(server: ServerProcess, path: Path) -> None:
    with client_of(path) as client:
        assert client.post("/enqueue/sms/q/", json=JOB).status_code == 201
        assert client.get("/dequeue/sms/?wait=1000").json()["payload"] == "x"
        assert client.post("/finish/sms/q/j/").status_code == 200
        assert client.get("/nowhere/").status_code == 404
    assert f" at unix:{path} (" in server.log()
    assert server.stop() == 0
    assert not path.exists()
    assert "Traceback" not in server.log()


def test_a_large_body_goes_through_in_both_directions(server: ServerProcess, path: Path) -> None:
    large = "x" * 1_000_000
    with client_of(path) as client:
        client.post("/enqueue/sms/q/", json={**JOB, "payload": large})
        assert client.get("/dequeue/sms/").json()["payload"] == large
    assert server.stop() == 0


def test_the_file_names_it_and_the_port_has_no_effect(path: Path, tmp_path: Path) -> None:
    config = tmp_path / "sharq.conf"
    config.write_text(f"[sharq-server]\nhost : unix:{path}\nport : 1\n")
    with ServerProcess("--config", str(config)), client_of(path) as client:
        assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "request_head", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"NONSENSE\r\n\r\n"]
)
def test_the_access_log_has_a_line_for_a_client_without_an_address(
    path: Path, request_head: bytes
) -> None:
    environ = {"SHARQ_SERVER_ACCESSLOG": "-"}
    with ServerProcess("--host", f"unix:{path}", environ=environ) as server:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(request_head)
            assert connection.recv(1000).startswith(b"HTTP/1.1 ")
        assert server.stop() == 0
        [line] = [line for line in server.log().splitlines() if " unix:0 " in line]
    assert " GET / 200 " in line or " NONE * 400 " in line


def test_several_processes_share_it(path: Path, redis_url: str) -> None:
    environ = {"SHARQ_SERVER_BACKEND": "redis", "SHARQ_REDIS_URL": redis_url}
    with ServerProcess("--host", f"unix:{path}", "--workers", "2", environ=environ) as server:
        with client_of(path) as client:
            assert client.get("/deepstatus/").status_code == 200
        assert server.stop() == 0
        assert not path.exists()


def test_the_file_of_a_dead_server_is_replaced(server: ServerProcess, path: Path) -> None:
    server.send(SIGKILL)
    server.wait()
    assert path.exists()
    with ServerProcess("--host", f"unix:{path}"), client_of(path) as client:
        assert client.get("/").status_code == 200


@pytest.mark.usefixtures("server")
def test_a_socket_in_use_is_left_to_its_server(path: Path) -> None:
    assert "another server listens there" in refusal(path)
    with client_of(path) as client:
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "folder"])
def test_what_is_no_socket_is_left_alone(path: Path, make: object) -> None:
    assert callable(make)
    make(path)
    assert "a file is there that is no socket" in refusal(path)
    assert path.exists()


def test_a_socket_of_another_kind_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        assert "Protocol wrong type for socket" in refusal(path)
    assert path.exists()


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    assert "AF_UNIX path too long" in refusal(tmp_path / ("x" * 200))


def test_the_file_of_the_next_server_is_left_to_it(server: ServerProcess, path: Path) -> None:
    path.unlink()
    with ServerProcess("--host", f"unix:{path}"), client_of(path) as client:
        assert server.stop() == 0
        assert client.get("/").status_code == 200


def test_a_folder_that_somebody_keeps_locked_stops_no_server(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with ServerProcess("--host", f"unix:{path}") as server, client_of(path) as client:
            assert client.get("/").status_code == 200
            assert server.stop() == 0
        assert not path.exists()
    finally:
        os.close(folder)


@pytest.mark.parametrize(("umask", "mode"), [(0o007, 0o770), (0o022, 0o755)])
def test_its_permissions_follow_the_umask(path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        with ServerProcess("--host", f"unix:{path}"):
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(before)
