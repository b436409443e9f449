"""Tokens, secrets, digests, sessions and payloads stand nowhere but where they are due.

A real server is sent keys, right and wrong, in every place where they do and do not belong, and
made to fail in every way. Then its log, its files, its answers and what the system shows of its
process are searched.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sharq_plug.keys.tokens import new_token
from support.http_client import Wire
from support.plugin_folder import LEAKY, make_plugin
from support.server import ServerProcess, run_command
from support.waiting import until

PAYLOAD = "p4yl0ad"


class Keys:
    """A keys file with one key, made by the command; and a token that is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {"SHARQ_SERVER_KEYS_FILE": str(path)}
        self.right = self.add("root", "--scopes", "enqueue,work,read,admin")
        self.narrow = self.add("acme", "--scopes", "enqueue,read", "--queues", "acme-*")
        self.wrong = new_token("root")
        [self.session_secret] = re.findall(r'session_secret = "(.*)"', path.read_text())

    def add(self, key_id: str, *flags: str) -> str:
        """Add a key; make sure that its token is shown once."""
        done = run_command("keys", "add", key_id, *flags, environ=self.environ)
        assert done.returncode == 0, done
        [token] = map(str, re.findall(r"sq_\S+", done.stdout))
        assert "sq_" not in done.stderr
        listed = run_command("keys", "list", environ=self.environ)
        assert token[-43:] not in self.path.read_text() + listed.stdout + listed.stderr
        assert hashlib.sha256(token.encode()).hexdigest() not in listed.stdout + listed.stderr
        return token

    def secrets(self) -> list[str]:
        """Return what must not be shown, in each way to write it."""
        found = [self.session_secret]
        for token in (self.right, self.narrow, self.wrong):
            key_id, secret = token[3:-44], token[-43:]
            found += [secret, hashlib.sha256(token.encode()).hexdigest()]
            found.append(base64.b64encode(f"{key_id}:{secret}".encode()).decode())
        return found


def head(line: str, *headers: str, body: bytes = b"", length: str | None = None) -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: x", "Connection: close", *headers]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def job(job_id: str, **more: object) -> bytes:
    return json.dumps({"job_id": job_id, "interval": 0, "payload": PAYLOAD, **more}).encode()


