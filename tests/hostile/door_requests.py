"""Requests whose keys, cookies and words about pages are right, wrong, or nearly right."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from hypothesis import strategies as st

from hostile.door_keys import KEYS, Entry, Ring, Visitor
from hostile.grammar import (
    JOBS,
    NAMES,
    TARGETS,
    Sent,
    Target,
    bodies,
    mostly,
    queries,
    strange_names,
)
from hostile.snapshot import QUEUES

COOKIE = "sharq_session"
LOOKS = [target for target in TARGETS if target.route.scope == "read"]
"""Routes whose answers could show what others have."""
SITES = (None, None, "same-origin", "cross-site", "same-site", "none", "Same-Origin", "")
ORIGINS = (None, None, "http://evil.example", "https://localhost", "null")


@dataclass(frozen=True)
class Proof:
    """Headers that say who asks, whom the oracle takes them for, and the way they say so."""

    lines: tuple[bytes, ...]
    entry: Entry | None
    way: str = ""


@dataclass(frozen=True)
class Visit:
    """A request, and what the oracle has to know of it."""

    sent: Sent
    told: str
    """The method and the path of its route, as in `door_table`."""
    names: Mapping[str, str]
    query: bytes
    body: bytes
    visitor: Visitor
    has_cookie: bool
    has_token_in_path: bool


def _authorization(value: bytes | str) -> bytes:
    data = value if isinstance(value, bytes) else value.encode()
    return b"Authorization: " + data


def _cookie(value: str) -> bytes:
    return f"Cookie: {value}".encode()


def _basic(said: bytes) -> str:
    return f"Basic {base64.b64encode(said).decode()}"


def _flipped(token: str, place: int) -> str:
    """Return a token with one character of its secret changed."""
    at = len(token) - 43 + place
    return f"{token[:at]}{'A' if token[at] != 'A' else 'B'}{token[at + 1 :]}"


NARROW = ("sms", "e-types", "elsewhere", "q-queues", "no-queue", "reader")
key_ids = st.sampled_from([*KEYS, *NARROW, *NARROW])


@st.composite
def right_bearers(draw: st.DrawFn, ring: Ring) -> Proof:
    key_id = draw(key_ids)
    token = ring.second if key_id == "rotated" and draw(st.booleans()) else ring.tokens[key_id]
    scheme = draw(mostly(st.just("Bearer "), st.sampled_from(["bearer ", "BEARER  ", "Bearer   "])))
    return Proof((_authorization(scheme + token),), KEYS[key_id], "bearer")


@st.composite
def right_basics(draw: st.DrawFn, ring: Ring) -> Proof:
    key_id = draw(key_ids)
    token = ring.tokens[key_id]
    secret = draw(st.sampled_from([token, token[-43:]]))
    header = _basic(f"{key_id}:{secret}".encode())
    return Proof((_authorization(header),), KEYS[key_id], "basic")


@st.composite
def right_cookies(draw: st.DrawFn, ring: Ring) -> Proof:
    key_id = draw(key_ids)
    cookie = f"{COOKIE}={ring.session(key_id)}"
    more = draw(st.sampled_from(["{}", "a=b; {}", "{}; sharq=1", "{} ;b", "sharq_session2=x; {}"]))
    lines: tuple[bytes, ...] = (_cookie(more.format(cookie)),)
    if not draw(st.integers(0, 4)):  # a proxy's own password
        lines += (_authorization(_basic(b"proxy:secret")),)
    return Proof(lines, KEYS[key_id], "cookie")


def _wrong_authorizations(ring: Ring, key_id: str, other: str, place: int) -> Sequence[str | bytes]:
    """Return headers that are no key, though they are near one."""
    token, foreign = ring.tokens[key_id], ring.tokens[other]
    secret = token[-43:]
    good = base64.b64encode(f"{key_id}:{secret}".encode()).decode()
    return [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer\t{token}",
        token,
        f"Bearer {_flipped(token, place)}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}A",
        f"Bearer {token} x",
        f"Bearer {token},{token}",
        f"Bearer {token}, Bearer {token}",
        f"Bearer Bearer {token}",
        f"Bearer {secret}",
        f"Bearer {token.upper()}",
        f"Bearer sq_{key_id.upper()}_{secret}",
        f"Bearer sq_{key_id}__{secret[:-1]}",
        f"Bearer sq__{secret}",
        f"Bearer sq_nobody_{secret}",
        f"Bearer {ring.gone}",
        f"Bearer sq_{key_id}-x_{foreign[-43:]}",
        f"Bearer {token}".encode() + bytes([0x80 + place]),
        f"Bearer {token[:-1]}".encode() + b"\xc3\xa9",
        b"\xff\xfe",
        f"Bearer {'A' * 7000}",
        f"Digest {token}",
        f"Basic {good[:-2]}",
        f"Basic {good[:place]}!{good[place:]}",
        f"Basic ={good}",
        "Basic",
        "Basic ====",
        f"Basic {'A' * 7000}",
        f"Basic {token}",
        _basic(f"{key_id}:{_flipped(token, place)[-43:]}".encode()),
        _basic(f"{key_id}:{secret}:".encode()),
        _basic(f":{key_id}:{secret}".encode()),
        _basic(b":" * 100),
        _basic(f"{key_id}\0:{secret}".encode()),
        _basic(f"{key_id}:{secret}\n".encode()),
        _basic(b"\xff:\xfe"),
        _basic(f"{other}-x:{token}".encode()),
    ]


def _wrong_cookies(ring: Ring, key_id: str, other: str, place: int) -> Sequence[str]:
    """Return cookies that stand for nobody, though they are near a session."""
    good = ring.session(key_id)
    named, expires, signature = good.split(".")
    changed = "0" if signature[place] != "0" else "1"
    forged = f"{signature[:place]}{changed}{signature[place + 1 :]}"
    return [
        f"{COOKIE}=",
        f"{COOKIE}={named}.{expires}.{forged}",
        f"{COOKIE}={named}.{int(expires) + 1}.{signature}",
        f"{COOKIE}={other}-x.{expires}.{signature}",
        f"{COOKIE}={named}.{expires}.{signature[:-1]}",
        f"{COOKIE}={named}.{expires}",
        f"{COOKIE}={ring.session(key_id, left=-1)}",
        f"{COOKIE}={ring.session(key_id, token=ring.gone)}",
        f"{COOKIE}={ring.session('gone', token=ring.gone)}",
        f"{COOKIE}={ring.session('nobody', token=ring.tokens[key_id])}",
        f'{COOKIE}="{good}"',
        f"{COOKIE}={good}; {COOKIE}={ring.session(other)}",
        f"{COOKIE}={good}; {COOKIE}={good}",
        f"{COOKIE}x={good}",
        f"{COOKIE.upper()}={good}",
        f"{COOKIE}={ring.tokens[key_id]}",
        f"{COOKIE}={'a.' * 3000}",
        good,
        ";;;===",
    ]


@st.composite
def wrong_proofs(draw: st.DrawFn, ring: Ring) -> Proof:
    key_id, other, place = draw(key_ids), draw(key_ids), draw(st.integers(0, 42))
    lines: list[bytes] = []
    kind = draw(st.integers(0, 9))
    if kind < 6:
        wrong = _wrong_authorizations(ring, key_id, other, place)
        lines.append(_authorization(draw(st.sampled_from(wrong))))
    if kind == 6:  # a wrong Bearer is not made good by a cookie
        lines = [
            _authorization(f"Bearer {_flipped(ring.tokens[key_id], place)}"),
            _cookie(f"{COOKIE}={ring.session(key_id)}"),
        ]
    if kind == 7:  # two headers are no key, even if each is one
        lines = [_authorization(f"Bearer {ring.tokens[name]}") for name in (key_id, other)]
    if kind in {5, 8}:
        cookies = _wrong_cookies(ring, key_id, other, place)
        lines.append(_cookie(draw(st.sampled_from(cookies))))
    return Proof(tuple(lines), None)


def proofs(ring: Ring) -> st.SearchStrategy[Proof]:
    return st.one_of(
        right_bearers(ring),
        right_bearers(ring),
        right_basics(ring),
        right_cookies(ring),
        wrong_proofs(ring),
        wrong_proofs(ring),
    )


@st.composite
def session_bodies(draw: st.DrawFn, ring: Ring) -> bytes:
    key_id, other, place = draw(key_ids), draw(key_ids), draw(st.integers(0, 42))
    token = ring.tokens[key_id]
    wrong: list[Any] = [
        *("", "x", " ", token[:-1], f" {token}x", _flipped(token, place), ring.gone, "é" * 99),
        *(f"Bearer {token}", f"sq_{other}-x_{token[-43:]}", token[-43:], "A" * 5000, "\0", None),
        *(1, [token], {"key": token}, f"{token}\n{token}", f"{key_id}:{token[-43:]}"),
    ]
    key = draw(st.one_of(st.just(token), st.just(token), st.sampled_from(wrong)))
    body = {"key": key} | draw(mostly(st.just({}), st.just({"more": 1})))
    broken = st.sampled_from([b"", b"{", b"[]", b"null", b'{"key"', b"\xff", b'{"key":"\\ud800"}'])
    usual: bytes = draw(mostly(st.just(json.dumps(body).encode()), broken))
    return usual


@st.composite
def paths(draw: st.DrawFn, target: Target, ring: Ring) -> tuple[bytes, Mapping[str, str], bool]:
    """Return a path, the names in it as the server reads them, and whether one is a token."""
    route, names, has_token = target.route, {}, False
    parts = [route.verb.encode()]
    for name in route.names:
        usual = st.sampled_from(NAMES[name]).map(lambda text: quote(text, safe="").encode())
        strange = strange_names.filter(lambda raw: not set(b"/?#\r\n \t\0\x1b") & set(raw))
        plain = strange.filter(lambda raw: all(33 <= byte < 127 for byte in raw))
        raw = draw(mostly(mostly(usual, plain), usual))
        if not draw(st.integers(0, 60)):
            raw, has_token = draw(st.sampled_from(list(ring.tokens.values()))).encode(), True
        if draw(st.integers(0, 9)) == 0 and raw[:1].isalpha():
            raw = b"%%%02x" % raw[0] + raw[1:]  # another way to write the same
        parts.append(raw)
        names[name] = unquote_to_bytes(raw).decode(errors="replace")
    end = draw(st.sampled_from([b"", b"/"])) if names and parts[-1] else b"/"
    return b"/" + b"/".join(parts) + end, names, has_token


@st.composite
def plain_jobs(draw: st.DrawFn, *, is_batch: bool) -> bytes:
    """A job that is right, or a batch of such jobs; some say which shared limits they use."""

    def job() -> dict[str, object]:
        found: dict[str, object] = {"job_id": draw(st.sampled_from(JOBS)), "interval": 0}
        found["payload"] = 1
        if draw(st.integers(0, 3)) == 0:
            found["uses"] = draw(st.sampled_from([[], None, ["l1"]]))
        return found

    if not is_batch:
        return json.dumps(job()).encode()
    jobs = [job() | {"queue_id": draw(st.sampled_from(QUEUES))} for _ in range(3)]
    return json.dumps({"jobs": jobs}).encode()


@st.composite
def visits(draw: st.DrawFn, ring: Ring) -> Visit:
    """A request for one of the routes, by somebody."""
    target = draw(st.sampled_from([*TARGETS, *LOOKS, *LOOKS]))
    route = target.route
    path, names, has_token = draw(paths(target, ring))
    query: bytes = draw(mostly(st.just(b""), queries(route.verb)))
    if route.verb == "-/ready":
        query = draw(st.sampled_from([b"", b"?detail=1", b"?detail=1", b"?detail=0"]))
    if route.verb in {"job", "jobs"} and draw(st.booleans()):
        state = draw(st.sampled_from([b"&state=dead", b"&state=waiting"]))
        query = b"?payload=1" + (state if route.verb == "jobs" else b"")
    if b"wait=" in query or not all(33 <= byte < 127 and byte != 35 for byte in query):
        query = b""
    body: bytes = draw(session_bodies(ring) if route.verb == "-/session" else bodies(target))
    if route.verb == "enqueue" and draw(st.booleans()):
        body = draw(plain_jobs(is_batch=route.is_batch))
    proof = draw(proofs(ring))
    site, origin = draw(st.sampled_from(SITES)), draw(st.sampled_from(ORIGINS))
    method = route.methods[0].encode()
    head = st.just(b"HEAD")
    sent_as = draw(mostly(st.just(method), head if "HEAD" in route.methods else st.just(method)))
    target_of = draw(mostly(st.just(b""), st.just(b"http://localhost")))
    lines = [b"%b %b%b%b HTTP/1.1" % (sent_as, target_of, path, query), b"Host: localhost"]
    lines += proof.lines
    if site is not None:
        lines.append(f"Sec-Fetch-Site: {site}".encode())
    if origin is not None:
        lines.append(f"Origin: {origin}".encode())
    lines += draw(mostly(st.just([]), st.lists(st.sampled_from(_tricks(ring)), max_size=3)))
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    data = b"\r\n".join(lines) + b"\r\n\r\n" + body
    visitor = Visitor(proof.entry, proof.way, site, origin)
    has_cookie = any(line.startswith(b"Cookie:") for line in proof.lines)
    told = f"{route.methods[0]} {route.path}"
    return Visit(Sent(sent_as, data), told, names, query, body, visitor, has_cookie, has_token)


def _tricks(ring: Ring) -> Sequence[bytes]:
    """Return headers that some servers believe, and tokens where none belongs."""
    token = ring.tokens["root"].encode()
    return [
        b"X-Forwarded-For: 127.0.0.1",
        b"X-Forwarded-Proto: https",
        b"Forwarded: for=127.0.0.1;proto=https",
        b"X-Forwarded-User: root",
        b"X-Original-URL: /-/health",
        b"X-Rewrite-URL: /-/health",
        b"X-HTTP-Method-Override: OPTIONS",
        b"Remote-User: root",
        b"Proxy-Authorization: Bearer " + token,
        b"X-Api-Key: " + token,
        b"X-Request-Id: " + token,
        b"X-Request-Id: " + token[-43:] + b".",
        b"traceparent: 00-" + token,
        b"Idempotency-Key: k",
        b"If-Match: *",
        b"Accept: application/openmetrics-text",
    ]
