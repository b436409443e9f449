"""A dashboard logs in with a key once; a cookie stands for it, until the key or the time ends."""

import re
from collections.abc import Sequence
from itertools import product

import httpx
import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.http.doors.sessions import COOKIE_NAME, LIFETIME, Sessions, set_cookie
from sharq_plug.keys.writing import retire_key, rotate_key
from sharq_plug.model import Caller, Scope
from support.api import serving
from support.keyed import House

pytestmark = pytest.mark.anyio

OWN = {"Sec-Fetch-Site": "same-origin"}


async def log_in(house: House, key_id: str) -> str:
    """Return a header `Cookie` that stands for a key."""
    response = await house.ask(None, "POST", "/-/session", {"key": house.tokens[key_id]})
    assert response.status_code == 201
    house.served.client.cookies.clear()
    return response.headers["set-cookie"].split(";")[0]


async def ask(house: House, method: str, path: str, cookie: str, **more: str) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    response = await house.served.client.request(
        method, path, headers={"Cookie": cookie, **headers}
    )
    house.served.client.cookies.clear()
    return response


async def test_a_log_in_sets_a_cookie_that_only_this_server_sees(house: House) -> None:
    response = await house.ask(None, "POST", "/-/session", {"key": house.tokens["read"]})
    assert response.json() == {
        "status": "success",
        "key_id": "read",
        "scopes": ["read"],
        "expires_in": 43200,
    }
    cookie = response.headers["set-cookie"]
    assert re.fullmatch(
        rf"{COOKIE_NAME}=read\.[0-9]+\.[0-9a-f]{{64}}; Path=/; Max-Age=43200; HttpOnly; "
        r"SameSite=Strict",
        cookie,
    )
    assert house.tokens["read"][-43:] not in cookie
    secure = await house.ask(
        None, "POST", "/-/session", {"key": house.tokens["read"]}, Origin="https://x"
    )
    assert secure.headers["set-cookie"].endswith("; SameSite=Strict; Secure")


async def test_a_cookie_may_what_its_key_may(house: House) -> None:
    cookie = await log_in(house, "read")
    assert (await ask(house, "GET", "/types/", cookie)).status_code == 200
    assert (await ask(house, "GET", "/types/", f"a=b; {cookie};c")).status_code == 200
    refused = await ask(house, "PATCH", "/type/sms/", cookie, **OWN)
    assert refused.json()["message"] == "This key lacks the scope `admin`."


@pytest.mark.parametrize("wrong", ["", "no-token", "wrong", "expired"])
async def test_a_wrong_key_gets_no_cookie(house: House, wrong: str) -> None:
    token = house.tokens.get(wrong, wrong)
    response = await house.ask(None, "POST", "/-/session", {"key": token})
    assert response.status_code == 401
    assert "set-cookie" not in response.headers
    assert not token or token not in response.text


@pytest.mark.parametrize(
    "body", [None, {}, {"key": 1}, {"key": "x" * 5000}, {"key": "x", "more": 1}, b"{"]
)
async def test_a_log_in_that_is_none_is_refused(house: House, body: object) -> None:
    response = await house.ask(None, "POST", "/-/session", body)
    assert response.status_code == 400
    assert "xxxx" not in response.text


async def test_what_changes_something_needs_a_page_of_this_server(house: House) -> None:
    cookie = await log_in(house, "all")
    writes = [
        ("GET", "/dequeue/sms/"),
        ("GET", "/dequeue/"),
        ("POST", "/dequeue/sms/"),
        ("POST", "/finish/sms/q/j/"),
        ("POST", "/enqueue/sms/q/"),
        ("PATCH", "/type/sms/"),
        ("DELETE", "/deletequeue/sms/"),
    ]
    for method, path in writes:
        for site in ({}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "none"}):
            refused = await ask(house, method, path, cookie, **site)
            assert refused.status_code == 403, (path, site)
            assert "same-origin" in refused.json()["message"]
        assert (await ask(house, method, path, cookie, **OWN)).status_code not in {401, 403}
    assert (await ask(house, "GET", "/types/", cookie, Sec_Fetch_Site="none")).status_code == 200


async def test_bearer_goes_without_and_basic_from_another_page_does_not(house: House) -> None:
    foreign = {"Sec_Fetch_Site": "cross-site"}
    bearer = await house.ask("work", "GET", "/dequeue/sms/", None, **foreign)
    assert bearer.status_code == 404
    secret = house.tokens["work"].removeprefix("sq_work_")
    basic = httpx.BasicAuth("work", secret)
    client = house.served.client
    for headers, status in (
        ({}, 404),
        (OWN, 404),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ):
        response = await client.get("/dequeue/sms/", headers=headers, auth=basic)
        assert response.status_code == status, headers


async def test_a_basic_password_of_a_proxy_leaves_the_cookie_in_force(house: House) -> None:
    cookie = await log_in(house, "read")
    of_proxy = {"Authorization": "Basic cHJveHk6c2VjcmV0"}
    assert (await ask(house, "GET", "/types/", cookie, **of_proxy)).status_code == 200
    wrong = {"Authorization": f"Bearer {house.tokens['wrong']}"}
    assert (await ask(house, "GET", "/types/", cookie, **wrong)).status_code == 401


