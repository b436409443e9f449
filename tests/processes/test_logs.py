"""What becomes of the log costs no client its answer, and no operator the end of the server."""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGHUP, SIGKILL, SIGTERM

import httpx
import pytest

from support.redis_server import free_port
from support.server import ServerProcess, answers, clean_environment, has_open
from support.waiting import TIMEOUT, until

REQUESTS = 300
FULL = Path("/dev/full")


@pytest.fixture(params=["1", "2"], ids=["one process", "two processes"])
def environ(request: pytest.FixtureRequest, on_redis: dict[str, str]) -> dict[str, str]:
    """The environment of a server in one process, or in two."""
    return {**on_redis, "SHARQ_SERVER_WORKERS": request.param}


@contextlib.contextmanager
def server_with_stderr(stderr: int, environ: dict[str, str]) -> Iterator[ServerProcess]:
    """Start a server whose announcement nobody may get to read."""
    server = ServerProcess()
    server.port = free_port()
    server.url = f"http://127.0.0.1:{server.port}"
    server.process = subprocess.Popen(
        [sys.executable, "-m", "sharq_plug", "--port", f"{server.port}"],
        env=clean_environment(environ),
        stderr=stderr,
        start_new_session=True,
    )
    try:
        until(lambda: answers(server.url))
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, SIGKILL)
        server.process.wait(TIMEOUT)


def work(url: str, jobs: int = REQUESTS // 3) -> None:
    """Enqueue, dequeue and finish so many jobs, each of which is answered well."""
    with httpx.Client(base_url=url) as client:
        for number in range(jobs):
            job = {"job_id": f"{number}", "interval": 0, "payload": number}
            assert client.post("/enqueue/sms/acme/", json=job).status_code == 201
            got = client.get("/dequeue/sms/").json()
            assert got["payload"] == number
            finish = f"/finish/sms/acme/{number}/"
            assert client.post(finish, json={"lease": got["lease"]}).status_code == 200


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe that takes nothing more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 10)
    os.set_blocking(writer, True)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def read(reader: int) -> str:
    """Return what a pipe holds."""
    os.set_blocking(reader, False)
    found = b""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(reader, 65536):
            found += part
    return found.decode()


def test_a_standard_error_that_nobody_reads_costs_no_answer(
    full_pipe: tuple[int, int], environ: dict[str, str]
) -> None:
    environ |= {"SHARQ_SERVER_ACCESSLOG": "-"}
    with server_with_stderr(full_pipe[1], environ) as server:
        work(server.url)
        assert server.stop() == 0


def test_a_standard_error_that_is_full_costs_no_answer(environ: dict[str, str]) -> None:
    environ |= {"SHARQ_SERVER_ACCESSLOG": "-"}
    with FULL.open("wb") as full, server_with_stderr(full.fileno(), environ) as server:
        work(server.url)
        assert server.stop() == 0


def test_a_standard_error_whose_reader_has_gone_costs_no_answer(environ: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with server_with_stderr(writer, environ | {"SHARQ_SERVER_ACCESSLOG": "-"}) as server:
        os.close(writer)
        work(server.url)
        assert server.stop() == 0


def test_a_standard_error_that_was_closed_at_the_start_costs_no_answer() -> None:
    port = free_port()
    command = f'exec "{sys.executable}" -m sharq_plug --port {port} 2>&-'
    environ = clean_environment({"SHARQ_SERVER_ACCESSLOG": "-"})
    with subprocess.Popen(["/bin/sh", "-c", command], env=environ) as process:
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url))
        work(url)
        process.send_signal(SIGTERM)
        assert process.wait(TIMEOUT) == 0


def test_lines_that_waited_are_written_once_the_pipe_is_read(full_pipe: tuple[int, int]) -> None:
    reader, writer = full_pipe
    with server_with_stderr(writer, {"SHARQ_SERVER_ACCESSLOG": "-"}) as server:
        work(server.url)
        said = ""

        def all_is_said() -> bool:
            nonlocal said
            said += read(reader)
            return said.count("/sms/") >= REQUESTS

        until(all_is_said)
        assert server.stop() == 0
    assert " serves the backend 'memory' at " in said
    assert said.count("/sms/") == REQUESTS


def test_a_mistake_that_nobody_can_be_told_of_still_gives_status_2(
    full_pipe: tuple[int, int],
) -> None:
    with FULL.open("wb") as full:
        for stderr in (full.fileno(), full_pipe[1]):
            arguments = [sys.executable, "-m", "sharq_plug", "--port", "http"]
            done = subprocess.run(
                arguments, env=clean_environment(), stderr=stderr, timeout=TIMEOUT, check=False
            )
            assert done.returncode == 2


