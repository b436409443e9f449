"""Which backend a server takes when nobody names one, and the sections that belong to nothing."""

from pathlib import Path

import pytest

from sharq_plug.errors import ConfigError
from sharq_plug.server.config import Settings, Sources, load_settings
from support.sharq_files import SHARQ_README, SHARQ_SAMPLE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sharq.conf"


def load(path: Path, text: str, environ: dict[str, str] | None = None, **flags: str) -> Settings:
    path.write_text(text)
    sources = Sources(path=path, path_source="--config", environ=environ or {}, flags=flags)
    return load_settings(sources)


def refusal(path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        load(path, text)
    return str(refused.value)


@pytest.mark.parametrize("text", [SHARQ_SAMPLE, SHARQ_README, "[redis]\n", "[redis]\ndb = 0\n"])
def test_a_file_with_the_section_of_one_backend_means_that_one(path: Path, text: str) -> None:
    settings = load(path, text)
    assert settings.server.backend == "redis"
    assert settings.origin.backend == "section [redis] of the file"


@pytest.mark.parametrize("text", ["", "[sharq]\n[sharq-server]\nport = 1\n", "[memory]\n"])
def test_a_file_without_the_section_of_another_means_memory(path: Path, text: str) -> None:
    assert load(path, text).server.backend == "memory"


def test_a_file_with_the_sections_of_two_backends_has_to_say_which(path: Path) -> None:
    assert refusal(path, "[redis]\n[memory]\n") == (
        f"{path}: has the sections [memory] and [redis], each of a backend: "
        "say in [sharq-server] backend which one is to be used"
    )
    assert load(path, "[redis]\n[memory]\n", backend="redis").server.backend == "redis"


def test_an_empty_key_leaves_the_choice_to_the_sections(path: Path) -> None:
    assert load(path, "[sharq-server]\nbackend :\n[redis]\n").server.backend == "redis"


def test_a_named_backend_goes_before_the_sections(path: Path) -> None:
    file = "[sharq-server]\nbackend = memory\n[redis]\n"
    by_file = load(path, file)
    assert by_file.server.backend == "memory"
    assert by_file.origin.backend == f"{path}: [sharq-server] backend"
    by_variable = load(path, file, {"SHARQ_SERVER_BACKEND": "redis"})
    assert (by_variable.server.backend, by_variable.origin.backend) == (
        *("redis", "SHARQ_SERVER_BACKEND"),
    )
    by_flag = load(path, file, {"SHARQ_SERVER_BACKEND": "redis"}, backend="memory")
    assert (by_flag.server.backend, by_flag.origin.backend) == ("memory", "--backend")


@pytest.mark.parametrize(
    ("section", "meant"),
    [
        ("sharq_server", "sharq-server"),
        ("SharQ-Server", "sharq-server"),
        ("sharq-servr", "sharq-server"),
        ("server", "sharq-server"),
        ("Redis", "redis"),
        ("REDIS", "redis"),
        (" redis ", "redis"),
        ("rdis", "redis"),
        ("SharQ", "sharq"),
    ],
)
@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_a_section_that_belongs_to_nothing_is_refused_with_the_one_that_was_meant(
    path: Path, section: str, meant: str, backend: str
) -> None:
    message = refusal(path, f"[sharq-server]\nbackend = {backend}\n[{section}]\nport = 1\n")
    assert message == f"{path}: [{section}]: there is no such section; did you mean [{meant}]?"


@pytest.mark.parametrize("section", ["DEFAULT", "postgres", "gunicorn"])
def test_a_section_like_no_other_is_refused_with_those_that_there_are(
    path: Path, section: str
) -> None:
    assert refusal(path, f"[{section}]\n") == (
        f"{path}: [{section}]: there is no such section; "
        "known: [sharq], [sharq-server], [memory], [redis], [keys]"
    )


def test_the_file_is_shown_with_what_named_it(path: Path) -> None:
    assert load(path, "").origin.file == f"{path} (--config)"
    assert load_settings(Sources()).origin.file == "no file"


@pytest.mark.parametrize(
    ("text", "environ", "shown"),
    [
        ("", {}, "redis at 127.0.0.1:6379, database 0 (default)"),
        (
            "[redis]\nhost = 127.0.0.1\nport = 6379\ndb = 0\n",
            {},
            "redis at 127.0.0.1:6379, database 0 ([redis] of the file)",
        ),
        (
            "[redis]\ndb = 4\nkey_prefix = x\n",
            {"SHARQ_REDIS_HOST": "r", "SHARQ_REDIS_PASSWORD": "hunter2"},
            "redis at r:6379, database 4 (SHARQ_REDIS_HOST, [redis] of the file, default)",
        ),
        (
            "[redis]\nconn_type = unix_sock\nunix_socket_path = /r.sock\n",
            {},
            "redis at /r.sock, database 0 ([redis] of the file, default)",
        ),
        (
            "[redis]\nhost = other\n",
            {"SHARQ_REDIS_URL": "redis://worker:hunter2@r:7/5"},
            "redis at r:7, database 5 (SHARQ_REDIS_URL)",
        ),
    ],
)
def test_the_store_is_shown_with_what_said_where_it_is(
    path: Path, text: str, environ: dict[str, str], shown: str
) -> None:
    assert load(path, text, environ, backend="redis").origin.store == shown


def test_a_server_without_passes_is_warned_of(path: Path) -> None:
    [warning] = load(path, "[sharq]\nenable_requeue_script : false\n").origin.warnings
    assert warning == (
        "this server runs no reclaim passes (enable_requeue_script is false): another server on "
        "the same store must, or jobs whose leases expire do not come back"
    )
    assert load(path, SHARQ_README).origin.warnings == ()
