"""Keys, sessions and the rule of loopback hold over TLS, and behind a proxy that ends it."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGHUP

import httpx
import pytest

from support.certificates import Authority, Pair
from support.http_client import Wire
from support.server import ServerProcess, run_command
from support.waiting import until

OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    return {"SHARQ_SERVER_KEYS_FILE": str(tmp_path / "keys.toml")}


@pytest.fixture
def token(keys: dict[str, str]) -> str:
    """The token of a key that may all."""
    done = run_command("keys", "add", "ops", "--scopes", "enqueue,work,read,admin", environ=keys)
    assert done.returncode == 0, done
    return str(done.stdout.strip())


@pytest.fixture
def server(pair: Pair, keys: dict[str, str], token: str) -> Iterator[ServerProcess]:
    with ServerProcess(environ=keys | pair.environ) as server:
        yield server


def log_in(client: httpx.Client, token: str, **headers: str) -> str:
    """Log in as a browser does; return the header `Set-Cookie`."""
    response = client.post("/-/session", json={"key": token}, headers=OWN | headers)
    assert response.status_code == 201
    client.cookies.clear()
    return response.headers["set-cookie"]


def test_keys_and_sessions_work_as_without_tls_and_the_cookie_is_for_tls_only(
    server: ServerProcess, authority: Authority, token: str
) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, verify=authority.context()) as client:
        assert client.get("/types/").status_code == 401
        assert client.get("/types/", headers=bearer).status_code == 200
        basic = httpx.BasicAuth("ops", token[-43:])
        assert client.get("/types/", auth=basic).status_code == 200
        cookie = log_in(client, token)
        assert cookie.endswith("; HttpOnly; SameSite=Strict; Secure")
        session = {"Cookie": cookie.partition(";")[0]}
        assert client.get("/types/", headers=session).status_code == 200
        assert client.patch("/type/sms/", headers=session, json={}).status_code == 403
        assert client.patch("/type/sms/", headers=session | OWN, json={}).status_code == 200
        ended = client.delete("/-/session", headers=session | OWN)
        assert ended.headers["set-cookie"].endswith("; Secure")
    assert server.stop() == 0
    assert token[-43:] not in server.log()


def test_a_new_certificate_leaves_sessions_and_connections_as_they_are(
    server: ServerProcess, authority: Authority, pair: Pair, token: str
) -> None:
    with httpx.Client(base_url=server.url, verify=authority.context()) as client:
        session = {"Cookie": log_in(client, token).partition(";")[0]}
        with Wire(server.port, tls=authority.context()) as wire:
            old = wire.socket.getpeercert(binary_form=True)  # type: ignore[attr-defined]  # TLS
        pair.replace(authority.issue("next"))
        server.send(SIGHUP)

        def is_new() -> bool:
            with Wire(server.port, tls=authority.context()) as wire:
                return bool(wire.socket.getpeercert(binary_form=True) != old)  # type: ignore[attr-defined]  # TLS

        until(is_new)
        assert client.get("/types/", headers=session).status_code == 200
    with httpx.Client(base_url=server.url, verify=authority.context()) as client:
        assert client.get("/types/", headers=session).status_code == 200
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get("/types/", headers=bearer).status_code == 200


def test_a_session_is_good_at_each_process(
    pair: Pair, keys: dict[str, str], token: str, authority: Authority, on_redis: dict[str, str]
) -> None:
    environ = on_redis | keys | pair.environ
    with ServerProcess("--workers", "3", environ=environ) as server:
        with httpx.Client(base_url=server.url, verify=authority.context()) as client:
            session = {"Cookie": log_in(client, token).partition(";")[0], "Connection": "close"}
        for _ in range(30):  # a connection of its own each time, so that all processes get some
            response = httpx.get(
                f"{server.url}/types/", headers=session, verify=authority.context()
            )
            assert response.status_code == 200


def test_behind_a_proxy_that_ends_tls_the_browser_tells(keys: dict[str, str], token: str) -> None:
    """The browser speaks of its own page, and a page of the open web cannot lie about that."""
    with ServerProcess(environ=keys) as server, httpx.Client(base_url=server.url) as client:
        assert log_in(client, token, Origin="https://sharq.example").endswith("; Secure")
        assert "Secure" not in log_in(client, token, Origin="http://127.0.0.1")
        assert "Secure" not in log_in(client, token, **{"X-Forwarded-Proto": "https"})
        session = {"Cookie": log_in(client, token).partition(";")[0]}
        https = {"Origin": "https://sharq.example"}
        assert client.patch("/type/s/", headers=session | https, json={}).status_code == 403
        assert client.patch("/type/s/", headers=session | https | OWN, json={}).status_code == 200


def test_tls_without_keys_is_open_on_this_machine_only(pair: Pair, keys: dict[str, str]) -> None:
    refused = run_command("--check", "--host", "0.0.0.0", environ=pair.environ)
    assert refused.returncode == 2
    assert "it asks nobody for a key" in refused.stderr
    assert run_command("--check", environ=pair.environ).returncode == 0
    done = run_command("keys", "add", "ops", "--scopes", "read", environ=keys)
    assert done.returncode == 0
    keyed = run_command("--check", "--host", "0.0.0.0", environ=pair.environ | keys)
    assert keyed.returncode == 0
