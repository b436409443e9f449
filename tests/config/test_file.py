"""The file's grammar: SharQ's own files, comments, and each way in which a file can be broken."""

from pathlib import Path
from typing import Any

import pytest

from sharq_plug.errors import ConfigError
from sharq_plug.server.config import Settings, Sources, load_settings
from support.sharq_files import SHARQ_README, SHARQ_SAMPLE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sharq.conf"


def load(path: Path, text: str | bytes, backend: str = "memory") -> Settings:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_settings(Sources(path=path, flags={"backend": backend}))


@pytest.mark.parametrize("backend", ["memory", "redis"])
@pytest.mark.parametrize("text", [SHARQ_SAMPLE, SHARQ_README])
def test_a_file_written_for_sharq_works(path: Path, text: str, backend: str) -> None:
    settings = load(path, text, backend)
    assert settings.queue.job_expire_interval == 1000
    assert settings.queue.default_job_requeue_limit == -1
    if backend == "redis":
        options: Any = settings.options
        assert options.conn_type == "tcp_sock"
        assert options.unix_socket_path == "/tmp/redis.sock"
        assert options.password == ""


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ("a;b", "a;b"),
        ("a#b", "a#b"),
        ("a #b", "a #b"),
        ("a ;b", "a"),
        ("a%b%(c)s", "a%b%(c)s"),
        ("a%%b", "a%b"),
        ("a%%%%b", "a%%b"),
        ("%%(c)s%", "%(c)s%"),
        ("${HOME}", "${HOME}"),
        ("a=b:c", "a=b:c"),
        ("[a]", "[a]"),
        ("pässwörd", "pässwörd"),
    ],
)
def test_a_password_may_hold_signs_of_the_grammar(path: Path, written: str, password: str) -> None:
    options: Any = load(path, f"[redis]\npassword : {written}\n", "redis").options
    assert options.password == password


def test_whole_lines_of_comment_begin_with_either_sign(path: Path) -> None:
    text = "; one\n# two\n\n[sharq-server] ; three\n  ; four\nport = 1\n# five\nhost = h\n"
    server = load(path, text).server
    assert (server.port, server.host) == (1, "h")


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(path: Path) -> None:
    text = "\ufeff[sharq-server]\r\nport = 1 ; one\r\nhost = h\r\n"
    server = load(path, text).server
    assert (server.port, server.host) == (1, "h")


def test_an_empty_file_gives_the_defaults(path: Path) -> None:
    assert load(path, "") == load_settings(Sources())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 1\n", "line 1 stands before the first [section]"),
        (
            "[sharq-server]\nsecret\n",
            "line 2 is neither a [section], nor `key : value`, nor a comment",
        ),
        ("[redis]\n[sharq]\n[redis]\n", "line 3 repeats the section [redis]"),
        ("[redis]\ndb = 1\nDB = 2\n", "line 3 repeats the key db of [redis]"),
        (
            "[redis]\nhost = h\n  db = 2\n",
            "[redis] host: goes on in the next line, which must not be indented",
        ),
        (b"[redis]\nhost = \xff\n", "is not UTF-8 text"),
    ],
)
def test_a_malformed_file_is_refused_by_name_and_line(
    path: Path, text: str | bytes, words: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(path, text)
    assert str(refused.value) == f"{path}: {words}"


def test_a_file_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(Sources(path=path))
    assert str(refused.value) == f"{path}: cannot be read: No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(Sources(path=tmp_path))
