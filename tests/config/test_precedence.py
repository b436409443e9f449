"""Flag before environment before file before default, and the names of the variables."""

from pathlib import Path
from typing import Any

import pytest

from sharq_plug.errors import ConfigError
from sharq_plug.server.config import Settings, Sources, load_settings

EVERY_KEY = [
    ("SHARQ_JOB_EXPIRE_INTERVAL", "job_expire_interval", "12", 12),
    ("SHARQ_JOB_REQUEUE_INTERVAL", "job_requeue_interval", "13", 13),
    ("SHARQ_DEFAULT_JOB_REQUEUE_LIMIT", "default_job_requeue_limit", "14", 14),
    ("SHARQ_ENABLE_REQUEUE_SCRIPT", "enable_requeue_script", "off", False),
    ("SHARQ_MAX_LEASE_TIME", "max_lease_time", "20", 20),
    ("SHARQ_IDEMPOTENCY_TIME", "idempotency_time", "21", 21),
    ("SHARQ_DEAD_LETTER_MAX_AGE", "dead_letter_max_age", "22", 22),
    ("SHARQ_DEAD_LETTER_MAX_COUNT", "dead_letter_max_count", "23", 23),
    ("SHARQ_SERVER_HOST", "host", "0.0.0.0", "0.0.0.0"),
    ("SHARQ_SERVER_PORT", "port", "15", 15),
    ("SHARQ_SERVER_WORKERS", "workers", "16", 16),
    ("SHARQ_SERVER_ACCESSLOG", "accesslog", "/tmp/access", "/tmp/access"),
    ("SHARQ_SERVER_MAX_BODY_SIZE", "max_body_size", "17", 17),
    ("SHARQ_SERVER_MAX_BATCH_BODY_SIZE", "max_batch_body_size", "19", 19),
    ("SHARQ_SERVER_BACKEND", "backend", "redis", "redis"),
    ("SHARQ_REDIS_URL", "url", "redis://h", "redis://h"),
    ("SHARQ_REDIS_PASSWORD", "password", "a ;b#c%d", "a ;b#c%d"),
    ("SHARQ_REDIS_PORT", "port", "18", 18),
]


def section_of(settings: Settings, variable: str) -> Any:
    if variable.startswith("SHARQ_REDIS_"):
        return settings.options
    return settings.server if variable.startswith("SHARQ_SERVER_") else settings.queue


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sharq.conf"
    path.write_text("[sharq]\njob_expire_interval : 1\n[sharq-server]\nport : 1\nhost : file\n")
    return path


@pytest.mark.parametrize(("variable", "key", "text", "value"), EVERY_KEY)
def test_each_key_has_its_variable(variable: str, key: str, text: str, value: object) -> None:
    environ = {"SHARQ_SERVER_BACKEND": "redis", variable: text}
    settings = load_settings(Sources(environ=environ))
    assert getattr(section_of(settings, variable), key) == value


def test_the_environment_goes_before_the_file(path: Path) -> None:
    settings = load_settings(Sources(path=path, environ={"SHARQ_SERVER_PORT": "2"}))
    assert (settings.server.port, settings.server.host) == (2, "file")


def test_a_flag_goes_before_the_environment(path: Path) -> None:
    sources = Sources(path=path, environ={"SHARQ_SERVER_PORT": "2"}, flags={"port": "3"})
    assert load_settings(sources).server.port == 3


def test_a_flag_speaks_of_the_server_alone() -> None:
    sources = Sources(flags={"backend": "redis", "port": "3", "host": "elsewhere"})
    options: Any = load_settings(sources).options
    assert (options.port, options.host) == (6379, "127.0.0.1")


def test_an_empty_value_counts_as_absent(path: Path) -> None:
    environ = {"SHARQ_SERVER_PORT": "", "SHARQ_JOB_EXPIRE_INTERVAL": ""}
    settings = load_settings(Sources(path=path, environ=environ, flags={"host": ""}))
    assert settings.server.port == 1
    assert settings.server.host == "file"
    path.write_text("[sharq-server]\nport :\n")
    assert load_settings(Sources(path=path)).server.port == 8080


@pytest.mark.parametrize("variable", ["SHARQ_SERVER_PORT", "SHARQ_REDIS_PORT"])
def test_a_port_that_a_container_platform_set_is_left_alone(variable: str) -> None:
    environ = {"SHARQ_SERVER_BACKEND": "redis", variable: "tcp://10.0.0.1:6379"}
    settings = load_settings(Sources(environ=environ))
    assert section_of(settings, variable).port in (8080, 6379)


def test_only_a_port_may_begin_with_tcp() -> None:
    with pytest.raises(ConfigError, match=r"^SHARQ_SERVER_WORKERS: must be an integer"):
        load_settings(Sources(environ={"SHARQ_SERVER_WORKERS": "tcp://10.0.0.1:80"}))


def test_other_variables_are_left_alone() -> None:
    environ = {"SHARQ_SERVER_PROT": "x", "SHARQ_CONFIG": "x", "SHARQ_X": "x", "PORT": "x"}
    assert load_settings(Sources(environ=environ)) == load_settings(Sources())


def test_the_variables_of_another_backend_are_left_alone() -> None:
    load_settings(Sources(environ={"SHARQ_REDIS_PORT": "nonsense"}))


@pytest.mark.parametrize(
    ("environ", "flags", "message"),
    [
        ({"SHARQ_SERVER_PORT": "x"}, {}, "SHARQ_SERVER_PORT: must be an integer"),
        ({"SHARQ_SERVER_PORT": "x"}, {"port": "y"}, "--port: must be an integer"),
        (
            {"SHARQ_JOB_EXPIRE_INTERVAL": "0"},
            {},
            "SHARQ_JOB_EXPIRE_INTERVAL: must be an integer >= 1",
        ),
        ({}, {"workers": "0"}, "--workers: must be an integer >= 1"),
        ({}, {"backend": "redsi"}, "--backend: there is no backend 'redsi'; installed: "),
        ({"SHARQ_SERVER_BACKEND": "x"}, {}, "SHARQ_SERVER_BACKEND: there is no backend 'x'"),
        ({}, {"workers": "2"}, "--workers: 2 processes cannot share"),
    ],
)
def test_a_refusal_names_the_variable_or_the_flag(
    environ: dict[str, str], flags: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(Sources(environ=environ, flags=flags))
    assert str(refused.value).startswith(message)


def test_a_refusal_never_shows_the_value() -> None:
    environ = {"SHARQ_SERVER_BACKEND": "redis", "SHARQ_REDIS_DB": "hunter2"}
    with pytest.raises(ConfigError) as refused:
        load_settings(Sources(environ=environ))
    assert "hunter2" not in str(refused.value)
