"""Variables with our prefixes that are no keys: which are warned of, and which are left alone."""

import pytest

from sharq_plug.server.config import Sources, load_settings


def warnings(*names: str, text: str = "1", backend: str = "redis") -> tuple[str, ...]:
    environ = dict.fromkeys(names, text)
    return load_settings(Sources(environ=environ, flags={"backend": backend})).origin.warnings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SHARQ_SERVER_PROT", "SHARQ_SERVER_PORT"),
        ("SHARQ_SERVER_BACKED", "SHARQ_SERVER_BACKEND"),
        ("SHARQ_SERVR_HOST", "SHARQ_SERVER_HOST"),
        ("SHARQ_JOB_EXPIRY_INTERVAL", "SHARQ_JOB_EXPIRE_INTERVAL"),
        ("SHARQ_SERVER_JOB_EXPIRE_INTERVAL", "SHARQ_JOB_EXPIRE_INTERVAL"),
        ("SHARQ_PORT", "SHARQ_SERVER_PORT"),
        ("SHARQ_BACKEND", "SHARQ_SERVER_BACKEND"),
        ("SHARQ_URL", "SHARQ_REDIS_URL"),
        ("SHARQ_REDIS_PASWORD", "SHARQ_REDIS_PASSWORD"),
        ("SHARQ_REDIS_ENABLE_REQUEUE_SCRIPT", "SHARQ_ENABLE_REQUEUE_SCRIPT"),
        ("SHARQ_CONFG", "SHARQ_CONFIG"),
    ],
)
def test_a_variable_that_is_nearly_a_key_is_warned_of_with_the_key(name: str, meant: str) -> None:
    [warning] = warnings(name)
    assert warning == (
        f"the variable {name} has no effect: there is no such key; did you mean {meant}?"
    )


@pytest.mark.parametrize("name", ["SHARQ_SERVER_TIMEZONE", "SHARQ_X", "SHARQ_SQLITE_PATH"])
def test_a_variable_like_no_key_is_warned_of_too(name: str) -> None:
    assert warnings(name) == (f"the variable {name} has no effect: there is no such key",)


def test_a_warning_never_shows_the_value() -> None:
    [warning] = warnings("SHARQ_REDIS_PASWORD", text="hunter2")
    assert "hunter2" not in warning


def test_keys_are_not_warned_of() -> None:
    assert warnings("SHARQ_CONFIG", "SHARQ_SERVER_PORT", "SHARQ_REDIS_DB") == ()


@pytest.mark.parametrize("name", ["SHARQ_REDIS_URL", "SHARQ_REDIS_NONSENSE"])
def test_the_variables_of_an_installed_backend_that_was_not_chosen_are_left_alone(
    name: str,
) -> None:
    assert warnings(name, backend="memory") == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SHARQ_SERVER_PORT", "tcp://10.0.0.1:8080"),
        ("SHARQ_PORT", "tcp://10.0.0.1:8080"),
        ("SHARQ_WORKER_PORT", "udp://10.0.0.1:8080"),
        ("SHARQ_SERVER_SERVICE_HOST", "10.0.0.1"),
        ("SHARQ_SERVER_SERVICE_PORT", "8080"),
        ("SHARQ_SERVER_SERVICE_PORT_HTTP", "8080"),
        ("SHARQ_SERVER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("SHARQ_SERVER_PORT_8080_TCP_PROTO", "tcp"),
        ("SHARQ_SERVER_PORT_8080_TCP_PORT", "8080"),
        ("SHARQ_REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("SHARQ_REDIS_SERVICE_HOST", "10.0.0.1"),
        ("SHARQ_REDIS_PORT_6379_TCP_ADDR", "10.0.0.1"),
        ("SHARQ_REDIS_MASTER_SERVICE_HOST", "10.0.0.1"),
        ("SHARQ_REDIS_NAME", "/web/redis"),
        ("SHARQ_REDIS_ENV_GOSU_VERSION", "1"),
        ("SHARQ_SERVICE_HOST", "10.0.0.1"),
    ],
)
@pytest.mark.parametrize("backend", ["memory", "redis"])
def test_what_container_platforms_set_is_left_alone(name: str, text: str, backend: str) -> None:
    assert warnings(name, text=text, backend=backend) == ()


@pytest.mark.parametrize(
    "name",
    [
        *("SHARQ_TEST_REDIS_SERVER", "SHARQ_MODEL_SEED", "SHARQ_FAULTS_ONLY"),
        *("SHARQ_HOSTILE_REQUESTS", "PATH", "SHARQ", "MY_SHARQ_PORT", "REDIS_PORT"),
    ],
)
def test_what_is_not_for_the_server_is_left_alone(name: str) -> None:
    assert warnings(name) == ()