@pytest.fixture
def access_log(tmp_path: Path) -> Path:
    """An access log in a folder of its own."""
    (tmp_path / "log").mkdir()
    return tmp_path / "log" / "access.log"


def move_the_folder_away(path: Path) -> Path:
    return path.parent.rename(path.parent.with_name("moved")) / path.name


def put_a_folder_in_its_place(path: Path) -> Path:
    moved = path.rename(path.with_suffix(".1"))
    path.mkdir()
    return moved


ROTATIONS = [move_the_folder_away, put_a_folder_in_its_place]


def writers(server: ServerProcess, path: Path) -> int:
    """Return how many processes of a server have a file open, its first one not counted."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    opened = 0
    for child in children:
        with contextlib.suppress(OSError):
            links = (entry.readlink() for entry in Path(f"/proc/{child}/fd").iterdir())
            opened += any(link == path for link in links)
    return opened


def wait_for_all_writers(server: ServerProcess, path: Path, environ: dict[str, str]) -> None:
    """Wait until each process that serves has opened a file."""
    workers = int(environ["SHARQ_SERVER_WORKERS"])
    if workers > 1:
        until(lambda: writers(server, path) == workers)


@pytest.mark.parametrize("rotate", ROTATIONS, ids=lambda rotate: rotate.__name__)
def test_an_access_log_that_cannot_be_opened_anew_costs_no_answer_and_no_line(
    rotate: Callable[[Path], Path], access_log: Path, environ: dict[str, str]
) -> None:
    with ServerProcess(environ=environ | {"SHARQ_SERVER_ACCESSLOG": str(access_log)}) as server:
        work(server.url, jobs=1)
        wait_for_all_writers(server, access_log, environ)
        old = rotate(access_log)
        work(server.url)
        server.send(SIGHUP)
        work(server.url)
        assert server.stop() == 0
        assert "the old file is used: " in server.log()
        assert "Traceback" not in server.log()
    assert old.read_text().count("/sms/") == 3 + 2 * REQUESTS


def test_a_process_that_starts_without_its_access_log_serves_all_the_same(
    access_log: Path, on_redis: dict[str, str]
) -> None:
    environ = {"SHARQ_SERVER_WORKERS": "2", "SHARQ_SERVER_ACCESSLOG": str(access_log)}
    with ServerProcess(environ=on_redis | environ) as server:
        move_the_folder_away(access_log)  # the processes are on their way
        until(lambda: answers(server.url))
        work(server.url)
        assert server.stop() == 0


def test_lines_that_no_file_takes_are_counted_and_told(access_log: Path) -> None:
    environ = {"SHARQ_SERVER_ACCESSLOG": str(access_log)}
    with ServerProcess(environ=environ) as server:
        work(server.url, jobs=1)
        until(lambda: access_log.read_text().count("\n") == 3)
        access_log.unlink()
        access_log.parent.rmdir()
        work(server.url)
        until(lambda: "access.log cannot be written: No such file" in server.log())
        access_log.parent.mkdir()
        work(server.url, jobs=1)
        assert server.stop() == 0
        log = server.log()
    written = access_log.read_text().count("/sms/")
    lost = int(log.partition("access.log lost ")[2].split()[0])
    assert lost + written == REQUESTS + 3
    assert lost > 0


def test_an_access_log_on_a_full_disk_costs_no_answer(environ: dict[str, str]) -> None:
    with ServerProcess(environ=environ | {"SHARQ_SERVER_ACCESSLOG": str(FULL)}) as server:
        work(server.url)
        assert server.stop() == 0
        assert "/dev/full cannot be written: No space left on device" in server.log()


def test_an_access_log_that_is_a_pipe_nobody_reads_costs_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "access.fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    with ServerProcess(environ={"SHARQ_SERVER_ACCESSLOG": str(path)}) as server:
        work(server.url)
        assert server.stop() == 0
    assert read(reader).count("/sms/") > 0
    os.close(reader)


def test_the_access_log_follows_a_rotation_at_sighup_without_a_request(
    access_log: Path, environ: dict[str, str]
) -> None:
    with ServerProcess(environ=environ | {"SHARQ_SERVER_ACCESSLOG": str(access_log)}) as server:
        work(server.url, jobs=1)
        until(lambda: access_log.read_text().count("\n") == 3)
        old = access_log.rename(access_log.with_suffix(".1"))
        server.send(SIGHUP)
        until(access_log.exists)
        pids = server.children() or [server.process.pid]
        until(lambda: not any(has_open(pid, old) for pid in pids))
        work(server.url)
        assert server.stop() == 0
    assert old.read_text().count("/sms/") == 3
    assert access_log.read_text().count("/sms/") == REQUESTS