def provoked(token: str, sender: str, cookie: str) -> Iterator[tuple[bytes, set[int]]]:
    """Yield requests that hold a token and a payload, and the statuses that they may get.

    `sender` is the token that the request is sent with.
    """
    bearer = f"Authorization: Bearer {sender}"
    basic = base64.b64encode(f"{token[3:-44]}:{token[-43:]}".encode()).decode()
    yield head("GET /types/", f"Authorization: Bearer {token}"), {200, 401, 403}
    yield head("GET /types/", f"Authorization: Basic {basic}"), {200, 401, 403}
    yield head("GET /types/", f"Authorization: Token {token}"), {401}
    yield head("GET /types/", f"Cookie: {cookie}"), {200, 401, 403}
    yield head("GET /types/", f"Cookie: sharq_session={token}"), {401}
    yield head("POST /-/session", body=json.dumps({"key": token}).encode()), {201, 401}
    yield head("POST /-/session", body=json.dumps({"kye": token}).encode()), {400}
    yield head("POST /-/session", body=f'{{"key": {token}'.encode()), {400}
    for path in (f"/{token}/", f"/queue/sms/{token}/", f"/enqueue/{token}/acme-1/", f"/%2F{token}"):
        yield head(f"GET {path}", bearer), {400, 404, 405}
        yield head(f"POST {path}", bearer, body=job("x")), {400, 404, 405}
        yield head(f"DELETE {path.replace('_', '%5f')}?a={token}"), {400, 401, 404, 405}
    yield head(f"GET http://root:{token[-43:]}@x/types/"), {400}
    yield head(f"GET /types/?key={token}"), {401}
    yield head(f"PUT /types/?key={token}", bearer, body=job("j")), {405}
    yield head(f"GET /types/?{token}&cursor={token}", bearer), {200, 400, 401, 403}
    yield head(f"GET /queues/sms/?prefix={token}&sort={token}", bearer), {200, 400, 401, 403}
    yield head(f"GET /jobs/sms/acme-1/?state={token}", bearer), {400, 401, 403}
    yield head("GET /types/", bearer, f"X-Request-Id: {token[:64]}"), {200, 401, 403}
    yield head("GET /", f"traceparent: 00-{token}-01", f"tracestate: k={token}"), {200}
    yield head("GET /", f"Accept: {token}", f"Sec-Fetch-Site: {token}", f"Origin: {token}"), {200}
    yield head("GET /", f"{token}: {token}"), {200}
    yield head("GET /", f"Expect: {token}", body=b"x"), {417}
    yield head("GET /", length=token), {400}
    yield head("GET /", f"Transfer-Encoding: {token}"), {400, 501}
    yield f"GET / HTTP/1.1\r\nHost: {token} x\r\n\r\n".encode(), {400}
    yield f"{token}\r\n\r\n".encode(), {400}
    yield f"GET {token} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), {400}
    yield f"GET / HTTP/1.1\r\n{token}\r\n\r\n".encode(), {400}
    yield head(f"GET /{token * 150}"), {400, 404, 413, 414}
    for body, statuses in (
        (job("j1", headers={"a": token}), {201, 200, 401}),
        (job("j2")[:-1] + token.encode(), {400, 401}),
        (job("j3", **{token: PAYLOAD}), {400, 401}),
        (job("j4", priority=PAYLOAD), {400, 401}),
        (job("j5", uses=[token]), {400, 401, 403}),
        (job(f"{token} {PAYLOAD}"), {400, 401}),
        (job("boom"), {500, 401}),
        (PAYLOAD.encode() * 200_000, {413, 401}),
        (PAYLOAD.encode(), {400, 401}),
    ):
        yield head("POST /enqueue/sms/acme-1/", bearer, body=body), statuses
    yield (
        head("POST /enqueue/sms/acme-1/", bearer, f"Idempotency-Key: {token}", body=job("i")),
        {*(200, 201, 400, 401)},
    )
    yield head("POST /enqueue/sms/other/", bearer, body=job("j")), {201, 200, 401, 403}
    items = f'{{"jobs": [{job("boom").decode()[:-1]}, "queue_id": "acme-1"}}, "{token}"]}}'.encode()
    yield head("POST /enqueue/sms/", bearer, body=items), {500, 401, 200}
    yield (
        head("PATCH /type/sms/", bearer, body=json.dumps({token: PAYLOAD}).encode()),
        {*(400, 401, 403)},
    )
    yield (
        head("POST /fail/sms/acme-1/j1/", bearer, body=json.dumps({"lease": token}).encode()),
        {*(401, 403, 404, 409)},
    )


def ask(server: ServerProcess, sent: bytes) -> tuple[int, str]:
    with Wire(server.port) as wire:
        wire.send(sent)
        answer = wire.answer(method=sent.partition(b" ")[0])
    assert answer is not None, sent
    return answer.status, answer.head.decode("latin-1") + answer.body.decode()


def broken_files(keys: Keys) -> Iterator[str]:
    """Yield keys files that are wrong, each in a place where a secret stands."""
    good = keys.path.read_text()
    yield good + f"\n{keys.wrong}"
    yield good + f"\nx = {keys.right}"
    yield good.replace("hashes = [", f'hashes = ["{keys.right}", ')
    yield good.replace('id = "acme"', f'id = "{keys.right}"')
    yield good.replace("[[key]]", f'[[key]]\n"{keys.right}" = "{keys.right}"', 1)
    yield good.replace("scopes = [", f'scopes = ["{keys.right}", ')
    yield good.replace("queues = [", f'queues = ["{keys.right} {PAYLOAD}", ')
    yield good.replace("session_secret = ", f'session_secret = "{keys.session_secret}" #', 1) + "["
    yield good.replace(keys.session_secret, f"{keys.session_secret} {keys.session_secret}")
    yield good + good


