"""A keys file is reread when it changes; a bad one leaves the keys as they are."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from sharq_plug.errors import ConfigError
from sharq_plug.keys import KeysAuthenticator, authenticator
from sharq_plug.keys.writing import add_key, retire_key
from sharq_plug.plugins import create_authenticator, installed_authenticators, load_authenticator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def knows(opened: KeysAuthenticator, token: str) -> bool:
    return asyncio.run(opened.authenticate(f"Bearer {token}")) is not None


def test_a_change_holds_after_the_next_look(path: Path) -> None:
    first = add_key(path, "one", scopes=["read"])
    opened = KeysAuthenticator(path)
    second = add_key(path, "two", scopes=["read"])
    assert (knows(opened, first), knows(opened, second)) == (True, False)
    opened.refresh()
    assert (knows(opened, first), knows(opened, second)) == (True, True)
    retire_key(path, "one")
    opened.refresh()
    assert (knows(opened, first), knows(opened, second)) == (False, True)


def test_an_unchanged_file_is_not_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add_key(path, "one", scopes=["read"])
    opened = KeysAuthenticator(path)
    monkeypatch.setattr(Path, "read_text", None)
    opened.refresh()
    assert not opened.problems


def test_a_bad_file_keeps_the_old_keys_and_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = add_key(path, "one", scopes=["read"])
    opened = KeysAuthenticator(path)
    good = path.read_text()
    path.write_text(good.replace('"read"', '"raed"'))
    for _ in range(3):
        opened.refresh()
    assert knows(opened, token)
    [problem] = opened.problems
    assert problem.startswith(f"{path}: key one: scopes: must be")
    [record] = caplog.records
    assert problem in record.getMessage()
    path.write_text(good + "\n")
    with caplog.at_level(logging.INFO):
        opened.refresh()
    assert not opened.problems
    assert "was read again: it has 1 keys" in caplog.records[-1].getMessage()


def test_a_file_that_is_gone_keeps_the_keys_until_it_is_back(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = add_key(path, "one", scopes=["read"])
    opened = KeysAuthenticator(path)
    text, kept = path.read_text(), path.stat()
    path.unlink()
    for _ in range(2):
        opened.refresh()
    assert list(opened.problems) == [f"{path}: cannot be read: No such file or directory"]
    assert len(caplog.records) == 1
    assert knows(opened, token)
    path.write_text(text)
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    opened.refresh()
    assert not opened.problems


@pytest.mark.anyio
async def test_the_file_is_looked_at_again_and_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "POLL", 0.001)
    add_key(path, "one", scopes=["read"])
    loop, was_reread = asyncio.get_running_loop(), asyncio.Event()
    refresh = KeysAuthenticator.refresh

    def noted(self: KeysAuthenticator) -> None:
        refresh(self)
        if self.callers("two"):
            loop.call_soon_threadsafe(was_reread.set)

    monkeypatch.setattr(KeysAuthenticator, "refresh", noted)
    async with KeysAuthenticator(path):
        add_key(path, "two", scopes=["read"])
        async with asyncio.timeout(5):
            await was_reread.wait()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "keys file"]


def test_a_file_for_others_to_read_is_warned_of(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_key(path, "one", scopes=["read"])
    KeysAuthenticator(path)
    assert not caplog.records
    path.chmod(0o640)
    KeysAuthenticator(path)
    assert "can be read by other users" in caplog.text


def test_the_keys_file_is_found_as_an_authenticator(path: Path) -> None:
    assert installed_authenticators()["keys"].startswith("sharq-plug ")
    options = load_authenticator("keys").options()
    add_key(path, "one", scopes=["read"])
    assert isinstance(create_authenticator("keys", options, path), KeysAuthenticator)
    path.write_text("")
    with pytest.raises(ConfigError, match=r"\[sharq-server\] keys_file: .*: is empty"):
        create_authenticator("keys", options, path)
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        create_authenticator("keys", options, path)
    with pytest.raises(ConfigError, match=r"needs .* keys_file"):
        create_authenticator("keys", options, None)
