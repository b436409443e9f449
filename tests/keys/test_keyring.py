"""Which token finds which caller."""

import base64
import hmac
from dataclasses import replace

import pytest

from sharq_plug.keys import keyring
from sharq_plug.keys.keyring import Key, Keyring
from sharq_plug.keys.tokens import digest, id_of, new_token, token_of
from sharq_plug.model import Caller, Only, Scope

TOKEN = f"sq_ops_{base64.urlsafe_b64encode(bytes(range(200, 232))).decode().rstrip('=')}"
KEY = Key("ops", (digest(TOKEN),), frozenset({Scope.READ}))


def found(token: str, *keys: Key, now: float = 0.0) -> Caller | None:
    return Keyring(keys or (KEY,)).find(token, lambda: now)


def test_a_token_is_an_id_and_256_random_bits() -> None:
    token = new_token("ops")
    assert id_of(token) == "ops"
    secret = token.removeprefix("sq_ops_")
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    assert len({new_token("ops") for _ in range(100)}) == 100


def test_a_token_finds_its_key_and_no_other_does() -> None:
    caller = found(TOKEN)
    assert caller is not None
    assert (caller.id, caller.scopes) == ("ops", frozenset({Scope.READ}))
    other = new_token("ops")
    wrong = [other, TOKEN[:-1], TOKEN + "A", TOKEN.replace("ops", "oqs"), "", "sq_", f"{TOKEN}\n"]
    last = TOKEN[:-1] + ("A" if TOKEN[-1] != "A" else "B")
    for token in [*wrong, last, TOKEN.upper(), "é" * 50, KEY.hashes[0].hex()]:
        assert found(token) is None


def test_two_tokens_work_while_a_key_is_rotated() -> None:
    newer = new_token("ops")
    rotating = replace(KEY, hashes=(digest(TOKEN), digest(newer)))
    callers = [found(token, rotating) for token in (TOKEN, newer)]
    assert [caller and caller.seal for caller in callers] == list(rotating.hashes)


def test_a_key_expires_at_its_instant() -> None:
    expiring = replace(KEY, expires=1000.0)
    assert found(TOKEN, expiring, now=999.9) is not None
    assert found(TOKEN, expiring, now=1000.0) is None
    ring = Keyring([expiring])
    assert len(ring.callers("ops", lambda: 999.9)) == 1
    assert ring.callers("ops", lambda: 1000.0) == ()
    assert ring.callers("nobody", lambda: 0.0) == ()


def test_every_digest_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(keyring, "compare_digest", noting)
    newer, unknown = new_token("ops"), new_token("nobody")
    rotating = replace(KEY, hashes=(digest(TOKEN), digest(newer)))
    for token, times in ((TOKEN, 2), (newer, 2), (new_token("ops"), 2), (unknown, 1)):
        compared.clear()
        found(token, rotating)
        assert [other for _, other in compared] == [digest(token)] * times


def test_a_header_that_was_right_is_known_again_and_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[object] = []

    def noting(one: str, other: str) -> bool:
        compared.append(other)
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(keyring, "compare_digest", noting)
    ring, clock = Keyring([replace(KEY, expires=1000.0)]), [0.0]
    header = f"Bearer {TOKEN}"
    callers = [ring.caller_of(header, lambda: clock[0]) for _ in range(2)]
    assert callers[0] is callers[1] is not None
    assert compared == [digest(TOKEN), header]
    wrong = f"Bearer {new_token('ops')}"
    for other in (wrong, header + " ", header[:-1], "Bearer é", wrong):
        if other.strip() != header:
            assert ring.caller_of(other, lambda: clock[0]) is None
    assert ring.recall(header, lambda: clock[0]) is callers[0]
    clock[0] = 1000.0
    assert ring.caller_of(header, lambda: clock[0]) is None
    assert ring.recall(header, lambda: clock[0]) is None


def test_a_header_of_the_same_hash_is_not_the_same_header() -> None:
    class Same(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return hash(f"Bearer {TOKEN}")

    ring = Keyring([KEY])
    assert ring.caller_of(f"Bearer {TOKEN}", lambda: 0.0) is not None
    for other in (f"Bearer {new_token('ops')}", f"Bearer {TOKEN[:-1]}", "Bearer é"):
        assert ring.recall(Same(other), lambda: 0.0) is None
        assert ring.caller_of(Same(other), lambda: 0.0) is None


def test_only_so_many_headers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "MAX_KNOWN", 3)
    ring = Keyring([KEY])
    for spaces in range(1, 10):
        assert ring.caller_of(f"Bearer{' ' * spaces}{TOKEN}", lambda: 0.0) is not None
    assert len(ring._known) == 3


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (f"Bearer {TOKEN}", TOKEN),
        (f"bearer  {TOKEN}", TOKEN),
        ("Bearer", ""),
        (TOKEN, None),
        ("", None),
        (f"Digest {TOKEN}", None),
        ("Basic !!!", None),
        ("Basic " + "QUFB" * 100, None),
        ("Basic " + base64.b64encode("ops:é".encode()).decode(), None),
        ("Basic " + base64.b64encode(b"ops").decode(), "sq_ops_"),
    ],
)
def test_a_header_holds_a_token(authorization: str, token: str | None) -> None:
    assert token_of(authorization) == token


@pytest.mark.parametrize("secret", [TOKEN.removeprefix("sq_ops_"), TOKEN])
def test_basic_has_the_id_as_user_and_the_secret_as_password(secret: str) -> None:
    said = base64.b64encode(f"ops:{secret}".encode()).decode()
    assert token_of(f"Basic {said}") == TOKEN


def test_a_repr_shows_no_hash() -> None:
    caller = found(TOKEN)
    for shown in (repr(KEY), repr(caller)):
        assert str(KEY.hashes[0]) not in shown
        assert "hashes" not in shown
        assert "seal" not in shown


@pytest.mark.parametrize(
    ("patterns", "inside", "outside"),
    [
        (["sms"], ["sms"], ["sms2", "sm", "", "SMS"]),
        (["sms-*"], ["sms-", "sms-a"], ["sms", "xsms-a"]),
        (["a", "b*", "c*"], ["a", "b", "cc"], ["aa", "d"]),
        (["*"], ["", "anything"], []),
    ],
)
def test_patterns_are_names_and_prefixes(
    patterns: list[str], inside: list[str], outside: list[str]
) -> None:
    only = Only.of(patterns)
    assert [name in only for name in inside] == [True] * len(inside)
    assert [name in only for name in outside] == [False] * len(outside)