async def test_no_other_page_logs_anybody_in_or_out(house: House) -> None:
    body = {"key": house.tokens["read"]}
    for site in ("cross-site", "same-site", "none"):
        response = await house.ask(None, "POST", "/-/session", body, Sec_Fetch_Site=site)
        assert response.status_code == 403
        assert "set-cookie" not in response.headers
    cookie = await log_in(house, "read")
    for header in ({}, {"Sec_Fetch_Site": "cross-site"}):
        assert (await ask(house, "DELETE", "/-/session", cookie, **header)).status_code == 403
    ended = await ask(house, "DELETE", "/-/session", cookie, **OWN)
    assert ended.status_code == 200
    assert ended.headers["set-cookie"].startswith(f"{COOKIE_NAME}=; Path=/; Max-Age=0; ")


async def test_a_session_ends_with_the_token_that_began_it(house: House) -> None:
    old = await log_in(house, "read")
    house.tokens["read"] = rotate_key(house.path, "read")
    house.authenticator.refresh()
    new = await log_in(house, "read")
    assert [(await ask(house, "GET", "/types/", c)).status_code for c in (old, new)] == [200, 200]
    retire_key(house.path, "read", only_old=True)
    house.authenticator.refresh()
    assert [(await ask(house, "GET", "/types/", c)).status_code for c in (old, new)] == [401, 200]
    retire_key(house.path, "read")
    house.authenticator.refresh()
    assert (await ask(house, "GET", "/types/", new)).status_code == 401


async def test_a_cookie_that_was_changed_stands_for_nobody(house: House) -> None:
    cookie = await log_in(house, "read")
    name, _, value = cookie.partition("=")
    key_id, expires, signature = value.split(".")
    other = (await log_in(house, "all")).partition("=")[2].split(".")
    changed = [
        f"all.{expires}.{signature}",
        f"{key_id}.{int(expires) + 1}.{signature}",
        f"{key_id}.{expires}.{other[2]}",
        f"{key_id}.{expires}.{signature[:-1]}",
        f"{key_id}.{expires}.{signature.upper()}x",
        f"{key_id}.{expires}.{'0' * 64}",
        f"nobody.{expires}.{signature}",
        "",
        ".",
        "~",
    ]
    for text in changed:
        response = await ask(house, "GET", "/types/", f"{name}={text}")
        assert response.status_code == 401, text
    twice = f"{cookie}; {name}={'.'.join(other)}"
    assert (await ask(house, "GET", "/types/", twice)).status_code == 401


async def test_two_processes_agree_and_another_secret_does_not(house: House) -> None:
    cookie = await log_in(house, "read")
    text = house.path.read_text()
    [secret] = re.findall(r'session_secret = "(.*)"', text)
    house.path.write_text(text.replace(secret, "t" * 43))
    house.authenticator.refresh()
    assert (await ask(house, "GET", "/types/", cookie)).status_code == 401
    house.path.write_text(text.replace(f'session_secret = "{secret}"\n', ""))
    house.authenticator.refresh()
    assert (await ask(house, "GET", "/types/", cookie)).status_code == 401
    body = {"key": house.tokens["read"]}
    refused = await house.ask(None, "POST", "/-/session", body)
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    assert "session_secret" in refused.json()["message"]


class Known:
    """An authenticator with one caller, as far as sessions need one."""

    session_secret: bytes | None = b"s" * 43

    def __init__(self, *callers: Caller) -> None:
        self._callers = callers

    def callers(self, key_id: str) -> Sequence[Caller]:
        return [caller for caller in self._callers if caller.id == key_id]


@pytest.mark.parametrize(("key_id", "seal"), [("ops", b"seal"), ("an@example+x", b"seal")])
def test_a_session_lasts_twelve_hours(key_id: str, seal: bytes) -> None:
    caller, clock = Caller(key_id, frozenset({Scope.READ}), seal=seal), [1000.0]
    sessions = Sessions(Known(caller), now=lambda: clock[0])  # type: ignore[arg-type]  # enough of one
    value = sessions.begin(caller)
    cookie = f"{COOKIE_NAME}={value}"
    for now, expected in (
        (1000.0, caller),
        (1000.0 + LIFETIME - 1, caller),
        (1000.0 + LIFETIME, None),
    ):
        clock[0] = now
        assert sessions.caller(cookie) is expected


@pytest.mark.parametrize(("key_id", "seal"), [("ops", b""), ("a;b", b"seal"), ("a.b", b"seal")])
def test_what_cannot_be_told_apart_has_no_session(key_id: str, seal: bytes) -> None:
    caller = Caller(key_id, frozenset(), seal=seal)
    assert Sessions(Known(caller)).begin(caller) is None  # type: ignore[arg-type]  # enough of one


async def test_without_keys_there_is_nothing_to_log_in_to() -> None:
    async with serving(MemoryStore) as served:
        for method in ("POST", "DELETE"):
            response = await served.client.request(method, "/-/session", content='{"key": "x"}')
            assert (response.status_code, response.json()["error"]) == (404, "not_found")


def test_under_tls_the_cookie_is_for_tls() -> None:
    for secure, lifetime in product((True, False), (0, 5)):
        text = set_cookie("v", lifetime=lifetime, is_secure=secure)
        assert ("Secure" in text) is secure
        assert f"Max-Age={lifetime};" in text
