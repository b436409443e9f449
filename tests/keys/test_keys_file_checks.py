"""What a keys file may say, and what is said of one that cannot be used."""

import pytest

from sharq_plug.keys.checks import BadKeys, parse_keys, read_keys
from sharq_plug.model import Scope

HASH = "ab" * 32
OTHER = "cd" * 32


def reasons(text: str) -> list[str]:
    with pytest.raises(BadKeys) as caught:
        parse_keys(text)
    assert str(caught.value) == "; ".join(caught.value.reasons)
    return list(caught.value.reasons)


def key(**fields: str) -> str:
    said = {"id": '"ops"', "hashes": f'["{HASH}"]', "scopes": '["read"]'} | fields
    return "[[key]]\n" + "".join(f"{name} = {text}\n" for name, text in said.items() if text)


def test_a_key_with_every_field_is_read() -> None:
    text = 'session_secret = "' + "s" * 43 + '"\n'
    text += key(
        hashes=f'["{HASH}", "{OTHER}"]',
        scopes='["read", "admin"]',
        types='["sms", "mail-*"]',
        queues='["eu.*"]',
        expires="2027-01-31T01:00:00+01:00",
    )
    [found], secret = read_keys(text)
    assert found.hashes == (bytes.fromhex(HASH), bytes.fromhex(OTHER))
    assert found.scopes == {Scope.READ, Scope.ADMIN}
    assert (found.types, found.queues) == (("sms", "mail-*"), ("eu.*",))
    assert found.expires == 1801353600.0
    assert secret == b"s" * 43


def test_every_reason_is_told_at_once() -> None:
    text = "sesion = 1\n" + key(id='"Ops"', hashes="[]") + key(scopes='["raed"]', expires="1")
    assert reasons(text) == [
        "unknown field 'sesion'; known: key, session_secret",
        "key number 1: id: must be 1 to 32 of a-z 0-9 -",
        "key number 1: hashes: must be a list of one or two SHA-256 digests, each of 64 of 0-9 a-f",
        f"key ops: scopes: must be a list of scopes: {', '.join(Scope)}; wrong: number 1",
        "key ops: expires: must be a time with its zone, as in 2027-01-31T00:00:00Z",
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": ""}, "id: must be 1 to 32"),
        ({"id": '"a_b"'}, "id: must be 1 to 32"),
        ({"id": '"' + "a" * 33 + '"'}, "id: must be 1 to 32"),
        ({"id": "7"}, "id: must be 1 to 32"),
        ({"hashes": ""}, "hashes: must be a list"),
        ({"hashes": f'"{HASH}"'}, "hashes: must be a list"),
        ({"hashes": f'["{HASH[1:]}"]'}, "wrong: number 1"),
        ({"hashes": f'["{HASH}", "{HASH.upper()}"]'}, "wrong: number 2"),
        ({"hashes": f'["{HASH}", "{HASH}"]'}, "more than once"),
        ({"hashes": f'["{HASH}", "{OTHER}", "{"ef" * 32}"]'}, "there are 3"),
        ({"hashes": "[[]]"}, "wrong: number 1"),
        ({"scopes": ""}, "scopes: must be a list"),
        ({"scopes": "[]"}, "scopes: must be a list"),
        ({"scopes": '["read", "read"]'}, "more than once"),
        ({"scopes": '["read_payloads"]'}, "`read_payloads` needs `read`"),
        ({"types": "[]"}, "types: must be a list of names"),
        ({"types": '["a b"]'}, "wrong: number 1"),
        ({"types": '["a*b"]'}, "wrong: number 1"),
        ({"types": '["..."]'}, "wrong: number 1"),
        ({"types": '["' + "a" * 101 + '"]'}, "wrong: number 1"),
        ({"queues": '["a/*"]'}, "wrong: number 1"),
        ({"queues": "1"}, "queues: must be a list of names"),
        ({"queues": '["a"]', "scopes": '["work"]'}, "`work` cannot be narrowed by queue"),
        ({"expires": '"2027-01-31T00:00:00Z"'}, "expires: must be a time"),
        ({"expires": "2027-01-31T00:00:00"}, "expires: must be a time"),
        ({"expires": "2027-01-31"}, "expires: must be a time"),
        ({"scope": '["read"]'}, "unknown field 'scope'"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, str], reason: str) -> None:
    [told] = reasons(key(**fields))
    assert reason in told
    assert told.startswith("key number 1: " if "id" in fields else "key ops: ")


def test_an_id_is_given_once() -> None:
    assert reasons(key() + key(hashes=f'["{OTHER}"]')) == [
        "key ops: the id is given more than once"
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("[[key]", "is no TOML (at line 1, column 6)"),
        ("key = 1", "each key must be a table"),
        ("key = [1]", "each key must be a table"),
        ("session_secret = 1", "session_secret: must be 43"),
        ('session_secret = "short"', "session_secret: must be 43"),
        ("a = " + "[" * 100_000, "is no TOML"),
    ],
)
def test_a_bad_file_is_told_what_it_is(text: str, reason: str) -> None:
    [told] = reasons(text)
    assert reason in told


SECRET = "sq_ops_" + "S3cret" * 7 + "x"


@pytest.mark.parametrize(
    "text",
    [
        f"{SECRET} = 1",
        f"{SECRET} = 1\n{SECRET} = 2",
        f"[{SECRET}]\n[{SECRET}]",
        f"key = {SECRET}",
        f'session_secret = "{SECRET}" x',
        key(hashes=f'["{SECRET}"]'),
        key(id=f'"{SECRET}"'),
        key(scopes=f'["{SECRET}"]'),
        key(types=f'["{SECRET} "]'),
        key(expires=f'"{SECRET}"'),
        key(**{SECRET: "1"}),
        key(**{SECRET.lower(): "1"}),
    ],
)
def test_no_reason_shows_what_may_be_a_secret(text: str) -> None:
    told = "; ".join(reasons(text)).lower()
    assert "s3cret" not in told
