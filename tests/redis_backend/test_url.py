"""The address of a Redis: what is read from it, what is refused, and that no message shows it."""

import asyncio
import ssl
from pathlib import Path

import pytest

from sharq_plug.errors import ConfigError, StoreUnavailable
from sharq_plug.plugins import open_store
from sharq_redis.target import Target
from sharq_redis.url import parse_url
from support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

ACCEPTED = {
    "redis://redis.internal": Target("redis.internal"),
    "redis://redis.internal/": Target("redis.internal"),
    "REDIS://10.0.0.5:6380/12": Target("10.0.0.5", 6380, db=12),
    "redis://h?db=3": Target("h", db=3),
    "redis://[::1]": Target("::1"),
    "redis://[fe80::1%25eth0]:7000/1": Target("fe80::1%eth0", 7000, db=1),
    "redis://:secret@h": Target("h", password="secret"),
    "redis://user:secret@h:1/2": Target("h", 1, db=2, username="user", password="secret"),
    "redis://user:@h": Target("h", username="user"),
    "redis://us%40er:p%23a%2Fs%3Fs%25w%C3%B6rd@h": Target(
        "h", username="us@er", password="p#a/s?s%wörd"
    ),
    "redis://user:a:b@h": Target("h", username="user", password="a:b"),
    "redis://user:a@b@h": Target("h", username="user", password="a@b"),
    "rediss://h": Target("h", tls={}),
    f"rediss://h:7/1?ssl_ca_certs={__file__}&ssl_cert_reqs=required": Target(
        "h",
        7,
        db=1,
        tls={
            "ssl_ca_certs": __file__,
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
        },
    ),
    "rediss://h?ssl_cert_reqs=none": Target(
        "h", tls={"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    ),
    "unix:///run/redis.sock": Target(path="/run/redis.sock"),
    "unix:///run/a@b.sock?db=2": Target(path="/run/a@b.sock", db=2),
    "unix://user:secret@/run/r%20s.sock": Target(
        path="/run/r s.sock", username="user", password="secret"
    ),
}

REFUSED = {
    "h1dden": "redis://",
    "http://h1dden": "redis://",
    "redis:/h1dden": "redis://",
    "redis:h1dden": "redis://",
    "redis://": "no host",
    "redis:///0": "no host",
    "redis://:6379/0": "no host",
    "redis://user:h1dden@": "no host",
    "redis://user:h1dden@:6379": "no host",
    "redis://:#h1dden@host": "%23",
    "redis://:h1#dden@host:6379/0": "%23",
    "redis://host#h1dden": "%23",
    "redis://:h1/dden@host:6379/0": "%2F",
    "redis://:h1?dden@host:6379/0": "%3F",
    "redis://u:h1?db=h1dden@host:6379/0": "%3F",
    "redis://:h1%xdden@host": "%25",
    "redis://:h1dden%@host": "%25",
    "redis://:h1dden%ff@host": "UTF-8",
    "redis://h1dden@host": "user:password@",
    "redis://@host": "user:password@",
    "redis://:@host": "neither",
    "redis://host:h1dden": "port",
    "redis://host:": "port",
    "redis://host:0": "port",
    "redis://host:65536": "port",
    "redis://host:+1": "port",
    "redis://host:6379:h1dden": "colons",
    "redis://::1": "no host",
    "redis://fe80::1": "colons",
    "redis://[h1dden]": "IPv6",
    "redis://[::1]h1dden": "]",
    "redis://h1[dden": "character",
    "redis://h1%64den": "character",
    "redis://host/h1dden": "database",
    "redis://host/prod": "database",
    "redis://host/1/2": "database",
    "redis://host/-1": "database",
    "redis://host/٣": "database",
    "redis://host/1?db=2": "twice",
    "redis://host?db=1&db=2": "twice",
    "redis://host?db=h1dden": "database",
    "redis://host?timeout=5": "timeout",
    "redis://host?socket_timeout=5": "socket_timeout",
    "redis://host?protocol=3": "protocol",
    "redis://host?ssl_cert_reqs=none": "ssl_cert_reqs",
    "rediss://host?ssl_cert_reqs=h1dden": "ssl_cert_reqs",
    "rediss://host?ssl_ca_certs=": "ssl_ca_certs",
    "rediss://host?ssl_keyfile=/nowhere/h1dden": "ssl_keyfile",
    "redis://host?h1dden": "name=value",
    "redis://host?H1DDEN=1": "name=value",
    "redis://ho st": "space",
    "redis://host\t": "control",
    "redis://:h1\ndden@host": "control",
    "unix://h1dden": "three slashes",
    "unix://": "three slashes",
    "unix:///": "three slashes",
    "unix://u:h1/dden@/run/s": "three slashes",
    "unix://u:h1@/dden@/run/s": "%2F",
    "unix://u:h1dden@host/run/s": "three slashes",
    "unix:///run/s?path=h1dden": "path",
}


@pytest.mark.parametrize("url", ACCEPTED)
def test_what_is_read_from_a_url(url: str) -> None:
    assert parse_url(url) == ACCEPTED[url]


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_wrong_with_a_url_is_said_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store("redis", {"url": url})
    message = str(refused.value)
    assert "url: " in message
    assert REFUSED[url] in message
    for secret in ("h1", "dden", "H1DDEN"):
        assert secret not in message
    assert "\n" not in message


@pytest.mark.parametrize("target", ACCEPTED.values(), ids=str)
def test_a_target_shows_no_login(target: Target) -> None:
    for text in (str(target), repr(target)):
        assert "secret" not in text
        assert target.password is None or target.password not in text


async def test_keys_that_do_not_count_beside_a_url_are_named(redis_url: str) -> None:
    options = {"url": redis_url, "db": 3, "password": "secret", "key_prefix": "other"}
    async with open_store("redis", options) as store:
        [ignored] = [said for said in await store.health(thorough=True) if "do not count" in said]
    assert ignored.endswith(": db, password")
    async with open_store("redis", {"url": redis_url}) as store:
        assert not [said for said in await store.health(thorough=True) if "do not count" in said]


async def test_a_login_with_every_awkward_character_gets_in(
    own_server: RedisServer,
) -> None:
    own_server.client().config_set("requirepass", "p#a/s?s%w@rd")
    url = f"redis://:p%23a%2Fs%3Fs%25w%40rd@127.0.0.1:{own_server.port}/0"
    async with open_store("redis", {"url": url}) as store:
        await store.health()


async def test_tls_is_spoken_and_an_unknown_certificate_refused(tmp_path: Path) -> None:
    spoken: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spoken.append(await reader.read(100))
        writer.close()

    certificate = tmp_path / "certificate.pem"
    certificate.write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        for trusting in ("ssl_cert_reqs=none", f"ssl_ca_certs={certificate}"):
            url = f"rediss://127.0.0.1:{port}?{trusting}"
            with pytest.raises(StoreUnavailable, match="with TLS"):
                async with open_store("redis", {"url": url}) as store:
                    await store.health()
            assert spoken.pop(), "it came through"
        with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            async with open_store("redis", {"url": f"rediss://127.0.0.1:{port}"}) as store:
                await store.health()
        assert not spoken


CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZaoGmQrK7mDClSqa
QiEDxG1KOMMSa+ebEK3NY6qEryihRANCAASMkQuEtSHBFrHj8Hwczi7BaYinOWT3
8v28D6vzoWPFLaxRtVgH2DHUvPiXcyeCvvbLuAZa9Smv6jDRYa0OBeN9
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUbUWne63glIroip6ACeYkj8rfseUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyNTE1NTAxMFoYDzIxMjYxMTAx
MTU1MDEwWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASMkQuEtSHBFrHj8Hwczi7BaYinOWT38v28D6vzoWPFLaxRtVgH2DHU
vPiXcyeCvvbLuAZa9Smv6jDRYa0OBeN9o2QwYjAdBgNVHQ4EFgQUJBVePCC+bYjY
ZmmDpk0ZKB8YjxowHwYDVR0jBBgwFoAUJBVePCC+bYjYZmmDpk0ZKB8YjxowDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQD6RXJDS6buSVZT7zHZ6lQb9sSkpb5qcwXBeleMIGgp2gIgJjvzsonc4p0LsKzz
JAAFW7MCWwol4Tx5AROa5B6pM9w=
-----END CERTIFICATE-----
"""
"""Of 127.0.0.1, signed by itself, good for a hundred years, with its key. For this test only."""
