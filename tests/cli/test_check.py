"""`--check` tries out what is used, and names the address of a Redis that does not let it."""

from pathlib import Path

import pytest

from support.readme import acl_rule
from support.redis_server import RedisServer, free_port
from support.server import run_command


def check(server: RedisServer, login: str = "") -> tuple[int, str]:
    """Return the exit status of a check, and what it wrote to standard error."""
    url = f"redis://{login}127.0.0.1:{server.port}/0"
    done = run_command("--check", "--backend", "redis", environ={"SHARQ_REDIS_URL": url})
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_replica_is_refused(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--replicaof", f"127.0.0.1 {free_port()}") as server:
        status, said = check(server)
    assert status == 2
    assert said.count("\n") == 1
    assert f"127.0.0.1:{server.port}, database 0: it is a read-only replica" in said


def test_a_user_without_rights_is_refused(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        server.command("ACL", "SETUSER", "sharq", *acl_rule("secret"), "resetkeys")
        status, said = check(server, "sharq:secret@")
    assert status == 2
    assert f"127.0.0.1:{server.port}, database 0: its user lacks a right" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("-info", "its user may not ask INFO"),
        ("-config", "its user may not ask CONFIG GET"),
        ("resetchannels", "up to 5 s late"),
        ("-sscan", "lacks rights that the server needs"),
    ],
)
def test_what_a_user_may_not_do_is_a_warning(tmp_path: Path, change: str, words: str) -> None:
    with RedisServer(tmp_path) as server:
        server.command("ACL", "SETUSER", "sharq", *acl_rule("secret"), change)
        status, said = check(server, "sharq:secret@")
    assert status == 0
    assert words in said
    assert all(" WARNING " in line for line in said.splitlines())


def test_a_full_redis_is_a_warning(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--maxmemory", "1") as server:
        status, said = check(server)
    assert status == 0
    assert "WARNING" in said
    assert "refuses every enqueue" in said


def test_a_url_that_is_wrong_is_refused_without_being_shown() -> None:
    environ = {"SHARQ_REDIS_URL": "redis://:h1#dden@host:6379/0"}
    done = run_command("--check", "--backend", "redis", environ=environ)
    assert done.returncode == 2
    assert "SHARQ_REDIS_URL: must not hold a #" in done.stderr
    assert "h1" not in done.stderr
    assert "dden" not in done.stderr
