"""What somebody tries who has an hour, no key or a narrow one, and a socket."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from sharq_plug.keys.tokens import new_token
from sharq_plug.model import Scope
from sharq_plug.plugins import open_store
from support.api import exchange
from support.http_client import Answer, read_answer
from support.keyed import NOT_WORK, House, keyed

pytestmark = pytest.mark.anyio

SECRET = "seen!"
PLAIN = "HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(params=["memory", "redis"])
async def prey(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """A server with a job of two tenants, and a key for the queues of one of them."""
    name = str(request.param)
    options = {"url": request.getfixturevalue("redis_url")} if name == "redis" else {}
    async with keyed(tmp_path / "keys.toml", partial(open_store, name, options)) as house:
        house.add("acme", NOT_WORK, queues=["acme-*"])
        house.add("mail", list(Scope), types=["mail"])
        for queue in ("acme-1", "globex-1"):
            made = await house.ask("all", "POST", f"/enqueue/sms/{queue}/", job("j"))
            assert made.status_code == 201
        yield house


def job(job_id: str, **more: object) -> dict[str, object]:
    return {"job_id": job_id, "interval": 0, "payload": SECRET, **more}


async def answers(house: House, sent: str) -> Sequence[Answer]:
    """Send bytes, and return every answer until the server has no more to say."""
    closing = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = await exchange(house.served.port, sent=(sent + closing).encode("latin-1"))
    found = []
    while received and (answer := read_answer(received)) is not None:
        found.append(answer)
        received = received[answer.size :]
    assert not received
    return found


PATHS = [
    "//types/",
    "/types//",
    "/./types/",
    "/-/../types/",
    "/-/health/../../types/",
    "/-/health/..%2f..%2ftypes",
    "/%2e/types/",
    "/-%2Fmetrics",
    "/%2d/metrics",
    "/-/metrics%00",
    "/-/metrics/",
    "/-/METRICS",
    "/-/metrics?/-/health",
    "/-/health;/../metrics",
    "/-/health%2f..%2fmetrics",
    "/Types/",
    "/types%20/",
    "/types%09",
    "/types/?x=/-/health",
    "/%74ypes/",
    "http://x/types/",
    "HTTP://127.0.0.1/types/",
    "http://x/-/health/../types/",
    "http://x//types/",
    "/queue/sms/globex-1",
    "/queue/sms/globex-1//",
    "/queue/sms/./globex-1/",
    "/queue/sms/globex-1%2f",
    "/queue/sms%2Fglobex-1/",
    "/queue//sms/globex-1/",
    "/jobs/sms/globex-1/?state=waiting&payload=1",
    "/job/sms/globex-1/j/?payload=1",
    "/job/sms/globex-1/j?payload=1#/-/health",
    "/dequeue",
    "/dequeue/",
    "/dequeue/sms/?queues=globex-1",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "get", "POST", "TRACE"])
async def test_no_way_to_write_a_path_leads_past_the_doors(prey: House, method: str) -> None:
    for path in PATHS:
        received = await exchange(
            prey.served.port, sent=f"{method} {path} {PLAIN}Connection: close\r\n\r\n".encode()
        )
        status = int(received[9:12])
        if method != "OPTIONS":
            assert status in {400, 401, 404, 405, 501}, (path, received)
        _, _, body = received.partition(b"\r\n\r\n")
        assert b"globex" not in body
        assert b"sms" not in body
        assert SECRET.encode() not in body
        assert b"HTTP/1.1" not in body, "one request, one answer"
    assert len((await prey.ask("all", "GET", "/jobs/sms/globex-1/")).json()["jobs"]) == 1


async def test_no_way_to_write_a_path_shows_another_queue(prey: House) -> None:
    acme = f"Authorization: Bearer {prey.tokens['acme']}\r\n"
    for path in PATHS:
        sent = f"GET {path} {PLAIN}{acme}Connection: close\r\n\r\n".encode()
        received = await exchange(prey.served.port, sent=sent)
        assert SECRET.encode() not in received, path
        assert b'"waiting":1' not in received, path
        if b"queues=globex" not in path.encode():
            assert b"globex" not in received.partition(b"\r\n\r\n")[2], path


SMUGGLED = 'PATCH /type/sms/ HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{"paused":true}'


@pytest.mark.parametrize("key_id", [None, "wrong", "acme"])
async def test_the_body_of_a_refused_request_is_no_request(prey: House, key_id: str | None) -> None:
    """Even if it looks like one with a key that may all: the key is in the body only."""
    lines = "" if key_id is None else f"Authorization: Bearer {prey.tokens[key_id]}\r\n"
    root = f"Authorization: Bearer {prey.tokens['all']}\r\n"
    inner = SMUGGLED.replace("Host: x\r\n", f"Host: x\r\n{root}")
    chunk = f"{len(inner):x}\r\n{inner}\r\n0\r\n\r\n"
    for framed in (
        f"Content-Length: {len(inner)}\r\n\r\n{inner}",
        f"Transfer-Encoding: chunked\r\n\r\n{chunk}",
        f"Expect: 100-continue\r\nContent-Length: {len(inner)}\r\n\r\n{inner}",
    ):
        for path in ("/enqueue/sms/globex-1/", "/enqueue/none/globex-1/", "/type/sms/"):
            method = "PATCH" if "type/" in path else "POST"
            found = await answers(prey, f"{method} {path} {PLAIN}{lines}{framed}")
            statuses = [answer.status for answer in found if answer.status != 100]
            assert statuses == [403 if key_id == "acme" else 401, 200]
    assert (await prey.ask("all", "GET", "/type/sms/")).json()["settings"] == {}


async def test_two_lengths_are_refused_whoever_asks(prey: House) -> None:
    root = f"Authorization: Bearer {prey.tokens['all']}\r\n"
    for lengths in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: xchunked\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\n Transfer-Encoding: chunked\r\n",
    ):
        for lines in (root, ""):
            sent = f"POST /enqueue/sms/globex-1/ {PLAIN}{lines}{lengths}\r\n0\r\n\r\n{SMUGGLED}"
            [answer] = await answers(prey, sent)  # and the connection is closed
            assert answer.status in {400, 501}, lengths
    assert (await prey.ask("all", "GET", "/type/sms/")).json()["settings"] == {}


@pytest.mark.parametrize(
    "lines",
    [
        "Authorization:\r\n Bearer {}\r\n",
        "X: y\r\n Authorization: Bearer {}\r\n",
        "X: y\r\n\tAuthorization: Bearer {}\r\n",
        "Authorization : Bearer {}\r\n",
        "X: y\rAuthorization: Bearer {}\r\n",
        "X: y\nAuthorization: Bearer {}\r\n",
        "Authorization: Bearer \0{}\r\n",
        "Authorization: Bearer {}\r\nAuthorization: Bearer {}\r\n",
        "Authorization: Bearer {}\r\nauthorization: \r\n",
        "Proxy-Authorization: Bearer {}\r\n",
        "Authorization_: Bearer {}\r\n",
        "X-Authorization: Bearer {}\r\n",
        "Cookie: Authorization=Bearer {}\r\n",
        "Cookie: sharq_session={}\r\n",
    ],
)
async def test_a_key_in_any_other_place_is_none(prey: House, lines: str) -> None:
    for token in (prey.tokens["all"], new_token("all")):
        said = lines.replace("{}", token)
        sent = f"GET /types/ {PLAIN}{said}Connection: close\r\n\r\n".encode()
        received = await exchange(prey.served.port, sent=sent)
        assert received[9:12] in {b"400", b"401"}
        assert token.encode() not in received


async def test_a_head_of_any_size_is_answered(prey: House) -> None:
    for size in (7_000, 100_000):
        sent = f"GET /types/ {PLAIN}Authorization: Bearer {'A' * size}\r\n\r\n".encode()
        received = await exchange(prey.served.port, sent=sent + b"GET / HTTP/1.0\r\n\r\n")
        assert received[9:12] in {b"401", b"413"}


async def test_what_a_proxy_may_say_lets_nobody_in(prey: House) -> None:
    believed = {
        "X-Forwarded-For": "127.0.0.1",
        "X-Real-IP": "127.0.0.1",
        "Forwarded": "for=127.0.0.1;proto=https;by=all",
        "X-Forwarded-User": "all",
        "X-Remote-User": "all",
        "X-Original-URL": "/-/health",
        "X-HTTP-Method-Override": "OPTIONS",
    }
    for name, value in believed.items():
        assert (await prey.ask(None, "GET", "/types/", **{name: value})).status_code == 401
        refused = await prey.ask("acme", "GET", "/queue/sms/globex-1/", **{name: value})
        absent = await prey.ask("acme", "GET", "/queue/sms/nothing/")
        assert refused.json() == absent.json()


async def test_the_default_type_is_a_type_as_any_other(prey: House) -> None:
    for method in ("GET", "POST"):
        refused = await prey.ask("mail", method, "/dequeue/")
        assert refused.status_code == 403
        assert refused.json()["message"] == "This key may not use the queue type `default`."


async def test_an_idempotency_key_of_another_tenant_tells_nothing(prey: House) -> None:
    for sent_as in ("header", "field", "deduplicate"):
        more: dict[str, object] = {}
        headers = {}
        if sent_as == "header":
            headers = {"Idempotency-Key": "k"}
        elif sent_as == "field":
            more = {"idempotency_key": "f"}
        else:
            more = {"deduplicate": {"key": "d", "for": 60_000}}
        theirs = job(f"theirs-{sent_as}", **more)
        first = await prey.ask("all", "POST", "/enqueue/sms/globex-1/", theirs, **headers)
        assert first.json() == {"status": "queued"}
        ours = job(f"ours-{sent_as}", **more)
        for _ in range(2):
            second = await prey.ask("acme", "POST", "/enqueue/sms/acme-1/", ours, **headers)
            assert "theirs" not in second.text
            assert "globex" not in second.text
        there = await prey.ask("acme", "GET", f"/job/sms/acme-1/ours-{sent_as}/")
        assert there.status_code == 200, sent_as


async def test_numbers_of_dead_letters_of_another_tenant_move_nothing(prey: House) -> None:
    taken = (await prey.ask("all", "GET", "/dequeue/sms/?count=10")).json()["jobs"]
    for each in taken:
        dead = {"lease": each["lease"], "dead": True}
        path = f"/fail/sms/{each['queue_id']}/{each['job_id']}/"
        assert (await prey.ask("all", "POST", path, dead)).status_code == 200
    letters = (await prey.ask("all", "GET", "/deadletters/sms/")).json()["letters"]
    numbers = {letter["queue_id"]: letter["number"] for letter in letters}
    for verb in ("redrive", "discard"):
        body = {"letters": [numbers["globex-1"], numbers["globex-1"] + 1000]}
        told = (await prey.ask("acme", "POST", f"/{verb}/sms/acme-1/", body)).json()
        assert told["unknown"] == 2, "another tenant's letter and none are the same"
        assert (await prey.ask("acme", "POST", f"/{verb}/sms/globex-1/", body)).status_code == 403
        assert (await prey.ask("acme", "POST", f"/{verb}/sms/", body)).status_code == 403
    left = (await prey.ask("all", "GET", "/deadletters/sms/globex-1/")).json()["letters"]
    assert len(left) == 1


async def test_a_cursor_of_another_key_shows_no_more(prey: House) -> None:
    queues = [f"{tenant}-{number}" for number in range(2, 9) for tenant in ("acme", "globex")]
    jobs = [job("j", queue_id=queue) for queue in queues]
    assert (await prey.ask("all", "POST", "/enqueue/sms/", {"jobs": jobs})).status_code == 200
    for query in ("limit=3", "limit=3&sort=overdue", "limit=3&prefix=globex"):
        cursor = (await prey.ask("all", "GET", f"/queues/sms/?{query}")).json()["cursor"]
        assert cursor
        page = await prey.ask("acme", "GET", f"/queues/sms/?{query}&cursor={cursor}")
        assert page.status_code in {200, 400}
        assert "globex" not in page.text


async def test_an_attempt_and_a_lease_of_another_type_are_unknown(prey: House) -> None:
    path = "/dequeue/sms/?attempt_id=same&wait=0"
    taken = (await prey.ask("all", "GET", path)).json()
    assert taken["job_id"] == "j"
    repeated = await prey.ask("mail", "GET", "/dequeue/mail/?attempt_id=same")
    assert repeated.status_code == 404
    end = {"lease": taken["lease"]}
    for verb in ("finish", "release", "fail"):
        gone = await prey.ask("mail", "POST", f"/{verb}/mail/{taken['queue_id']}/j/", end)
        assert gone.status_code in {404, 409}
        other = await prey.ask("mail", "POST", f"/{verb}/sms/{taken['queue_id']}/j/", end)
        assert other.status_code == 403
    done = await prey.ask("all", "POST", f"/finish/sms/{taken['queue_id']}/j/", end)
    assert done.status_code == 200


async def test_a_key_for_some_queues_may_not_touch_shared_limits(prey: House) -> None:
    limit = {"limits": [{"rate": 1, "per": 1000}]}
    assert (await prey.ask("all", "PATCH", "/limit/sms/globex/", limit)).status_code == 200
    message = (
        "This key is for some queues only, and shared limits belong to a whole queue type: it may "
        "not send `uses`."
    )
    for uses in (["globex"], [], [{"name": "new", **limit}], ["unknown"]):
        single = await prey.ask("acme", "POST", "/enqueue/sms/acme-1/", job("u", uses=uses))
        assert (single.status_code, single.json()["message"]) == (403, message)
        items = [job("u", queue_id="acme-1", uses=uses), job("fine", queue_id="acme-1")]
        batch = await prey.ask("acme", "POST", "/enqueue/sms/", {"jobs": items})
        refused, other = batch.json()["results"]
        assert (refused["code"], refused["message"]) == (403, message)
        assert other["code"] in {201, 200}
    for given in (["globex"], [], None):
        patch = await prey.ask("acme", "PATCH", "/queue/sms/acme-1/", {"uses": given})
        assert (patch.status_code, patch.json()["message"]) == (403, message)
    own = await prey.ask("acme", "PATCH", "/queue/sms/acme-1/", {"weight": 2})
    assert own.status_code == 200
    names = [
        view["name"] for view in (await prey.ask("all", "GET", "/limits/sms/")).json()["limits"]
    ]
    assert names == ["globex"]
    shown = (await prey.ask("all", "GET", "/limit/sms/globex/")).json()
    assert shown["queues"] == 0


async def test_the_detail_of_readiness_is_for_keys_that_are_not_narrowed(prey: House) -> None:
    for key_id, what in (("acme", "queues"), ("mail", "queue types")):
        refused = await prey.ask(key_id, "GET", "/-/ready?detail=1")
        message = f"This key is for some {what} only, and this is about the whole server."
        assert (refused.status_code, refused.json()["message"]) == (403, message)
        assert (await prey.ask(key_id, "GET", "/-/ready")).status_code == 200


async def test_a_key_in_the_path_names_nothing_and_is_not_shown(prey: House) -> None:
    token = prey.tokens["all"]
    coded = token.replace("_", "%5F")
    for name in (token, coded, f"%73{token[1:]}", f"x{token}"):
        for method, path in (
            ("POST", f"/enqueue/{name}/q/"),
            ("POST", f"/enqueue/sms/{name}/"),
            ("GET", f"/queue/sms/{name}/"),
            ("GET", f"/dequeue/{name}/"),
            ("PATCH", f"/limit/sms/{name}/"),
        ):
            for key_id in ("all", None):
                refused = await prey.ask(key_id, method, path, job("j"))
                assert refused.status_code == 400
                assert "send it as `Authorization: Bearer`" in refused.json()["message"]
    assert [
        each["queue_type"] for each in (await prey.ask("all", "GET", "/types/")).json()["types"]
    ] == ["sms"]


async def test_no_answer_repeats_a_key(prey: House) -> None:
    token = prey.tokens["all"]
    asked: list[tuple[str, str, object]] = [
        ("GET", f"/types/?cursor={token}", None),
        ("GET", f"/queues/sms/?prefix={token}", None),
        ("GET", f"/queues/sms/?{token}=1", None),
        ("POST", "/enqueue/sms/acme-1/", {token: 1}),
        ("POST", "/enqueue/sms/acme-1/", job("x", uses=[token])),
        ("POST", "/enqueue/sms/", {"jobs": [job("x", queue_id=f"globex-{token}")]}),
        ("POST", "/enqueue/sms/", {"jobs": [job("x", queue_id="acme-1", uses=[token])]}),
        ("POST", "/-/session", {"key": new_token("all"), token: 1}),
        ("PATCH", "/queue/sms/acme-1/", {"uses": [token]}),
        ("POST", f"/{token}", None),
    ]
    for method, path, body in asked:
        for key_id in ("all", "acme"):
            response = await prey.ask(key_id, method, path, body, X_Request_Id=token[:64])
            assert token not in response.text + str(response.headers), (path, body)
            assert 64 >= len(response.headers["x-request-id"]) > 0


async def test_a_head_that_comes_byte_by_byte_is_the_same(prey: House) -> None:
    sent = f"GET /types/ {PLAIN}Authorization: Bearer {prey.tokens['wrong']}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", prey.served.port)
    for character in sent:
        writer.write(character.encode())
        await writer.drain()
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()