def problems(server: ServerProcess, keys: Keys, said: list[str]) -> list[str]:
    """Return what operators are told of problems, and note it."""
    headers = {"Authorization": f"Bearer {keys.right}"}
    detail = httpx.get(f"{server.url}/-/ready?detail=1", headers=headers)
    said.append(detail.text)
    found: list[str] = detail.json()["problems"]
    return found


def break_the_file(server: ServerProcess, keys: Keys, said: list[str]) -> None:
    """Put bad keys files into the place of a good one; wait until each is told of."""
    good, told = keys.path.read_text(), problems(server, keys, said)
    for text in list(broken_files(keys)):
        keys.path.write_text(text)
        until(lambda: problems(server, keys, said) != told)  # noqa: B023  # it is called here only
        told = problems(server, keys, said)
        assert told
    checked = run_command("--check", environ=keys.environ)
    assert checked.returncode == 2
    said += [checked.stdout, checked.stderr]
    keys.path.write_text(good)
    until(lambda: problems(server, keys, said) == [])


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_and_no_payload_stands_where_it_is_not_due(
    log_format: str, tmp_path: Path
) -> None:
    keys = Keys(tmp_path / "keys.toml")
    plugin = make_plugin(tmp_path, group="sharq_plug.backends", name="leaky", code=LEAKY)
    access_log = tmp_path / "access.log"
    environ = {
        **plugin,
        **keys.environ,
        "SHARQ_SERVER_BACKEND": "leaky",
        "SHARQ_SERVER_LOG_FORMAT": log_format,
        "SHARQ_SERVER_ACCESSLOG": "-" if log_format == "text" else str(access_log),
    }
    said: list[str] = []
    cookies: list[str] = []
    with ServerProcess(environ=environ) as server:
        for token in (keys.right, keys.narrow):
            response = httpx.post(f"{server.url}/-/session", json={"key": token})
            cookies.append(response.headers["set-cookie"].partition(";")[0])
            said.append(response.text)
        cookies.append(f"{cookies[0][:-1]}{'0' if cookies[0][-1] != '0' else '1'}")
        statuses = set()
        for token, cookie in zip((keys.right, keys.narrow, keys.wrong), cookies, strict=True):
            for sender in (keys.right, keys.wrong):
                for sent, expected in provoked(token, sender, cookie):
                    status, text = ask(server, sent)
                    assert status in expected, (sent, text)
                    statuses.add(status)
                    said.append(re.sub(r"(?im)^set-cookie: sharq_session=\S*", "", text))
        assert statuses >= {200, 201, 400, 401, 403, 404, 405, 409, 413, 417, 500}
        right = {"Authorization": f"Bearer {keys.right}"}
        break_the_file(server, keys, said)
        taken = httpx.get(f"{server.url}/dequeue/sms/", headers=right).json()
        assert taken.pop("payload") == PAYLOAD  # where it is due, as are the headers of the job
        assert taken.pop("headers") is not None
        said.append(str(taken))
        paths = ("/-/metrics", "/-/ready?detail=1", "/types/", "/queues/sms/")
        said += [httpx.get(f"{server.url}{path}", headers=right).text for path in paths]
        process = Path(f"/proc/{server.process.pid}")
        said += [(process / name).read_text() for name in ("cmdline", "environ")]
        assert server.stop() == 0
        log = server.log()
    assert "RuntimeError" in log
    if log_format == "json":
        log += access_log.read_text()
        assert '"key_id":"root"' in log
    hidden = [*keys.secrets(), *(cookie.partition("=")[2] for cookie in cookies), PAYLOAD]
    for secret in hidden:
        assert [line for line in log.splitlines() if secret in line] == []
        assert [text for text in said if secret in text] == []
