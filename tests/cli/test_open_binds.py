"""A server that asks nobody for a key is reached from its own machine only."""

from pathlib import Path

import pytest

from sharq_plug.errors import ConfigError
from sharq_plug.keys.writing import add_key
from sharq_plug.server.open_binds import check_host
from sharq_plug.server.sections import ServerSection
from support.server import assert_refused, run_command


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "unix:/run/s.sock", "no.such.invalid"]
)
def test_a_host_of_this_machine_needs_no_keys(host: str) -> None:
    check_host(ServerSection(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "2001:db8::1", "0", "fe80::1%lo"])
def test_any_other_needs_keys_or_a_word(host: str) -> None:
    with pytest.raises(ConfigError, match="keys add") as caught:
        check_host(ServerSection(host=host))
    assert "allow_anonymous : true" in str(caught.value)
    check_host(ServerSection(host=host, keys_file="keys.toml"))
    check_host(ServerSection(host=host, authenticator="ours"))
    check_host(ServerSection(host=host, allow_anonymous=True))


def test_an_open_bind_does_not_start_and_check_says_so() -> None:
    for arguments in (["--host", "0.0.0.0"], ["--host", "0.0.0.0", "--check"]):
        assert_refused(run_command(*arguments), "[sharq-server] host: at 0.0.0.0", "keys_file")
    environ = {"SHARQ_SERVER_ALLOW_ANONYMOUS": "true"}
    assert run_command("--host", "0.0.0.0", "--check", environ=environ).returncode == 0


def test_keys_that_cannot_be_used_stop_the_start(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    environ = {"SHARQ_SERVER_KEYS_FILE": str(path)}
    missing = run_command("--check", environ=environ)
    assert_refused(missing, f"[sharq-server] keys_file: {path}: cannot be read: No such file")
    path.write_text("[[key]]\n")
    assert_refused(run_command("--check", environ=environ), "key number 1: id", "hashes", "scopes")
    path.unlink()
    add_key(path, "ops", scopes=["read"])
    done = run_command("--host", "0.0.0.0", "--check", environ=environ)
    assert done.returncode == 0
    both = environ | {"SHARQ_SERVER_ALLOW_ANONYMOUS": "true"}
    assert "allow_anonymous has no effect" in run_command("--check", environ=both).stderr


def test_an_authenticator_that_is_not_installed_is_told() -> None:
    done = run_command("--check", environ={"SHARQ_SERVER_AUTHENTICATOR": "ldap"})
    assert_refused(
        done, "SHARQ_SERVER_AUTHENTICATOR: there is no authenticator 'ldap'; installed: keys"
    )
