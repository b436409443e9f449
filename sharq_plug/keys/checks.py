"""From the text of a keys file to its keys, or every reason why it cannot be used."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sharq_plug.errors import SharqError
from sharq_plug.keys.keyring import Key, Keyring
from sharq_plug.keys.tokens import is_key_id
from sharq_plug.model import Scope, can_begin_name, is_name

MAX_HASHES = 2
"""Two while a key is rotated."""
FIELDS = ("id", "hashes", "scopes", "types", "queues", "expires")
_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch
_is_session_secret = re.compile(r"[A-Za-z0-9_-]{43,256}").fullmatch
_is_plain_word = re.compile(r"[a-z_]{1,20}").fullmatch


class BadKeys(SharqError):
    """A keys file cannot be used; the message says every reason, and shows no secret."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


def parse_keys(text: str) -> Keyring:
    """Return the keys of a file. Raises BadKeys with every reason."""
    keys, secret = read_keys(text)
    return Keyring(keys, secret)


def read_keys(text: str) -> tuple[list[Key], bytes | None]:
    """Return the keys of a file in their order, and its session secret. Raises BadKeys."""
    if not text.strip():
        raise BadKeys(["is empty"])
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadKeys([f"is no TOML {_place_of(error)}"]) from None
    except RecursionError:
        raise BadKeys(["is no TOML that can be read: it is nested too deep"]) from None
    reasons = _unknown(said, ("key", "session_secret"), "")
    secret = said.get("session_secret")
    if secret is not None and not (isinstance(secret, str) and _is_session_secret(secret)):
        reasons.append("session_secret: must be 43 to 256 of A-Z a-z 0-9 _ -")
    tables = said.get("key", [])
    if not (isinstance(tables, list) and all(isinstance(table, dict) for table in tables)):
        reasons.append("key: each key must be a table [[key]]")
        tables = []
    keys: dict[str, Key] = {}
    for number, table in enumerate(tables, 1):
        reader = _KeyReader(table, number)
        key = reader.key()
        reasons += reader.reasons
        if key is not None and key.id in keys:
            reasons.append(f"key {key.id}: the id is given more than once")
        elif key is not None:
            keys[key.id] = key
    if reasons:
        raise BadKeys(reasons)
    return list(keys.values()), secret.encode() if isinstance(secret, str) else None


class _KeyReader:
    """Read one table [[key]], and note everything that is wrong with it."""

    def __init__(self, table: Mapping[str, Any], number: int) -> None:
        self._table = table
        key_id = table.get("id")
        has_id = isinstance(key_id, str) and is_key_id(key_id) is not None
        self._place = f"key {key_id}" if has_id else f"key number {number}"
        self.reasons = _unknown(table, FIELDS, f"{self._place}: ")
        if not has_id:
            self._note("id", "must be 1 to 32 of a-z 0-9 -")

    def key(self) -> Key | None:
        """Return the key; None if something is wrong with it."""
        hashes = self._hashes()
        scopes = self._scopes()
        types = self._patterns("types")
        queues = self._patterns("queues")
        expires = self._expires()
        if queues is not None and Scope.WORK in scopes:
            self._note(
                "queues", "`work` cannot be narrowed by queue: a dequeue picks any of a type"
            )
        if Scope.READ_PAYLOADS in scopes and Scope.READ not in scopes:
            self._note("scopes", "`read_payloads` needs `read`")
        if self.reasons:
            return None
        return Key(self._table["id"], hashes, scopes, types, queues, expires)

    def _note(self, field: str, reason: str) -> None:
        self.reasons.append(f"{self._place}: {field}: {reason}")

    def _texts(self, field: str, fits: Callable[[str], object], meant: str) -> list[str] | None:
        """Return a list of texts, each of which fits; None after noting what is wrong."""
        given = self._table.get(field)
        if not isinstance(given, list) or not given:
            self._note(field, f"must be a list of {meant}")
            return None
        wrong = [
            number
            for number, text in enumerate(given, 1)
            if not (isinstance(text, str) and fits(text))
        ]
        if wrong:
            numbers = ", ".join(map(str, wrong))
            self._note(field, f"must be a list of {meant}; wrong: number {numbers}")
            return None
        if len(set(given)) < len(given):
            self._note(field, "has something more than once")
            return None
        return given

    def _hashes(self) -> tuple[bytes, ...]:
        meant = "one or two SHA-256 digests, each of 64 of 0-9 a-f"
        given = self._texts("hashes", _is_hash, meant)
        if given is not None and len(given) > MAX_HASHES:
            self._note("hashes", f"must be a list of {meant}; there are {len(given)}")
        return tuple(map(bytes.fromhex, given or ()))

    def _scopes(self) -> frozenset[Scope]:
        known = {scope.value for scope in Scope}
        given = self._texts("scopes", known.__contains__, f"scopes: {', '.join(Scope)}")
        return frozenset(map(Scope, given or ()))

    def _patterns(self, field: str) -> tuple[str, ...] | None:
        if field not in self._table:
            return None
        meant = "names, or prefixes that end in `*`"
        given = self._texts(field, is_pattern, meant)
        return None if given is None else tuple(given)

    def _expires(self) -> float | None:
        if "expires" not in self._table:
            return None
        expires = self._table["expires"]
        if not isinstance(expires, datetime) or expires.tzinfo is None:
            self._note("expires", "must be a time with its zone, as in 2027-01-31T00:00:00Z")
            return None
        return expires.timestamp()


def is_pattern(text: str) -> bool:
    """Return whether a text is a name, or a prefix that ends in `*`."""
    if not text.endswith("*"):
        return is_name(text)
    prefix = text.removesuffix("*")
    return not prefix or can_begin_name(prefix)


def _place_of(error: tomllib.TOMLDecodeError) -> str:
    """Return where a text is wrong, without the reason: that may show a part of the text."""
    found = re.search(r"\(at (?:line [0-9]+, column [0-9]+|end of document)\)", str(error))
    return found[0] if found else "(somewhere)"


def _unknown(table: Mapping[str, object], known: Sequence[str], place: str) -> list[str]:
    """Return a reason for each unknown field; its name is shown if it can be no secret."""
    return [
        f"{place}unknown field {f'{name!r}' if _is_plain_word(name) else '(not shown)'}; "
        f"known: {', '.join(known)}"
        for name in table
        if name not in known
    ]
