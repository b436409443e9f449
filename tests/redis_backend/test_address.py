"""The address that the server shows: all that helps, and nothing that is secret."""

import pytest

from sharq_redis.options import RedisOptions, address_of

SECRETS = ("hunter2", "worker", "s3cr3t")


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (RedisOptions(), "redis at 127.0.0.1:6379, database 0"),
        (
            RedisOptions(host="r", port=7, db=3, username="worker", password="hunter2"),
            "redis at r:7, database 3",
        ),
        (RedisOptions(host="::1"), "redis at [::1]:6379, database 0"),
        (
            RedisOptions(conn_type="unix_sock", unix_socket_path="/r.sock", db=1),
            "redis at /r.sock, database 1",
        ),
        (RedisOptions(url="redis://worker:hunter2@r:7/3"), "redis at r:7, database 3"),
        (RedisOptions(url="redis://:hun%2Fter2@r"), "redis at r:6379, database 0"),
        (RedisOptions(url="redis://[::1]:7"), "redis at [::1]:7, database 0"),
        (RedisOptions(url="rediss://r/2"), "redis at r:6379 with TLS, database 2"),
        (RedisOptions(url="unix://worker:hunter2@/r.sock?db=2"), "redis at /r.sock, database 2"),
    ],
)
def test_the_address_is_shown_without_user_and_password(options: RedisOptions, shown: str) -> None:
    assert address_of(options).text == shown


@pytest.mark.parametrize(
    "url",
    [
        "redis://worker:hunter2#s3cr3t@r:7/3",
        "redis://hunter2#s3cr3t@r:7/3",
        "redis://hunter2/s3cr3t@r:7/3",
        "redis://hunter2?s3cr3t@r:7/3",
        "redis://:hunter2/s3cr3t@r:7/3",
        "redis:hunter2@r",
        "redis:///hunter2@r",
        "redis://worker:hunter2",
        "redis://[hunter2@r",
        "http://worker:hunter2@r",
        "unix://worker:hunter2#@/r.sock",
    ],
)
def test_a_url_that_may_be_taken_apart_wrongly_is_refused_and_shows_nothing(url: str) -> None:
    with pytest.raises(ValueError, match="url") as refusal:
        RedisOptions(url=url)
    assert not any(secret in str(refusal.value) for secret in SECRETS)


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (RedisOptions(url="redis://r"), {"url"}),
        (RedisOptions(), {"host", "port", "db"}),
        (RedisOptions(conn_type="unix_sock"), {"conn_type", "unix_socket_path", "db"}),
    ],
)
def test_the_keys_that_say_so_are_options(options: RedisOptions, keys: set[str]) -> None:
    assert set(address_of(options).keys) == keys
    assert keys <= set(options.__struct_fields__)
