"""Every key: its default, its values, and what is refused with which words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sharq_plug.errors import ConfigError
from sharq_plug.server.config import Settings, Sources, load_settings
from sharq_plug.server.sections import QueueSection, ServerSection
from sharq_redis.options import RedisOptions

SHIPPED = Path(__file__).parents[2] / "sharq.conf"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sharq.conf"


def load(path: Path, text: str, **flags: str) -> Settings:
    path.write_text(text, encoding="utf-8")
    return load_settings(Sources(path=path, flags=flags))


def refusal(path: Path, text: str, **flags: str) -> str:
    with pytest.raises(ConfigError) as refused:
        load(path, text, **flags)
    return str(refused.value)


def test_without_any_source_everything_has_its_default() -> None:
    settings = load_settings(Sources())

    assert settings.queue == QueueSection(
        job_expire_interval=60_000,
        job_requeue_interval=1000,
        default_job_requeue_limit=-1,
        enable_requeue_script=True,
        max_lease_time=43_200_000,
        idempotency_time=600_000,
        dead_letter_max_age=2_592_000_000,
        dead_letter_max_count=1_000_000,
    )
    assert settings.server == ServerSection(
        host="127.0.0.1",
        port=8080,
        workers=1,
        accesslog=None,
        backend="memory",
        max_body_size=1_048_576,
        max_batch_body_size=16_777_216,
        max_connections=4000,
        max_in_flight=1000,
    )


def test_the_shipped_file_holds_the_defaults_but_limits_requeues() -> None:
    shipped = load_settings(Sources(path=SHIPPED))
    default = load_settings(Sources())
    assert shipped.queue.default_job_requeue_limit == 25
    assert default.queue.default_job_requeue_limit == -1
    unlimited = msgspec.structs.replace(shipped.queue, default_job_requeue_limit=-1)
    assert replace(shipped, queue=unlimited) == default
    with_redis = load_settings(Sources(path=SHIPPED, flags={"backend": "redis"}))
    assert with_redis.options == RedisOptions()


@pytest.mark.parametrize(
    ("section", "options"),
    [("sharq", QueueSection), ("sharq-server", ServerSection), ("redis", RedisOptions)],
)
def test_the_shipped_file_explains_every_key(section: str, options: type[msgspec.Struct]) -> None:
    _, _, rest = SHIPPED.read_text(encoding="utf-8").partition(f"\n[{section}]\n")
    text, _, _ = rest.partition("\n[")
    keys = [line.partition(" :")[0] for line in text.splitlines() if line and line[0] != ";"]
    assert sorted(keys) == sorted(options.__struct_fields__)


@pytest.mark.parametrize(
    ("section", "key", "text", "value"),
    [
        ("sharq", "job_expire_interval", "1", 1),
        ("sharq", "job_requeue_interval", "500", 500),
        ("sharq", "default_job_requeue_limit", "0", 0),
        ("sharq", "enable_requeue_script", "false", False),
        ("sharq", "max_lease_time", "1", 1),
        ("sharq", "idempotency_time", "604800000", 604_800_000),
        ("sharq", "dead_letter_max_age", "0", 0),
        ("sharq", "dead_letter_max_age", "1000000000000", 1_000_000_000_000),
        ("sharq", "dead_letter_max_count", "0", 0),
        ("sharq", "dead_letter_max_count", "9007199254740991", 9_007_199_254_740_991),
        ("sharq-server", "host", "::", "::"),
        ("sharq-server", "host", "unix:/run/sharq.sock", "unix:/run/sharq.sock"),
        ("sharq-server", "port", "0", 0),
        ("sharq-server", "workers", "3", 3),
        ("sharq-server", "accesslog", "-", "-"),
        ("sharq-server", "max_body_size", "2048", 2048),
        ("sharq-server", "max_batch_body_size", "4096", 4096),
        ("sharq-server", "max_connections", "5", 5),
        ("sharq-server", "max_in_flight", "6", 6),
        ("redis", "db", "3", 3),
        ("redis", "key_prefix", "other", "other"),
        ("redis", "conn_type", "unix_sock", "unix_sock"),
        ("redis", "unix_socket_path", "/tmp/r.sock", "/tmp/r.sock"),
        ("redis", "host", "redis.internal", "redis.internal"),
        ("redis", "port", "6380", 6380),
        ("redis", "password", "50%(off)s", "50%(off)s"),
        ("redis", "username", "worker", "worker"),
        ("redis", "clustered", "false", False),
        ("redis", "url", "redis://:p=w@host:1/2", "redis://:p=w@host:1/2"),
    ],
)
@pytest.mark.parametrize("delimiter", [":", " : ", "=", " = "])
def test_a_key_of_the_file_is_read(
    path: Path, *, section: str, key: str, text: str, value: object, delimiter: str
) -> None:
    settings = load(path, f"[{section}]\n{key}{delimiter}{text}\n", backend="redis")

    found: dict[str, Any] = {
        "sharq": settings.queue,
        "sharq-server": settings.server,
        "redis": settings.options,
    }
    assert getattr(found[section], key) == value


def test_the_backend_of_the_file_is_used(path: Path) -> None:
    settings = load(path, "[sharq-server]\nbackend = redis\n[redis]\ndb = 7\n")
    assert settings.options == RedisOptions(db=7)


@pytest.mark.parametrize("text", ["true", "True", "yes", "on", "1"])
def test_true_is_said_in_many_ways(path: Path, text: str) -> None:
    assert load(path, f"[sharq]\nenable_requeue_script = {text}").queue.enable_requeue_script


@pytest.mark.parametrize("text", ["false", "FALSE", "no", "off", "0"])
def test_false_is_said_in_many_ways(path: Path, text: str) -> None:
    assert not load(path, f"[sharq]\nenable_requeue_script = {text}").queue.enable_requeue_script


@pytest.mark.parametrize(
    ("section", "key", "text", "words"),
    [
        ("sharq", "job_expire_interval", "0", "must be an integer >= 1"),
        ("sharq", "job_expire_interval", "1.5", "must be an integer"),
        ("sharq", "job_expire_interval", "9" * 5000, "must be"),
        ("sharq", "job_requeue_interval", "0", "must be an integer >= 1"),
        ("sharq", "max_lease_time", "0", "must be an integer >= 1"),
        ("sharq", "max_lease_time", "1000000000001", "must be an integer <= 1000000000000"),
        ("sharq", "idempotency_time", "0", "must be an integer >= 1"),
        ("sharq", "idempotency_time", "604800001", "must be an integer <= 604800000"),
        ("sharq", "dead_letter_max_age", "-1", "must be an integer >= 0"),
        ("sharq", "dead_letter_max_age", "1000000000001", "must be an integer <= 1000000000000"),
        ("sharq", "dead_letter_max_age", "30 days", "must be an integer"),
        ("sharq", "dead_letter_max_count", "-1", "must be an integer >= 0"),
        ("sharq", "dead_letter_max_count", "9007199254740992", "must be an integer <= 9007199254"),
        ("sharq", "job_requeue_interval", "soon", "must be an integer"),
        ("sharq", "default_job_requeue_limit", "-2", "must be an integer >= -1"),
        ("sharq", "enable_requeue_script", "maybe", "must be true or false"),
        ("sharq-server", "port", "65536", "must be an integer <= 65535"),
        ("sharq-server", "port", "-1", "must be an integer >= 0"),
        ("sharq-server", "port", "tcp://10.0.0.1:80", "must be an integer"),
        ("sharq-server", "workers", "0", "must be an integer >= 1"),
        ("sharq-server", "max_body_size", "1 MiB", "must be an integer"),
        ("sharq-server", "backend", "mermory", "there is no backend 'mermory'"),
        ("redis", "db", "first", "must be an integer"),
        ("redis", "clustered", "perhaps", "must be true or false"),
        ("redis", "conn_type", "udp", "must be tcp_sock or unix_sock"),
    ],
)
def test_a_bad_value_is_refused_with_file_section_and_key(
    path: Path, section: str, key: str, text: str, words: str
) -> None:
    flags = {} if key == "backend" else {"backend": "redis"}
    message = refusal(path, f"[{section}]\n{key} = {text}\n", **flags)
    assert message.startswith(f"{path}: [{section}] {key}: {words}")
    assert len(message) < 200


@pytest.mark.parametrize("section", ["sharq", "sharq-server", "redis"])
def test_an_unknown_key_is_refused_with_file_section_and_key(path: Path, section: str) -> None:
    message = refusal(path, f"[{section}]\nprot = 80\n", backend="redis")
    assert message.startswith(f"{path}: [{section}] prot: unknown key; known: ")


def test_the_memory_backend_has_no_keys(path: Path) -> None:
    message = refusal(path, "[memory]\nsize = 80\n")
    assert message == f"{path}: [memory] size: unknown key; known: none"


def test_the_section_of_another_backend_is_not_read(path: Path) -> None:
    load(path, "[redis]\nnonsense = 1\n", backend="memory")


def test_several_processes_are_refused_for_a_store_that_cannot_be_shared(path: Path) -> None:
    message = refusal(path, "[sharq-server]\nworkers = 2\n")
    assert message == (
        f"{path}: [sharq-server] workers: 2 processes cannot share a store of the backend "
        "'memory': use 1, or another backend"
    )
    assert load(path, "[sharq-server]\nworkers = 2\n", backend="redis").server.workers == 2
