"""`sharq-server keys`: it writes the file, and shows a secret once."""

import os
import stat
from pathlib import Path

import pytest

from sharq_plug.keys.checks import read_keys
from sharq_plug.keys.tokens import digest
from sharq_plug.keys.writing import HEAD
from support.server import assert_refused, run_command


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def keys(path: Path, *words: str) -> str:
    """Run a command that works, and return what it says on standard output."""
    done = run_command("keys", *words, environ={"SHARQ_SERVER_KEYS_FILE": str(path)})
    assert done.returncode == 0, done
    return done.stdout


def refused(path: Path, *words: str, because: str) -> None:
    before = path.read_bytes() if path.exists() else None
    done = run_command("keys", *words, environ={"SHARQ_SERVER_KEYS_FILE": str(path)})
    assert_refused(done, because)
    assert (path.read_bytes() if path.exists() else None) == before
    assert [file.name for file in path.parent.iterdir()] == ([path.name] if before else [])


def hashes(path: Path) -> list[bytes]:
    [key] = read_keys(path.read_text())[0]
    return list(key.hashes)


def test_the_life_of_a_key(path: Path) -> None:
    first = keys(path, "add", "ops", "--scopes", "read,admin").strip()
    assert hashes(path) == [digest(first)]
    second = keys(path, "rotate", "ops").strip()
    assert hashes(path) == [digest(first), digest(second)]
    assert keys(path, "list") == "ops  scopes=read,admin  rotating\n"
    refused(path, "rotate", "ops", because="key ops: has two secrets already")
    assert keys(path, "retire", "ops", "--old") == ""
    assert hashes(path) == [digest(second)]
    refused(path, "retire", "ops", "--old", because="key ops: has one secret only")
    assert keys(path, "retire", "ops") == ""
    assert keys(path, "list") == ""
    refused(path, "retire", "ops", because="there is no key 'ops'")


def test_a_new_file_is_for_its_owner_and_signs_sessions(path: Path) -> None:
    token = keys(path, "add", "ops", "--scopes", "read").strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    _, secret = read_keys(path.read_text())
    assert secret is not None
    text = path.read_text()
    assert HEAD in text
    assert token[-43:] not in text
    keys(path, "rotate", "ops")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_keys(path.read_text())[1] == secret


def test_a_key_is_narrowed_and_expires(path: Path) -> None:
    words = ("--types", "sms,mail-*", "--queues", "eu.*", "--expires", "2027-01-31T00:00:00+01:00")
    keys(path, "add", "shop", "--scopes", "enqueue,read", *words)
    keys(path, "add", "old", "--scopes", "work", "--expires", "2020-01-01T00:00:00Z")
    assert keys(path, "list").splitlines() == [
        "shop  scopes=enqueue,read  types=sms,mail-*  queues=eu.*  expires=2027-01-30T23:00:00Z",
        "old  scopes=work  expired=2020-01-01T00:00:00Z",
    ]


def test_comments_and_order_stay(path: Path) -> None:
    mine = f'# mine\nsession_secret = "{"s" * 43}"\n'
    mine += f'[[key]]\nscopes = ["read"] # only\nid = "one"\nhashes = ["{"ab" * 32}"]\n'
    path.write_text(mine)
    keys(path, "add", "two", "--scopes", "read")
    text = path.read_text()
    assert mine in text
    assert [key.id for key in read_keys(text)[0]] == ["one", "two"]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "keys.toml"
    path.symlink_to(real)
    keys(path, "add", "ops", "--scopes", "read")
    assert path.is_symlink()
    assert len(read_keys(real.read_text())[0]) == 1


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (["add", "Ops", "--scopes", "read"], "id: must be 1 to 32 of a-z 0-9 -"),
        (["add", "ops", "--scopes", "raed"], "key ops: scopes: must be a list of scopes"),
        (["add", "ops", "--scopes", ""], "key ops: scopes"),
        (["add", "ops"], "--scopes"),
        (["add", "--scopes", "read"], "ID"),
        (["add", "ops", "--scopes", "work", "--queues", "a"], "cannot be narrowed by queue"),
        (["add", "ops", "--scopes", "read", "--types", "a b"], "key ops: types"),
        (["add", "ops", "--scopes", "read", "--expires", "soon"], "invalid time value"),
        (["add", "ops", "--scopes", "read", "--expires", "2027-01-31"], "invalid time value"),
        (["list"], "cannot be read: No such file"),
        (["rotate", "ops"], "cannot be read: No such file"),
        (["ad", "ops"], "invalid choice"),
        ([], "COMMAND"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    path: Path, words: list[str], because: str
) -> None:
    refused(path, *words, because=because)


def test_a_second_key_of_a_name_is_refused(path: Path) -> None:
    keys(path, "add", "ops", "--scopes", "read")
    refused(path, "add", "ops", "--scopes", "work", because="given more than once")


def test_a_bad_file_is_left_alone(path: Path) -> None:
    path.write_text("[[key]]\n")
    refused(path, "add", "ops", "--scopes", "read", because="key number 1: id")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none" / "keys.toml"
    environ = {"SHARQ_SERVER_KEYS_FILE": str(path)}
    done = run_command("keys", "add", "ops", "--scopes", "read", environ=environ)
    assert_refused(done, f"{path}: cannot be written: No such file")


def test_the_command_needs_a_file_and_a_name_keys_is_no_command() -> None:
    assert_refused(run_command("keys", "list"), "set [sharq-server] keys_file")
    assert_refused(run_command("--config", "keys"), "keys: cannot be read")
    assert "rotate" in run_command("keys", "--help").stdout


def test_the_owner_stays_when_root_writes(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    keys(path, "add", "ops", "--scopes", "read")
    os.chown(path, 1234, 4321)
    keys(path, "rotate", "ops")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)
