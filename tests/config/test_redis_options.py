"""Options of the Redis backend that do not go together, and where they lead."""

from pathlib import Path

import pytest

from sharq_redis.options import RedisOptions, address_of, ignored, target_of
from sharq_redis.target import ClusterTarget, Endpoint, SentinelTarget, Target

HERE = __file__


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"clustered": True, "db": 1}, "db: must be 0"),
        ({"clustered": True, "url": "redis://h/1"}, "db: must be 0"),
        ({"clustered": True, "conn_type": "unix_sock"}, "clustered: must be false for a Unix"),
        ({"clustered": True, "url": "unix:///s"}, "clustered: must be false for a Unix"),
        ({"nodes": "a:1"}, "nodes: needs clustered : true"),
        ({"clustered": True, "nodes": "a:1", "url": "redis://h"}, "nodes: must not be set"),
        ({"clustered": True, "nodes": "a:1,"}, "nodes: names no host"),
        ({"clustered": True, "nodes": "a:1 b:2"}, "nodes: has too many colons"),
        ({"clustered": True, "nodes": "a:0"}, "nodes: the port"),
        ({"sentinels": "a"}, "sentinel_service: must name"),
        ({"sentinel_service": "s"}, "sentinels: must be set"),
        ({"sentinel_password": "s"}, "sentinels: must be set"),
        ({"sentinels": "a", "sentinel_service": "s", "clustered": True}, "sentinels: must not"),
        ({"sentinels": "a", "sentinel_service": "s", "url": "redis://h"}, "sentinels: must not"),
        (
            {"sentinels": "a", "sentinel_service": "s", "conn_type": "unix_sock"},
            "sentinels: must not",
        ),
        ({"tls": True, "url": "redis://h"}, "tls: must not be set with url"),
        ({"tls": True, "conn_type": "unix_sock"}, "tls: must be false"),
        ({"tls_ca": HERE}, "tls_ca: needs tls : true"),
        ({"tls": True, "tls_ca": "/nowhere"}, "tls_ca: must name a file"),
        ({"tls": True, "tls_cert": HERE}, "tls_cert: must be set together"),
        ({"tls": True, "tls_key": HERE}, "tls_cert: must be set together"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: dict[str, object], refusal: str
) -> None:
    with pytest.raises(ValueError, match=f"^{refusal}"):
        RedisOptions(**options)  # type: ignore[arg-type]  # each as its own type


def test_nodes_and_a_url_lead_to_a_cluster() -> None:
    options = RedisOptions(clustered=True, nodes="a, [::1]:7 ,b:8", username="u", password="p")
    target = target_of(options)
    assert isinstance(target, ClusterTarget)
    assert [*target.seeds] == [Endpoint("a", 6379), Endpoint("::1", 7), Endpoint("b", 8)]
    assert (target.login.username, target.login.password) == ("u", "p")
    assert target_of(RedisOptions(clustered=True, url="rediss://u:p@h:7")) == ClusterTarget(
        [Endpoint("h", 7)], Target("h", 7, username="u", password="p", tls={})
    )
    assert target_of(RedisOptions(clustered=True)) == ClusterTarget(
        [Endpoint("127.0.0.1", 6379)], Target()
    )


def test_sentinels_lead_to_a_service(tmp_path: Path) -> None:
    options = RedisOptions(
        sentinels="a,b:7",
        sentinel_service="jobs",
        sentinel_password="s",
        password="p",
        db=3,
        tls=True,
        tls_ca=HERE,
    )
    tls = {"ssl_ca_certs": HERE}
    target = target_of(options)
    assert isinstance(target, SentinelTarget)
    assert [*target.sentinels] == [Endpoint("a", 26379), Endpoint("b", 7)]
    assert target.login == Target(password="p", db=3, tls=tls)
    assert target.asked == Target(password="s", tls=tls)


@pytest.mark.parametrize(
    ("options", "shown", "keys"),
    [
        (
            RedisOptions(clustered=True, nodes="a:1, b:2", password="h1dden"),
            "redis at a:1 and b:2, a Redis Cluster",
            {"nodes", "clustered"},
        ),
        (
            RedisOptions(clustered=True, url="rediss://u:h1dden@h"),
            "redis at h:6379 with TLS, a Redis Cluster",
            {"url", "clustered"},
        ),
        (
            RedisOptions(sentinels="a:1", sentinel_service="jobs", sentinel_password="h1dden"),
            "redis at jobs through the sentinels a:1, database 0",
            {"sentinels", "sentinel_service", "db"},
        ),
    ],
)
def test_the_address_is_shown_without_a_secret(
    options: RedisOptions, shown: str, keys: set[str]
) -> None:
    address = address_of(options)
    assert address.text == shown
    assert {*address.keys} == keys
    assert "h1dden" not in repr(target_of(options))


def test_keys_that_do_not_count_are_named() -> None:
    assert ignored(RedisOptions(clustered=True, port=7)) == []
    [said] = ignored(RedisOptions(clustered=True, nodes="a", host="h", port=7))
    assert said == "[redis] nodes is set, so these keys of [redis] do not count: host, port"
    [said] = ignored(RedisOptions(sentinels="a", sentinel_service="s", host="h"))
    assert said.startswith("[redis] sentinels is set")
    [said] = ignored(RedisOptions(url="redis://h", db=3, username="u"))
    assert said == "[redis] url is set, so these keys of [redis] do not count: db, username"
